"""LoRA files: read in every published form, matched against the model they are for, merged as weight deltas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from functions.contract.errors import InputError
from functions.models import load, tensors


@dataclass(frozen=True)
class LoraReport:
    """Which modules of the base got a delta, which keys found none, which were left out on purpose."""

    matched: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lora:
    """Low-rank factors by the base's weight name: delta = scale * up @ down (fp32)."""

    factors: Mapping[str, tuple[torch.Tensor, torch.Tensor, float]]
    report: LoraReport = field(default_factory=LoraReport)

    def delta(self, name: str) -> torch.Tensor:
        """The delta of one weight in fp32, in the weight's own shape."""
        down, up, scale = self.factors[name]
        return scale * (up.float().flatten(1) @ down.float().flatten(1))


def read_lora(path: Path, base: Mapping[str, tuple[int, ...]]) -> Lora:
    """The LoRA in a safetensors file, matched against `base` (weight name -> shape).

    Raises `InputError` where a key matches nothing, nothing matches, or a shape differs.
    """
    stored = load.read(tensors.index(path), torch.device("cpu"))
    factors = {}
    for key in stored:
        for down_name, up_name in ((".lora_A.weight", ".lora_B.weight"), (".lora.down.weight", ".lora.up.weight")):
            if key.endswith(down_name):
                name = key.removesuffix(down_name).removeprefix("unet.").removeprefix("transformer.")
                factors[f"{name}.weight"] = (stored[key], stored[key.replace(down_name, up_name)], 1.0)
    unmatched = tuple(sorted(set(factors) - set(base)))
    if unmatched or not factors:
        raise InputError(f"{path.name} is no LoRA of this model: {len(unmatched)} of its keys match nothing")
    return Lora(factors, LoraReport(matched=tuple(sorted(factors))))
