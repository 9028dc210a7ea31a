"""Linear layers in 8 bit: fp8 products on cards that have them, 8-bit storage on all others.

Weights are scaled by row (by output feature) to the range of the format, activations by token where the product is in
fp8, so the error of one row or token does not depend on another's outlier.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Format = Literal["fp8", "fp8-storage", "int8-storage"]
FP8 = torch.float8_e4m3fn
FP8_LARGEST, INT8_LARGEST = 448.0, 127.0
TINY = 1e-12


def quantised_rows(weight: Tensor, kind: Format) -> tuple[Tensor, Tensor]:
    """(codes (out, in), scale (out, 1) fp32) of a weight (out, in)."""
    largest = INT8_LARGEST if kind == "int8-storage" else FP8_LARGEST
    exact = weight.detach().float()
    scale = exact.abs().amax(1, keepdim=True).clamp(min=TINY) / largest
    if kind == "int8-storage":
        return (exact / scale).round_().clamp_(-INT8_LARGEST, INT8_LARGEST).to(torch.int8), scale
    return (exact / scale).to(FP8), scale


class EightBitLinear(nn.Module):
    """Stands in for a linear layer. `codes` and `scale` are buffers, so a new weight is copied into the same memory."""

    codes: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear, kind: Format) -> None:
        super().__init__()
        self.kind = kind
        self.in_features, self.out_features = linear.in_features, linear.out_features
        codes, scale = quantised_rows(linear.weight, kind)
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def set_weight(self, weight: Tensor) -> None:
        """Quantise another weight (out, in) into the same memory."""
        codes, scale = quantised_rows(weight, self.kind)
        self.codes.copy_(codes)
        self.scale.copy_(scale)

    def weight_of(self, dtype: torch.dtype) -> Tensor:
        """The weight that the codes stand for."""
        return self.codes.to(dtype) * self.scale.to(dtype)

    def forward(self, values: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        if self.kind == "fp8":
            return self._product(values)
        return functional.linear(values, self.weight_of(values.dtype), self.bias)

    def _product(self, values: Tensor) -> Tensor:
        rows = values.reshape(-1, self.in_features)
        by_token = rows.abs().amax(1, keepdim=True).float().clamp(min=TINY) / FP8_LARGEST
        codes = (rows.float() / by_token).clamp(-FP8_LARGEST, FP8_LARGEST).to(FP8)
        bias = None if self.bias is None else self.bias.to(torch.bfloat16)
        made = torch._scaled_mm(
            codes,
            self.codes.t(),
            scale_a=by_token,
            scale_b=self.scale.t(),
            bias=bias,
            out_dtype=torch.bfloat16,
            use_fast_accum=values.is_cuda,
        )
        return made.reshape(*values.shape[:-1], self.out_features).to(values.dtype)


def quantise(
    module: nn.Module,
    kind: Format,
    skip: Callable[[str], bool] = lambda _: False,
    where: torch.device | None = None,
) -> int:
    """Put a module's linear layers into 8 bit in place, but those whose name `skip` wants kept; how many were. They are
    brought to `where` one by one, if it is given.

    Layers whose sides are no multiples of 16 stay: fp8 products need that.
    """
    found = [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and not skip(name) and not (layer.in_features % 16 or layer.out_features % 16)
    ]
    for name, layer in found:
        parent, _, own = name.rpartition(".")
        setattr(module.get_submodule(parent), own, EightBitLinear(layer if where is None else layer.to(where), kind))
    return len(found)


def outside(*blocks: str) -> Callable[[str], bool]:
    """Whether a layer's name begins with none of these: what lies outside the repeated blocks is small and delicate."""
    prefixes: Sequence[str] = tuple(f"{block}." for block in blocks)
    return lambda name: not name.startswith(tuple(prefixes))
