"""What stays loaded, what goes first, and what a failure leaves behind."""

import gc
import weakref

import pytest
import torch

from functions.contract.errors import Cancelled, DeadlineExceeded, EngineError, InputError, OutOfMemory
from functions.models.residency import Residency


class Model:
    """Something that can be watched."""


def test_what_is_held_is_loaded_once() -> None:
    residency, loads = Residency(100), []

    def load() -> Model:
        loads.append(1)
        return Model()

    first = residency.get("a", 40, load)
    assert residency.get("a", 40, load) is first
    assert (len(loads), residency.used_bytes) == (1, 40)


def test_the_least_recently_used_goes_first() -> None:
    residency = Residency(100)
    for key in "abc":
        residency.get(key, 30, Model)
    residency.get("a", 30, Model)
    residency.get("d", 40, Model)
    assert [key in residency for key in "abcd"] == [True, False, True, True]
    assert residency.used_bytes <= 100


def test_room_is_made_before_the_new_one_is_loaded() -> None:
    residency, seen = Residency(100), []
    old = weakref.ref(residency.get("a", 60, Model))

    def load() -> Model:
        gc.collect()
        seen.append(old())
        return Model()

    residency.get("b", 60, load)
    assert seen == [None]


def test_what_never_fits_is_refused_and_costs_nothing() -> None:
    residency = Residency(100)
    residency.get("a", 90, Model)
    with pytest.raises(OutOfMemory, match="takes 101 bytes and the budget is 100"):
        residency.get("b", 101, Model)
    assert "a" in residency


def test_what_fails_to_load_is_not_held() -> None:
    residency = Residency(100)

    def load() -> Model:
        raise EngineError("no such file")

    with pytest.raises(EngineError):
        residency.get("a", 10, load)
    assert residency.used_bytes == 0


def test_one_or_all_can_be_let_go() -> None:
    residency = Residency(100)
    held = [weakref.ref(residency.get(key, 10, Model)) for key in "ab"]
    residency.evict("a")
    residency.evict("never there")
    assert [ref() is None for ref in held] == [True, False]
    residency.clear()
    assert [ref() is None for ref in held] == [True, True]


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), torch.OutOfMemoryError("x"), EngineError("x"), KeyboardInterrupt()]
)
def test_a_failure_lets_go_of_everything(error: BaseException) -> None:
    residency = Residency(100)
    model = weakref.ref(residency.get("a", 10, Model))
    with pytest.raises(type(error)), residency.guard():
        raise error
    assert model() is None
    assert residency.used_bytes == 0


@pytest.mark.parametrize("error", [Cancelled("x"), DeadlineExceeded("x"), InputError("x")])
def test_an_end_that_says_nothing_against_the_models_keeps_them(error: Exception) -> None:
    residency = Residency(100)
    residency.get("a", 10, Model)
    with pytest.raises(type(error)), residency.guard():
        raise error
    assert "a" in residency


def test_tensors_of_the_failed_frames_are_freed_though_the_error_lives_on() -> None:
    residency = Residency(100)
    made: list[weakref.ref[Model]] = []

    def work() -> None:
        activations = Model()
        made.append(weakref.ref(activations))
        raise RuntimeError("CUDA error")

    with pytest.raises(RuntimeError) as kept, residency.guard():
        work()
    assert kept.value.__traceback__ is not None
    assert made[0]() is None
