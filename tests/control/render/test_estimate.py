"""Seconds and money expected of steps."""

from typing import Any

import pytest

from control.graph.model import Step
from control.render import estimate
from control.render.outcome import Terms
from functions.contract.base import Rate, Size
from functions.contract.manifest import EngineManifest, PriceHint
from functions.contract.params import Conform, Keyframe, Mix, Motion
from tests.servers.jobs import ECHO

MOTION = Motion(size=Size(width=1000, height=500), frames=48, rate=Rate(num=24))


def manifest(*units: Any) -> EngineManifest:
    hints = tuple(PriceHint(unit=unit, median_s=2.0, bound_s=9.0, source="measured") for unit in units)
    return ECHO.model_copy(update={"prices": hints})


def step(params: Any) -> Step:
    return Step(path="x", kind=params.kind, engine="echo", params=params, outputs=("clip.mp4",))


@pytest.mark.parametrize(
    ("unit", "seconds"), [("frame", 96.0), ("second", 4.0), ("job", 2.0), ("image", 2.0), ("megapixel", 1.0)]
)
def test_each_unit_counts_what_it_says(unit: str, seconds: float) -> None:
    assert estimate.seconds(step(MOTION), manifest(unit)) == pytest.approx(seconds)


def test_hints_add_up_and_lengths_follow_the_kind() -> None:
    assert estimate.seconds(step(MOTION), manifest("job", "frame")) == pytest.approx(98.0)
    assert estimate.seconds(step(Mix(samples=96_000)), manifest("second")) == pytest.approx(4.0)
    conform = Conform(size=MOTION.size, rate=Rate(num=24), frames=24)
    assert estimate.seconds(step(conform), manifest("second")) == pytest.approx(2.0)
    assert estimate.seconds(step(Keyframe(size=MOTION.size)), manifest("second")) == pytest.approx(2.0)


def test_money_is_rounded_up_and_nothing_is_free_of_an_estimate() -> None:
    assert estimate.median_u(step(MOTION), manifest("job"), Terms(price_u=3)) == 6
    assert estimate.median_u(step(MOTION), manifest(), Terms(price_u=1)) == 5


def test_time_left_is_spread_over_workers_but_no_shorter_than_the_longest() -> None:
    assert estimate.time_left([3, 3, 3, 3], 2) == 6
    assert estimate.time_left([10, 1], 4) == 10
    assert estimate.time_left([], 2) == 0
