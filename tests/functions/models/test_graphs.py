"""Which calls share a recorded graph; graphs themselves need a GPU."""

from typing import Any

import pytest
import torch

from functions.models.graphs import kind


def test_values_of_tensors_do_not_tell_calls_apart() -> None:
    assert kind(torch.zeros(2, 3)) == kind(torch.ones(2, 3))


@pytest.mark.parametrize("other", [torch.zeros(3, 2), torch.zeros(2, 3, dtype=torch.float64), 0.5, None])
def test_shape_format_and_plain_values_do(other: Any) -> None:
    assert kind(torch.zeros(2, 3)) != kind(other)


@pytest.mark.parametrize(("one", "other"), [(0.5, 0.6), (1, True), ("a", "b")])
def test_plain_values_are_part_of_the_call(one: Any, other: Any) -> None:
    assert kind(one) != kind(other)
    assert kind(one) == kind(one)
