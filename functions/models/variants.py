"""Adapters laid over a model as variants of its weights: deltas added in fp32 to the pristine weights, the sum cast or
quantised and copied into the module's own memory.

So a compiled module stays compiled, no adapter slows a step, and nothing is ever taken out of a sum again.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

import torch
from torch import Tensor, nn

from functions.models.adapters import Lora
from functions.models.eightbit import EightBitLinear

Pristine = Callable[[Collection[str]], Mapping[str, Tensor]]
"""Gives the base's weights by name, as they were before any adapter."""


def variant_key(base: str, adapters: Sequence[tuple[str, int]], precision: str) -> Hashable:
    """What names a variant: digest of the base, (digest, thousandths) of each adapter in order, precision."""
    return (base, tuple(adapters), precision)


class Variants:
    """A module that can take on any variant. `pristine` is asked for weights that adapters change."""

    def __init__(self, module: nn.Module, pristine: Pristine) -> None:
        self.module, self._pristine = module, pristine
        self._changed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, module: nn.Module) -> "Variants":
        """With a copy of all floating point weights in main memory, taken now."""
        copies = {name: weight.detach().cpu().clone() for name, weight in module.named_parameters()}
        return cls(module, lambda names: {name: copies[name] for name in names})

    @torch.no_grad()
    def put(self, adapters: Sequence[tuple[Lora, float]]) -> nn.Module:
        """The module with exactly these adapters at these strengths, whatever it had before."""
        wanted = frozenset(name for lora, _ in adapters for name in lora.factors)
        touched = sorted(wanted | self._changed)
        # Until every weight is written, all of them count as changed.
        self._changed |= wanted
        base = self._pristine(touched)
        for name in touched:
            self._write(name, summed(name, base[name], adapters, self._device))
        self._changed = wanted
        return self.module

    @property
    def _device(self) -> torch.device:
        return next(tensor.device for tensor in (*self.module.parameters(), *self.module.buffers()))

    def _write(self, name: str, weight: Tensor) -> None:
        owner, _, own = name.rpartition(".")
        layer = self.module.get_submodule(owner)
        if isinstance(layer, EightBitLinear) and own == "weight":
            layer.set_weight(weight)
        else:
            getattr(layer, own).copy_(weight)


def summed(name: str, base: Tensor, adapters: Sequence[tuple[Lora, float]], device: torch.device) -> Tensor:
    """The base's weight plus every adapter's delta times its strength, in fp32 on `device`."""
    total = base.to(device, torch.float32)
    for lora, strength in adapters:
        if name in lora.factors:
            total = total + strength * lora.factors[name].on(device).delta().reshape(total.shape)
    return total
