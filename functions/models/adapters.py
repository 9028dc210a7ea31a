"""LoRA files, read in every published form and matched against the model that they are for.

A file holds, for each module, factors `down` (rank, in) and `up` (out, rank); the weight's delta is
`alpha / rank * up @ down` (Hu et al., 2021). Forms differ in what they call modules, factors and alpha:

    diffusers, peft   unet.mid_block...to_q.lora_A.weight    .lora_B.weight    alpha in the header's metadata
    diffusers (old)   ...to_q.lora.down.weight, ...attn1.processor.to_q_lora.down.weight
    kohya             lora_unet_middle_block_1...to_q.lora_down.weight    .lora_up.weight    .alpha
    musubi            lora_unet_blocks_0_self_attn_q.lora_down.weight ...
    Wan's own         diffusion_model.blocks.0.self_attn.q.lora_A.weight, .diff (whole weight), .diff_b (whole bias),
                      diffusion_model.blocks.0.diff_m (whole table of modulation)
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, TypeAdapter, ValidationError
from torch import Tensor

from functions.contract.errors import EngineError, InputError
from functions.models import load, tensors
from functions.models.names import aliases, flat

Role = Literal["down", "up", "alpha", "weight", "bias"]
ROLES: Mapping[str, Role] = {
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    "_lora.down.weight": "down",
    "_lora.up.weight": "up",
    ".alpha": "alpha",
    ".diff": "weight",
    ".diff_b": "bias",
    ".diff_m": "weight",
}
MODULATION = ".diff_m"
"""How lightx2v's files end the name of a block whose table of modulation they change."""
WRAPPERS = (
    "base_model.model.",
    "model.diffusion_model.",
    "diffusion_model.",
    "unet.",
    "transformer.",
    "lora_unet__",
    "lora_unet_",
)
COMPONENTS: Mapping[str, str] = {
    "text_encoder.": "text_encoder.",
    "text_encoder_2.": "text_encoder_2.",
    "transformer_2.": "transformer_2.",
    "lora_te1_": "text_encoder.",
    "lora_te2_": "text_encoder_2.",
    "lora_te_": "text_encoder.",
}
"""How a key says that it belongs to another model than the denoiser -> what the names of that model begin with."""
TRIGGERS = ("trigger", "modelspec.trigger_phrase", "ss_trigger")
BASES = ("base", "ss_base_model_version", "modelspec.architecture")
CONFIGURATION = "lora_adapter_metadata"
"""Where diffusers keeps peft's configuration in a file's header."""
WHOLES: tuple[frozenset[Role], ...] = (frozenset({"down", "up"}), frozenset({"weight"}), frozenset({"bias"}))
"""What makes one delta."""
NAMED = 4
"""Keys that a refusal lists at most."""


class _Peft(BaseModel):
    lora_alpha: float | None = None
    alpha_pattern: dict[str, float] = {}
    use_rslora: bool = False


_TOLD = TypeAdapter(dict[str, Any])


@dataclass(frozen=True)
class LoraReport:
    """Weights of the base that get a delta, keys that match nothing, keys of models that the base lacks (left out)."""

    matched: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class LowRank:
    """The delta `scale * up @ down` of one weight: down (rank, in[, rows, columns]), up (out, rank[, 1, 1])."""

    down: Tensor
    up: Tensor
    scale: float

    def on(self, device: torch.device) -> "LowRank":
        """The same on a device, where the product is quick."""
        return LowRank(self.down.to(device), self.up.to(device), self.scale)

    def delta(self) -> Tensor:
        """In fp32, (out, in * rows * columns)."""
        return self.scale * (self.up.float().flatten(1) @ self.down.float().flatten(1))


@dataclass(frozen=True)
class Whole:
    """The delta of one weight or bias as it is."""

    difference: Tensor

    def on(self, device: torch.device) -> "Whole":
        """The same on a device."""
        return Whole(self.difference.to(device))

    def delta(self) -> Tensor:
        """In fp32."""
        return self.difference.float()


@dataclass(frozen=True)
class Lora:
    """Deltas by the base's weight name; `shapes` are those weights'. `trigger` is the word it was trained with."""

    factors: Mapping[str, LowRank | Whole]
    report: LoraReport
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    trigger: str = ""

    def delta(self, name: str) -> Tensor:
        """The delta of one weight in fp32, in the weight's own shape."""
        return self.factors[name].delta().reshape(self.shapes[name])


def read_lora(path: Path, base: Mapping[str, tuple[int, ...]]) -> Lora:
    """The LoRA in a safetensors file, matched against `base` (weight name -> shape).

    Names of `base` that begin with `text_encoder.`, `text_encoder_2.` or `transformer_2.` are those of other models
    than the denoiser; where `base` has none of such a model, its keys are left out and said in `report.dropped`.
    Raises `InputError` for a key that matches nothing, where nothing matches, and for shapes that are not the base's.
    """
    try:
        stored, metadata = tensors.index(path), tensors.metadata(path)
    except EngineError as error:
        raise InputError(f"{path.name} is no adapter that can be read: {error}; give a LoRA in safetensors") from error
    file = _File(path.name, base, metadata)
    for key in stored:
        file.place(key)
    file.check()
    return file.lora(load.read({key: stored[key] for key in file.used()}, torch.device("cpu")))


class _File:
    """The keys of one file, sorted to the weights of the base they belong to."""

    def __init__(self, name: str, base: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]) -> None:
        self._name, self._base, self._metadata = name, base, metadata
        modules = {weight.removesuffix(".weight").removesuffix(".bias") for weight in base}
        self._tables = {component: _table(component, modules) for component in ("", *COMPONENTS.values())}
        self._peft = _peft(metadata)
        self._parts: dict[str, dict[Role, str]] = {}
        self._unmatched: list[str] = []
        self._dropped: list[str] = []

    def place(self, key: str) -> None:
        """Find out which weight a key belongs to, and as what."""
        module, role = _split(key)
        component, module = _component(module)
        table = self._tables[component]
        if not table:
            self._dropped.append(key)
            return
        target = table.get(module, "")
        weight = target if target in self._base else f"{target}.{'bias' if role == 'bias' else 'weight'}"
        if role is None or weight not in self._base:
            self._unmatched.append(key)
        else:
            self._parts.setdefault(weight, {})[role] = key

    def check(self) -> None:
        """Raises `InputError` unless every key found its weight and every weight its pair of factors."""
        if self._unmatched or not self._parts:
            count, some = len(self._unmatched), ", ".join(self._unmatched[:NAMED])
            said = next((f" (it says it is for {self._metadata[k]})" for k in BASES if k in self._metadata), "")
            what = f"{count} of its keys match nothing ({some})" if count else "no key of it matches"
            raise InputError(f"{self._name} is no LoRA of this model{said}: {what}; train or choose one for this model")
        for weight, parts in self._parts.items():
            if parts.keys() - {"alpha"} not in WHOLES:
                raise InputError(f"{self._name} has {', '.join(parts)} for {weight}, no pair: give the whole file")

    def used(self) -> Iterable[str]:
        """Keys whose tensors are needed."""
        return [key for parts in self._parts.values() for key in parts.values()]

    def lora(self, read: Mapping[str, Tensor]) -> Lora:
        """The deltas. Raises `InputError` for shapes that are not the base's, and for values that are not finite."""
        factors = {w: self._factors(w, {r: read[k] for r, k in parts.items()}) for w, parts in self._parts.items()}
        report = LoraReport(tuple(sorted(factors)), (), tuple(sorted(self._dropped)))
        trigger = next((self._metadata[name] for name in TRIGGERS if self._metadata.get(name)), "")
        return Lora(factors, report, {name: tuple(self._base[name]) for name in factors}, trigger)

    def _factors(self, weight: str, parts: Mapping[Role, Tensor]) -> LowRank | Whole:
        for role, tensor in parts.items():
            if not tensor.is_floating_point() or not torch.isfinite(tensor.float()).all():
                raise InputError(f"{self._name}: {role} of {weight} is no finite number: train it anew")
        shape = tuple(self._base[weight])
        if "down" not in parts:
            whole = parts["weight" if "weight" in parts else "bias"]
            self._same(weight, tuple(whole.shape), shape)
            return Whole(whole)
        down, up = parts["down"], parts["up"]
        rank = len(down)
        self._same(weight, (len(up), up[0].numel(), down[0].numel()), (shape[0], rank, math.prod(shape[1:])))
        return LowRank(down, up, self._scale(weight, rank, parts.get("alpha")))

    def _same(self, weight: str, got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if got != wanted:
            raise InputError(
                f"{self._name} is no LoRA of this model: its part for {weight} has shape {got}, the model's is "
                f"{wanted}; train or choose one for this model"
            )

    def _scale(self, weight: str, rank: int, alpha: Tensor | None) -> float:
        if alpha is not None:
            return float(alpha.reshape(-1)[0]) / rank
        module = f".{weight.removesuffix('.weight')}"
        named = (value for key, value in self._peft.alpha_pattern.items() if module.endswith(f".{key}"))
        own = next(named, self._peft.lora_alpha)
        if own is None:
            return 1.0
        return own / (math.sqrt(rank) if self._peft.use_rslora else rank)


def _table(component: str, modules: Iterable[str]) -> dict[str, str]:
    """Every spelling of a module of this component -> the module."""
    others = tuple(c for c in COMPONENTS.values() if c != component)
    own = {m.removeprefix(component): m for m in modules if m.startswith(component) and not m.startswith(others)}
    spelled = {spelling: own[module] for spelling, module in aliases(own).items()}
    return {**{with_underscores: spelled[name] for with_underscores, name in flat(spelled)}, **spelled}


def _split(key: str) -> tuple[str, Role | None]:
    """(module, role) of a key; the role is None for one that is no part of a LoRA."""
    for suffix, role in sorted(ROLES.items(), key=lambda item: -len(item[0])):
        if key.endswith(suffix):
            module = key.removesuffix(suffix) + (".modulation" if suffix == MODULATION else "")
            if suffix.startswith("_lora"):
                module = re.sub(r"\.processor\.(to_\w+)$", r".\1", module)
                module = re.sub(r"\.to_out$", ".to_out.0", module)
            return module, role
    return key, None


def _component(module: str) -> tuple[str, str]:
    """(what the names of its model begin with, module): the first is empty for the denoiser."""
    module = module.removeprefix("base_model.model.")
    for prefix, component in COMPONENTS.items():
        if module.startswith(prefix):
            return component, module.removeprefix(prefix)
    for prefix in WRAPPERS:
        module = module.removeprefix(prefix)
    return "", module


def _peft(metadata: Mapping[str, str]) -> _Peft:
    """The denoiser's part of peft's configuration, as diffusers keeps it in the header."""
    try:
        told = _TOLD.validate_json(metadata.get(CONFIGURATION, "{}"))
        own = {k.removeprefix(p): v for p in ("unet.", "transformer.") for k, v in told.items() if k.startswith(p)}
        return _Peft.model_validate(own or told)
    except ValidationError:
        return _Peft()
