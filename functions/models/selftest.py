"""Known-answer tests of the kernels that a job will use, at start: each candidate against fp32.

They also find virtual slices of a GPU that return noise.
"""

import torch
from torch.nn import functional

from functions.contract.errors import GpuBroken

HEAD = 128
LENGTH = 4096
TOLERANCE = 2e-2
"""Relative L2 error of bf16 attention against fp32 that passes."""


def check_attention(device: str, length: int = LENGTH, heads: int = 2) -> float:
    """The relative L2 error of scaled dot product attention against fp32. Raises `GpuBroken` beyond the tolerance."""
    generator = torch.Generator("cpu").manual_seed(0)
    query, key, value = (torch.randn(1, heads, length, HEAD, generator=generator) for _ in range(3))
    wanted = functional.scaled_dot_product_attention(query, key, value)
    q, k, v = (tensor.to(device, torch.bfloat16) for tensor in (query, key, value))
    got = functional.scaled_dot_product_attention(q, k, v)
    error = float((got.float().cpu() - wanted).norm() / wanted.norm())
    if not error <= TOLERANCE:
        raise GpuBroken(f"attention on {device} is wrong by {error:.3g}: use another worker")
    return error
