"""A person's own LoRA files, each for the expert it names, and the distillation that a recipe lays under them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from functions.contract.errors import InputError
from functions.contract.params import Adapter
from functions.models import tensors
from functions.models.adapters import Lora, read_lora
from functions.motion_wan.recipes import Expert

LOW = "transformer_2."
"""What the names of the low-noise expert's weights begin with, in files that hold both."""
NAMED = re.compile(r"[_.-](high|low)(?:[_.-]noise)?$")


@dataclass(frozen=True)
class Variant:
    """Adapters laid over an expert, with their strengths; `name` tells variants apart."""

    name: str
    adapters: tuple[tuple[Lora, float], ...] = ()

    def over(self, name: str, lora: Lora, strength: float) -> "Variant":
        """With one more adapter."""
        return Variant(f"{self.name}+{name}*{strength:g}", (*self.adapters, (lora, strength)))


def own(
    adapters: Sequence[Adapter], inputs: Mapping[str, Path], base: Mapping[str, tuple[int, ...]], single: bool
) -> list[tuple[Adapter, dict[Expert, Lora]]]:
    """Each adapter of a job, matched against `base` and split by expert.

    Raises `InputError` for a file that is missing, is no LoRA of this model, or does not say which expert it is for: by
    keys of both, by `expert` in its header, or by the end of its input's name (`_high`, `_low`).
    """
    found: list[tuple[Adapter, dict[Expert, Lora]]] = []
    for adapter in adapters:
        path = inputs.get(adapter.input)
        if path is None:
            raise InputError(f"the adapter '{adapter.input}' is not among the inputs; send its file or leave it out")
        lora = read_lora(path, base if single else {**base, **{LOW + name: shape for name, shape in base.items()}})
        found.append((adapter, {"high": lora} if single else _split(lora, adapter.input, path)))
    return found


def _split(lora: Lora, name: str, path: Path) -> dict[Expert, Lora]:
    low = {key.removeprefix(LOW): value for key, value in lora.factors.items() if key.startswith(LOW)}
    if not low:
        return {_named(name, path): lora}
    high = {key: value for key, value in lora.factors.items() if not key.startswith(LOW)}
    parts: dict[Expert, Lora] = {"low": replace(lora, factors=low)}
    if high:
        parts["high"] = replace(lora, factors=high)
    return parts


def _named(name: str, path: Path) -> Expert:
    said = tensors.metadata(path).get("expert", "")
    match = NAMED.search(name)
    told = said if said in ("high", "low") else match[1] if match else ""
    if told == "high":
        return "high"
    if told == "low":
        return "low"
    raise InputError(
        f"the adapter '{name}' does not say which expert it is for: call its input {name}_high or {name}_low, "
        "or send one file with the keys of both"
    )
