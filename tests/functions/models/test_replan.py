"""Out of memory: one replay, one plan smaller, said in a note."""

import gc
import weakref

import pytest
import torch

from functions.contract.errors import Cancelled, InputError, OutOfMemory
from functions.models.plan import ModelSize, Plan, make_plan
from functions.models.replan import out_of_memory, run_planned

GB = 10**9
PLAN = make_plan([ModelSize("unet", 10 * GB, 4 * GB)], 24 * GB, 64 * GB, 64 * GB, "bf16")


def test_what_works_at_once_has_no_note() -> None:
    assert run_planned(PLAN, lambda plan: plan) == (PLAN, ())


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
        OutOfMemory("x"),
    ],
)
def test_it_is_made_again_under_the_next_smaller_plan(error: Exception) -> None:
    tried: list[Plan] = []

    def attempt(plan: Plan) -> str:
        tried.append(plan)
        if len(tried) == 1:
            raise error
        return "made"

    made, notes = run_planned(PLAN, attempt)
    assert made == "made"
    assert tried[1].peak_vram_bytes < tried[0].peak_vram_bytes
    assert [note.code for note in notes] == ["replanned"]
    assert tried[1].why in notes[0].detail


def test_the_second_failure_is_the_end() -> None:
    tried = []

    def attempt(plan: Plan) -> str:
        tried.append(plan)
        raise torch.OutOfMemoryError("full")

    with pytest.raises(OutOfMemory, match="out of memory twice, last under unet group_offload: full"):
        run_planned(PLAN, attempt)
    assert len(tried) == 2


def test_where_no_smaller_plan_is_left_it_says_so() -> None:
    plan = make_plan([ModelSize("unet", 10, 4)], 0, 64, 0, "bf16")

    def attempt(plan: Plan) -> str:
        raise MemoryError

    with pytest.raises(OutOfMemory, match="twice"):
        run_planned(plan, attempt)
    tiled = make_plan([ModelSize("unet", 10 * GB, 0)], 10_400_000_000, 0, 0, "bf16")
    with pytest.raises(OutOfMemory, match=r"under the smallest plan .all resident.: MemoryError; use a larger device"):
        run_planned(tiled, attempt)


@pytest.mark.parametrize("error", [InputError("x"), Cancelled("x"), RuntimeError("CUDA error: misaligned address")])
def test_other_failures_are_not_replayed(error: Exception) -> None:
    tried = []

    def attempt(plan: Plan) -> str:
        tried.append(plan)
        raise error

    with pytest.raises(type(error)):
        run_planned(PLAN, attempt)
    assert len(tried) == 1
    assert not out_of_memory(error)


class Activations:
    """Something that can be watched."""


def test_what_the_first_attempt_held_is_gone_before_the_second() -> None:
    made: list[weakref.ref[Activations]] = []

    def attempt(plan: Plan) -> bool:
        gc.collect()
        if made:
            return made[0]() is None
        held = Activations()
        made.append(weakref.ref(held))
        raise torch.OutOfMemoryError("full")

    assert run_planned(PLAN, attempt)[0]
