"""One replay, one plan smaller, after out-of-memory."""

import traceback
from collections.abc import Callable
from typing import TypeVar

import torch

from functions.contract.errors import OutOfMemory
from functions.contract.job import Note
from functions.models.plan import Plan, smaller
from functions.models.residency import empty_cache

T = TypeVar("T")
WORDS = ("out of memory", "cublas_status_alloc_failed", "cudnn_status_alloc_failed", "can't allocate memory")
"""How libraries below torch word it."""


def out_of_memory(error: BaseException) -> bool:
    """Whether this error says that memory did not suffice."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError | OutOfMemory):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in WORDS)


def run_planned(plan: Plan, attempt: Callable[[Plan], T]) -> tuple[T, tuple[Note, ...]]:
    """What `attempt` makes under `plan`, or, where memory did not suffice, under the next smaller one, with a note.

    Raises `OutOfMemory` where that does not suffice either or there is none, and what else `attempt` raises.
    """
    made, failed = tried(lambda: attempt(plan))
    if failed is None:
        return made[0], ()
    less = smaller(plan)
    if less is None:
        raise OutOfMemory(f"out of memory under the smallest plan ({plan.why}): {failed}; use a larger device")
    again, failed_again = tried(lambda: attempt(less))
    if failed_again is not None:
        raise OutOfMemory(f"out of memory twice, last under {less.why}: {failed_again}; use a larger device")
    note = Note(code="replanned", detail=f"Out of memory under {plan.why}; made under {less.why}.", value=less.why)
    return again[0], (note,)


def tried(attempt: Callable[[], T]) -> tuple[list[T], str | None]:
    """([what was made], None), or ([], how memory ran out), with the failed frames' tensors let go."""
    try:
        return [attempt()], None
    except (RuntimeError, MemoryError, OutOfMemory) as error:
        if not out_of_memory(error):
            raise
        failed = (str(error) or type(error).__name__).partition("\n")[0]
        traceback.clear_frames(error.__traceback__)
    empty_cache()
    return [], failed
