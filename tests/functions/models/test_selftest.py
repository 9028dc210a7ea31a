"""Known-answer tests: what is right passes, what is subtly wrong does not."""

import pytest
import torch
from torch import Tensor

from functions.contract.errors import GpuBroken
from functions.models.selftest import (
    Attend,
    Trial,
    attention_inputs,
    backend,
    fastest,
    fp8_works,
    matmul_error,
    relative,
    tried,
)

CPU = torch.device("cpu")
INPUTS = attention_inputs(length=256, heads=2)


def test_the_native_backend_is_right_and_timed() -> None:
    trial = tried("native", backend("native"), INPUTS, CPU)
    assert trial.passed
    assert trial.masks
    assert 1e-5 < trial.error < 1e-2
    assert 0 < trial.seconds < float("inf")


@pytest.mark.parametrize("name", ["_native_cudnn", "sage", "no-such-backend"])
def test_a_backend_that_is_not_there_says_why(name: str) -> None:
    trial = tried(name, backend(name), INPUTS, CPU)
    assert not trial.passed
    assert trial.said


def native(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    return backend("native")(query, key, value, mask)


WRONG: dict[str, Attend] = {
    "noise": lambda q, k, v, mask: torch.randn_like(q),
    "zeros": lambda q, k, v, mask: torch.zeros_like(q),
    "not a number": lambda q, k, v, mask: native(q, k, v, mask) * float("nan"),
    "another scale": lambda q, k, v, mask: native(q * 1.2, k, v, mask),
    "the last keys left out": lambda q, k, v, mask: native(
        q, k[:, :-32], v[:, :-32], None if mask is None else mask[..., :-32]
    ),
    "heads swapped": lambda q, k, v, mask: native(q, k.flip(2), v, mask),
    "one wrong row in eight": lambda q, k, v, mask: (
        native(q, k, v, mask) * (torch.arange(q.shape[1]) % 8 > 0).reshape(1, -1, 1, 1)
    ),
    "the mask is left out": lambda q, k, v, mask: native(q, k, v, None),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_kernel_that_is_wrong_fails(what: str) -> None:
    assert not tried("native", WRONG[what], INPUTS, CPU).passed


def test_a_backend_that_takes_no_masks_is_told_apart() -> None:
    trial = tried("_native_flash", backend("_native_flash"), INPUTS, CPU)
    assert trial.passed
    assert not trial.masks


def test_the_fastest_that_passes_is_taken() -> None:
    trials = [Trial("native", 1e-3, 2.0, masks=True), Trial("flash", 5e-3, 1.0), Trial("_flash_3", 0.5, 0.1)]
    assert fastest(trials, "cuda") == "flash"


def test_where_none_passes_the_gpu_is_broken_and_it_says_what_each_did() -> None:
    with pytest.raises(GpuBroken, match=r"native: wrong by 1\.4; flash: ImportError: no flash"):
        fastest([Trial("native", 1.4, 1.0), Trial("flash", said="ImportError: no flash")], "cuda")


def test_products_are_checked_against_exact_ones() -> None:
    assert matmul_error(CPU) < 1e-2
    with pytest.raises(GpuBroken, match="matrix products on cpu are wrong"):
        matmul_error(CPU, lambda left, right: torch.randn(left.shape[0], right.shape[1]) * 64)
    with pytest.raises(GpuBroken, match="wrong by inf"):
        matmul_error(CPU, lambda left, right: left @ right * float("nan"))


def test_fp8_products_work_where_the_cpu_has_them() -> None:
    assert fp8_works(CPU)


def test_an_error_that_is_not_a_number_is_infinite() -> None:
    assert relative(torch.tensor([float("nan")]), torch.ones(1)) == float("inf")
