"""Random numbers that are the same on every device: drawn by a CPU generator in fp32, then moved."""

import hashlib
from collections.abc import Sequence

import torch


def derived_seed(seed: int, purpose: str, index: int = 0) -> int:
    """A seed in 0..2**63-1 for one use (`initial`, `sde`, `conditioning`, `decode`) of one candidate."""
    said = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(said[:8], "big") >> 1


def generator(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """A CPU generator of its own for one use of a job's seed."""
    return torch.Generator("cpu").manual_seed(derived_seed(seed, purpose, index))


def noise(shape: Sequence[int], seed: int, purpose: str, index: int = 0) -> torch.Tensor:
    """Standard normal noise of this shape, fp32, on the CPU."""
    return torch.randn(tuple(shape), generator=generator(seed, purpose, index), dtype=torch.float32)
