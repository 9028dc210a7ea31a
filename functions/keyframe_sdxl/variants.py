"""Adapters put on a UNet in place, a changed weight at a time: `functions.models.variants` sums, this says which."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from functions.models.adapters import Lora
from functions.models.staging import Model
from functions.models.variants import summed

SPOKEN = ("text_encoder.", "text_encoder_2.")


@dataclass(frozen=True, eq=False)
class Worn:
    """An adapter and how strongly it acts. `key` names its file. Weights of text encoders have their names before them:
    `text_encoder.text_model...`, `text_encoder_2.text_model...`; others are the UNet's.
    """

    key: Hashable
    lora: Lora
    scale: float

    @property
    def speaks(self) -> bool:
        """Whether it changes how texts are read."""
        return any(name.startswith(SPOKEN) for name in self.lora.factors)

    def of(self, model: str) -> "Worn":
        """What of it is for one model, under that model's own names."""
        parts = {_own_name(name, model): factors for name, factors in self.lora.factors.items()}
        return replace(self, lora=replace(self.lora, factors={name: f for name, f in parts.items() if name}))


def _own_name(name: str, model: str) -> str:
    """The weight's name in a model, empty where it is another's."""
    spoken = name.startswith(SPOKEN)
    if model == "unet":
        return "" if spoken else name
    return name.removeprefix(f"{model}.") if name.startswith(f"{model}.") else ""


@dataclass
class _Own:
    pristine: dict[str, Tensor] = field(default_factory=dict)
    worn: dict[str, tuple[Hashable, ...]] = field(default_factory=dict)


class Wardrobe:
    """What each UNet of this worker wears. Pristine weights of what was ever touched are kept in main memory."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[nn.Module, _Own] = WeakKeyDictionary()

    def wear(self, unet: nn.Module, adapters: Sequence[Worn]) -> None:
        """Give the UNet exactly these adapters. Wearing none again leaves it bit-equal to what it was."""
        own = self._known.setdefault(unet, _Own())
        parameters = dict(unet.named_parameters())
        parameters |= {f"text_model.{name}": value for name, value in parameters.items()}
        for name in sorted({name for one in adapters for name in one.lora.factors} | own.worn.keys()):
            wanted = [one for one in adapters if name in one.lora.factors]
            keys = tuple((one.key, one.scale) for one in wanted)
            if own.worn.get(name, ()) != keys:
                if name not in own.pristine:
                    own.pristine[name] = parameters[name].detach().to("cpu", copy=True)
                own.worn[name] = (None,)
                laid = [(one.lora, one.scale) for one in wanted]
                parameters[name].data.copy_(summed(name, own.pristine[name], laid, parameters[name].device))
                own.worn[name] = keys

    def forget(self, unet: nn.Module) -> None:
        """Its weights were put back by others."""
        if unet in self._known:
            self._known[unet].worn.clear()


def shapes(model: str, module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights that an adapter may touch; text encoders are named as their publishers do."""
    own = {name: tuple(value.shape) for name, value in module.state_dict().items() if ".processor." not in name}
    if model == "unet":
        return own
    return {f"{model}.text_model.{name.removeprefix('text_model.')}": shape for name, shape in own.items()}


def file_key(path: Path) -> str:
    """sha256 of an adapter's file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dressed(model: Model, adapters: Sequence[Worn]) -> Model:
    """The same model with adapters put on as it is loaded: for placements that move weights piece by piece."""

    def load(device: torch.device) -> nn.Module:
        module = model.load(device)
        Wardrobe().wear(module, adapters)
        return module

    return replace(model, key=(model.key, tuple((one.key, one.scale) for one in adapters)), load=load)
