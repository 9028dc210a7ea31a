"""Known-answer tests of the kernels that jobs will use, at start: each candidate against exact numbers, and timed.

They also find what no driver call does: a virtual slice of a GPU that answers every call and computes noise. Inputs are
drawn on the CPU, rounded to bf16, and the answer for some rows is worked out there in fp64, so only the kernel's own
error is measured.
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from functions.contract.errors import GpuBroken
from functions.models.eightbit import EightBitLinear

CHOSEN = "VIVIJURE_ATTENTION"
"""Environment: the attention backend to use; a test that it fails still fails."""
EXACT = ("native", "_native_cudnn", "_native_flash", "_native_efficient", "flash", "_flash_3")
"""Backends of diffusers that compute in the inputs' 16 bits."""
COARSE = ("sage", "_sage_qk_int8_pv_fp8_cuda_sm90", "_sage_qk_int8_pv_fp8_cuda", "_sage_qk_int8_pv_fp16_cuda")
"""Backends in 8 bit: never taken unless they are named."""
TOLERANCES = {**dict.fromkeys(EXACT, 1e-2), **dict.fromkeys(COARSE, 8e-2)}
"""Relative L2 error that passes: of bf16's 8 bits, and of 8-bit products."""
MATMUL, FP8 = 1e-2, 5e-2
HEADS, HEAD, LENGTH = 8, 128, 32_760
"""Those of a clip of 832x480 and 81 frames in Wan 2.2, with fewer heads."""
ROWS = 64
"""Queries whose answers are worked out."""
WIDE = 4096

MASKED = -10_000.0
"""What models add to the score of a key that is padding."""

Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""Attention of query, key and value (1, length, heads, size) with what is added to the scores (1, heads, 1, keys)."""


@dataclass(frozen=True)
class Trial:
    """How one backend did: relative L2 error and seconds a call, whether it takes masks, or why it cannot be used."""

    backend: str
    error: float = float("inf")
    seconds: float = float("inf")
    masks: bool = False
    said: str = ""

    @property
    def passed(self) -> bool:
        """Whether its numbers are right. NaN is not."""
        return self.error <= TOLERANCES.get(self.backend, min(TOLERANCES.values()))


@dataclass(frozen=True)
class Kernels:
    """What the tests chose: attention backends, for all models and for those without masks; whether fp8 may be used."""

    attention: str
    unmasked: str
    fp8: bool
    trials: Mapping[str, Trial] = field(default_factory=dict)


def choose(device: torch.device, capability: tuple[int, int]) -> Kernels:
    """Test matrix products, attention backends and fp8 on this device. Raises `GpuBroken`."""
    matmul_error(device)
    inputs, named = attention_inputs(), os.environ.get(CHOSEN)
    trials = {
        name: tried(name, backend(name), inputs, device) for name in dict.fromkeys([*filter(None, [named]), *EXACT])
    }
    unmasked = fastest([trials[named]] if named else trials.values(), device)
    masks = [trials[named]] if named and trials[named].masks else [trial for trial in trials.values() if trial.masks]
    return Kernels(fastest(masks, device), unmasked, capability >= (8, 9) and fp8_works(device), trials)


def fastest(trials: Iterable[Trial], device: torch.device | str) -> str:
    """The quickest backend that passed. Raises `GpuBroken` where none did."""
    trials = list(trials)
    passed = [trial for trial in trials if trial.passed]
    if not passed:
        said = "; ".join(f"{t.backend}: {t.said or f'wrong by {t.error:.3g}'}" for t in trials)
        raise GpuBroken(f"no attention kernel computes right on {device} ({said}): use another worker")
    return min(passed, key=lambda trial: trial.seconds).backend


def matmul_error(device: torch.device, multiply: Callable[[Tensor, Tensor], Tensor] = torch.matmul) -> float:
    """The relative L2 error of a bf16 product. Raises `GpuBroken` beyond the tolerance."""
    left, right = _numbers((ROWS, WIDE), 1), _numbers((WIDE, WIDE), 2)
    got = multiply(left.to(device), right.to(device)).double().cpu()
    error = relative(got, left.double() @ right.double())
    if not error <= MATMUL:
        raise GpuBroken(f"matrix products on {device} are wrong by {error:.3g}: use another worker")
    return error


def fp8_works(device: torch.device) -> bool:
    """Whether an fp8 product is available here and near enough to the exact one."""
    linear = nn.Linear(WIDE, WIDE, bias=False, dtype=torch.bfloat16).requires_grad_(False)
    linear.weight.data = _numbers((WIDE, WIDE), 3)
    values = _numbers((ROWS, WIDE), 4)
    try:
        got = EightBitLinear(linear.to(device), "fp8")(values.to(device)).double().cpu()
    except (RuntimeError, NotImplementedError):
        return False
    return relative(got, values.double() @ linear.weight.double().cpu().T) <= FP8


def backend(name: str) -> Attend:
    """An attention backend of diffusers by its name, without setting it for the process."""
    from diffusers.models.attention_dispatch import dispatch_attention_fn

    return lambda q, k, v, mask: dispatch_attention_fn(q, k, v, attn_mask=mask, backend=name)


def attention_inputs(length: int = LENGTH, heads: int = HEADS) -> Sequence[Tensor]:
    """Query, key and value in bf16, (1, length, heads, size), on the CPU."""
    return [_numbers((1, length, heads, HEAD), seed) for seed in (5, 6, 7)]


FAILURES = (RuntimeError, ValueError, TypeError, ImportError, AttributeError, NameError)
"""How backends say that they are not there, or not for this."""


def tried(name: str, attend: Attend, inputs: Sequence[Tensor], device: torch.device) -> Trial:
    """Run one backend on the device, check some rows, time it; then with a mask, as models with padding need."""
    query, key, value = (tensor.to(device) for tensor in inputs)
    try:
        got = attend(query, key, value, None)
        seconds = _timed(lambda: attend(query, key, value, None), device)
    except FAILURES as failed:
        return Trial(name, said=f"{type(failed).__name__}: {failed}"[:200])
    rows = torch.linspace(0, query.shape[1] - 1, ROWS).long()
    error = relative(got[:, rows.to(device)].double().cpu(), exact(inputs, rows))
    masked = masked_error(attend, inputs, device)
    return Trial(name, error if masked is None else max(error, masked), seconds, masked is not None)


def masked_error(attend: Attend, inputs: Sequence[Tensor], device: torch.device) -> float | None:
    """The error where the last quarter of the keys is padding; None for a backend that takes no masks."""
    query, key, value = (tensor.to(device) for tensor in inputs)
    kept = key.shape[1] * 3 // 4
    mask = torch.zeros(1, key.shape[2], 1, key.shape[1], dtype=query.dtype, device=device)
    mask[..., kept:] = MASKED
    try:
        got = attend(query[:, :ROWS], key, value, mask)
    except FAILURES:
        return None
    seen = [inputs[0][:, :ROWS], *(tensor[:, :kept] for tensor in inputs[1:])]
    return relative(got.double().cpu(), exact(seen, torch.arange(ROWS)))


def exact(inputs: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Attention of some queries in fp64: softmax(q k / sqrt(size)) v."""
    query, key, value = (tensor.double().transpose(1, 2) for tensor in inputs)
    scores = query[:, :, rows] @ key.transpose(-1, -2) / HEAD**0.5
    return torch.transpose(scores.softmax(-1) @ value, 1, 2)


def relative(got: Tensor, wanted: Tensor) -> float:
    """Relative L2 error; infinite where something is not finite."""
    error = float((got - wanted).norm() / wanted.norm())
    return error if math.isfinite(error) else float("inf")


def _numbers(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed)).bfloat16()


def _timed(call: Callable[[], object], device: torch.device) -> float:
    begun = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun
