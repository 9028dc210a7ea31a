"""Models and adapter variants that stay loaded between the jobs of one worker, within a budget of bytes."""

import gc
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch

from functions.contract.errors import Cancelled, ContractError, DeadlineExceeded, InputError, OutOfMemory

T = TypeVar("T")
HARMLESS = (Cancelled, ContractError, DeadlineExceeded, InputError)
"""Ends of a job that say nothing against what is loaded."""


@dataclass
class _Held:
    value: Any
    nbytes: int


class Residency:
    """Least recently used out first. `budget_bytes` bounds the sum of what `get` was told."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._held: OrderedDict[Hashable, _Held] = OrderedDict()

    @property
    def used_bytes(self) -> int:
        """Sum of the bytes of all that is held."""
        return sum(held.nbytes for held in self._held.values())

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def get(self, key: Hashable, nbytes: int, load: Callable[[], T]) -> T:
        """What is held under `key`, or what `load` makes, with room made for it first.

        Raises `OutOfMemory` where `nbytes` is more than the whole budget, and what `load` raises.
        """
        if key in self._held:
            self._held.move_to_end(key)
            return cast(T, self._held[key].value)
        if nbytes > self.budget_bytes:
            raise OutOfMemory(f"{key} takes {nbytes} bytes and the budget is {self.budget_bytes}: use a larger device")
        self._make_room(nbytes)
        value = load()
        self._held[key] = _Held(value, nbytes)
        return value

    def evict(self, key: Hashable) -> None:
        """Let go of one; nothing happens where it is not held."""
        if self._held.pop(key, None) is not None:
            empty_cache()

    def clear(self) -> None:
        """Let go of all."""
        self._held.clear()
        empty_cache()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """After a failure inside, let go of all, and of the tensors that the failed frames still hold."""
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failure = error
            raise
        finally:
            if failure is not None and not isinstance(failure, HARMLESS):
                traceback.clear_frames(failure.__traceback__)
                self.clear()

    def _make_room(self, nbytes: int) -> None:
        evicted = False
        while self._held and self.used_bytes + nbytes > self.budget_bytes:
            self._held.popitem(last=False)
            evicted = True
        if evicted:
            empty_cache()


def empty_cache() -> None:
    """Collect what only cycles hold, and give the allocator's free blocks back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
