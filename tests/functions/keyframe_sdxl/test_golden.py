"""Known values of the tiny SDXL, and mutants that must miss them by far."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import UNet2DConditionModel

from functions.keyframe_sdxl.recipes import Recipe
from tests.functions.keyframe_sdxl.golden import STORED, Values, measured

TOLERANCE = 1e-4
"""Of fp32 on a CPU, absolute."""


@pytest.fixture(scope="module")
def known() -> Values:
    with np.load(STORED) as stored:
        return dict(stored)


def missed(found: Values, known: Values) -> Mapping[str, float]:
    """Largest difference of each value."""
    return {name: float(np.abs(found[name] - known[name]).max()) for name in known}


def test_the_values_are_the_known_ones(weights: Path, known: Values) -> None:
    assert STORED.stat().st_size < 100_000
    assert max(missed(measured(weights), known).values()) < TOLERANCE


def swapped(unet: UNet2DConditionModel) -> None:
    """The first two latent channels in each other's place."""
    unet.conv_in.weight.data = unet.conv_in.weight.data[:, [1, 0, 2, 3]]


def other_solver(own: Recipe) -> Recipe:
    """The standard tier's solver for drafts, and the other way round."""
    name = {"EulerDiscreteScheduler": "DDIMScheduler", "DDIMScheduler": "EulerDiscreteScheduler"}[own.scheduler]
    return own.model_copy(update={"scheduler": name, "options": {"timestep_spacing": "leading"}})


@pytest.mark.parametrize(
    ("mutant", "moved"),
    [
        ({"change": swapped}, ("forward", "draft", "standard")),
        ({"adapter": False}, ("draft", "standard")),
        ({"recipe": other_solver}, ("draft", "standard")),
    ],
    ids=["swapped channels", "dropped adapter", "wrong scheduler"],
)
def test_a_mutant_misses_by_more_than_ten_times_the_tolerance(
    weights: Path, known: Values, mutant: dict[str, Any], moved: tuple[str, ...]
) -> None:
    found = missed(measured(weights, **mutant), known)
    assert all(found[name] > 10 * TOLERANCE for name in moved), found
