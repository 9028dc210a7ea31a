"""What steps cost before they are made."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.graph.model import Plan, Step
from control.graph.quote import (
    SAMPLES,
    Class,
    Tag,
    class_of,
    deadline_s,
    fixed_u,
    offers,
    pace_of,
    price_plan,
    tier_of,
    units,
    up,
)
from functions.contract.base import Rate, Size
from functions.contract.manifest import EngineManifest, PriceHint
from functions.contract.params import (
    Assemble,
    Conform,
    Dialogue,
    Keyframe,
    Mix,
    Motion,
    Params,
    Sound,
    TrainLora,
    Upscale,
)
from tests.servers.jobs import ECHO

HD = Size(width=1280, height=720)
MOTION = Motion(size=HD, frames=48, rate=Rate(num=24))
DOOR = Tag("gpu", price_u=1000, allowance_s=60, executions=2)
OTHER = Tag("other", price_u=10)
PARAMS: list[Params] = [
    MOTION,
    Keyframe(size=HD),
    Dialogue(text="Two hundred and six."),
    Sound(prompt="wind", samples=48_000 * 3),
    Mix(samples=96_000),
    Conform(size=HD, rate=Rate(num=24), frames=36),
    Assemble(size=HD, rate=Rate(num=24), segments=("s1",), frames=240),
    TrainLora(trigger="maren", steps=800),
    Upscale(size=HD),
]


def manifest(*hints: PriceHint, **changes: Any) -> EngineManifest:
    return ECHO.model_copy(update={"prices": hints, "deadline_s": 600, **changes})


def hint(unit: Any = "frame", median: float = 0.5, bound: float = 2.0, **values: Any) -> PriceHint:
    return PriceHint(unit=unit, median_s=median, bound_s=bound, source="test", **values)


def step(params: Params = MOTION, **values: Any) -> Step:
    return Step(path="x", kind=params.kind, engine="echo", params=params, outputs=("clip.mp4",), **values)


def kind_of(params: Params = MOTION) -> Class:
    return class_of("echo", params, tier_of(step(params), manifest()))


def test_the_bound_is_price_times_deadline_and_allowance_times_executions() -> None:
    (offer,) = offers(step(), manifest(), (DOOR,), {})
    assert offer.bound_u == 1000 * (600 + 60) * 2
    assert (offer.median_u, offer.ms, offer.basis, offer.samples) == (5000, 5000, "guess", 0)


def test_the_catalogs_hint_stands_in_until_something_is_measured() -> None:
    (offer,) = offers(step(), manifest(hint()), (DOOR,), {})
    assert (offer.ms, offer.median_u, offer.basis) == (24_000, 24_000, "hint")


def test_paid_time_is_bounded_by_the_work_and_free_time_by_the_engine() -> None:
    catalog = manifest(hint(bound=2.0))
    assert deadline_s(step(), catalog, 1000) == 120 + 10 * catalog.needs.disk_gb + 96
    assert deadline_s(step(), catalog, 0) == 600
    assert deadline_s(step(), manifest(hint(bound=100.0)), 1000) == 600
    (offer,) = offers(step(), catalog, (DOOR,), {})
    assert offer.bound_u == 1000 * (offer.deadline_s + 60) * 2
    assert offer.deadline_s == deadline_s(step(), catalog, 1000)


def test_measured_times_of_this_door_win_then_those_of_others() -> None:
    here = [100_000, 900_000, 200_000]  # 0.1, 0.9 and 0.2 s a frame
    paces = {kind_of(): {"gpu": here, "other": [50_000] * 9}}
    mine, theirs = offers(step(), manifest(hint()), (DOOR, OTHER), paces)
    assert (mine.basis, mine.samples, mine.ms) == ("measured", 3, 9_600)
    assert (theirs.basis, theirs.samples, theirs.ms) == ("measured", 9, 2_400)
    (few,) = offers(step(), manifest(hint()), (DOOR,), {kind_of(): {"gpu": here[:2], "other": [50_000]}})
    assert (few.basis, few.samples, few.ms) == ("elsewhere", 3, 4_800)
    (none,) = offers(step(), manifest(hint()), (DOOR,), {kind_of(): {"gpu": here[: SAMPLES - 1]}})
    assert none.basis == "hint"


@pytest.mark.parametrize(
    "other",
    [
        Class("another", "motion", "draft", "720p"),
        Class("echo", "keyframe", "draft", "720p"),
        Class("echo", "motion", "final", "720p"),
        Class("echo", "motion", "draft", "1080p"),
    ],
)
def test_times_of_another_engine_kind_tier_or_size_say_nothing(other: Class) -> None:
    assert kind_of() == Class("echo", "motion", "draft", "720p")
    (offer,) = offers(step(), manifest(hint()), (DOOR,), {other: {"gpu": [1] * 9}})
    assert offer.basis == "hint"


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [(1280, 720, "720p"), (720, 1280, "720p"), (832, 480, "480p"), (512, 320, "360p"), (7680, 4320, "2160p")],
)
def test_sizes_are_classed_by_their_shorter_side(width: int, height: int, name: str) -> None:
    assert kind_of(MOTION.model_copy(update={"size": Size(width=width, height=height)})).size == name


def test_what_a_provider_charges_by_output_is_the_bound_where_time_is_free() -> None:
    bought = manifest(hint("second", usd=0.126))
    (offer,) = offers(step(), bought, (Tag("cloud"),), {})
    assert (offer.fixed_u, offer.median_u, offer.bound_u) == (252_000, 252_000, 252_000)
    thirds = MOTION.model_copy(update={"frames": 49})
    assert fixed_u(step(thirds), bought) == math.ceil(Fraction(126, 1000) * Fraction(49, 24) * 10**6)
    (both,) = offers(step(), bought, (DOOR,), {})
    assert both.bound_u == 1000 * (both.deadline_s + 60) * 2 + 252_000


@pytest.mark.parametrize("params", PARAMS, ids=lambda params: params.kind)
def test_every_kind_counts_what_its_work_grows_with(params: Params) -> None:
    assert units(params) >= 1
    measured = [pace_of(params, 2.5)] * SAMPLES
    (offer,) = offers(step(params), manifest(), (DOOR,), {kind_of(params): {"gpu": measured}})
    assert 2500 <= offer.ms <= 2501
    assert offer.median_u == up(offer.ms * 1000, 1000)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_a_time_that_none_can_be_is_not_measured(seconds: float) -> None:
    assert pace_of(MOTION, seconds) == 0


def plan(*steps: Step) -> Plan:
    return Plan(title="x", rate=Rate(num=24), size=HD, frames=24, shots=(), steps=steps, catalog="0" * 64)


def test_a_plan_is_priced_step_by_step_and_the_dearest_door_bounds_it() -> None:
    steps = tuple(step().model_copy(update={"path": p, "fingerprint": p * 64}) for p in "abc")
    film = plan(*steps[:2], steps[2].model_copy(update={"engine": "nowhere"}))
    catalog = {"echo": manifest(), "nowhere": manifest()}
    found = price_plan(film, catalog, {"echo": (OTHER, DOOR)}, {"a" * 64}, {})
    assert [len(price.offers) for price in found] == [0, 2, 0]
    assert (found[0].median_u, found[0].bound_u) == (0, 0)
    assert (found[1].median_u, found[1].bound_u) == (50, 1000 * 660 * 2)


def test_a_step_costs_what_it_costs_alone_whatever_others_are_like_it() -> None:
    texts = ("Yes.", "No!!", "Two hundred and six.")
    changed: list[Params] = [
        *PARAMS,
        *(Dialogue(text=text) for text in texts),
        MOTION.model_copy(update={"frames": 49}),
        MOTION.model_copy(update={"rate": Rate(num=25)}),
        MOTION.model_copy(update={"size": Size(width=64, height=64)}),
        Sound(prompt="sea", samples=48_000),
        TrainLora(trigger="maren", steps=900),
    ]
    steps = tuple(
        step(params).model_copy(update={"path": f"s{n}", "fingerprint": f"{n:064x}"})
        for n, params in enumerate(changed)
    )
    every = ("job", "image", "frame", "second", "megapixel")
    echo = manifest(*(hint(unit, 0.7, 1.3, usd=0.01) for unit in every))
    paces = {class_of("echo", Dialogue(text="Yes."), tier_of(steps[2], echo)): {"gpu": [9_000_000] * SAMPLES}}
    found = price_plan(plan(*steps), {"echo": echo}, {"echo": (OTHER, DOOR)}, (), paces)
    assert [price.offers for price in found] == [offers(each, echo, (OTHER, DOOR), paces) for each in steps]


prices = st.integers(0, 5_000)
seconds = st.floats(0.001, 7 * 86_400, allow_nan=False)


@given(seconds=seconds, price=prices, params=st.sampled_from(PARAMS), allowance=st.integers(0, 3600))
def test_a_median_rounds_up_and_never_passes_its_bound(
    seconds: float, price: int, params: Params, allowance: int
) -> None:
    paces = {kind_of(params): {"gpu": [pace_of(params, seconds)] * SAMPLES}}
    (offer,) = offers(step(params), manifest(), (Tag("gpu", price, allowance),), paces)
    cost = math.ceil(Fraction(repr(seconds)) * price)
    assert 0 <= offer.median_u <= offer.bound_u
    assert offer.median_u >= min(offer.bound_u, cost)


@given(a=st.integers(1, 10**15), b=st.integers(1, 10**9))
def test_division_rounds_up(a: int, b: int) -> None:
    assert up(a, b) == math.ceil(Fraction(a, b))
