"""What a plan would cost before anything is submitted: each step at each door that may make it. Pure.

Money is integer micro-dollars and every division rounds up. The upper bound is price x (deadline + start-up allowance)
x executions, plus what a provider charges by output; the median comes from measured times, else from the catalog.
"""

import functools
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from control.graph.model import Plan, Step
from functions.contract.base import StepKind, Strict
from functions.contract.manifest import EngineManifest, PriceHint
from functions.contract.params import (
    Assemble,
    Conform,
    Dialogue,
    Interpolate,
    Mix,
    Motion,
    Params,
    Score,
    Sound,
    TrainLora,
)

SAMPLES = 3
"""Fewest finished jobs that count as a measurement."""
DEFAULT_MS = 5000
"""Milliseconds of a step of an engine without a hint."""
NS = 10**9
"""A second in the unit of a pace: nanoseconds for a thousandth of what the kind counts."""
LOAD_S, LOAD_S_PER_GB = 120, 10
"""Seconds to make a worker ready for its first job, and to read a GB of weights at 100 MB/s."""
HEIGHTS = (360, 480, 576, 720, 1080, 1440, 2160)
"""Size classes: the shorter side of a picture in pixels, up to and including."""
Basis = Literal["measured", "elsewhere", "hint", "guess"]
"""Where a median comes from: jobs at this door, jobs at other doors, the catalog, nowhere."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A door's price: micro-dollars a second of a worker, when and where that was read, and what multiplies it."""

    door: str
    price_u: int = 0
    allowance_s: int = 0
    executions: int = 1
    name: str = ""
    date: str = ""
    source: str = ""


class Offer(Strict):
    """What one step costs at one door. `samples` finished jobs gave the median; `fixed_u` is charged by output."""

    door: str
    median_u: int
    bound_u: int
    fixed_u: int = 0
    deadline_s: int
    ms: int
    basis: Basis
    samples: int = 0


class StepPrice(Strict):
    """A step and its offers, the door that is tried first in front. No offers where it is made or no door runs it."""

    path: str
    offers: tuple[Offer, ...] = ()

    @property
    def median_u(self) -> int:
        """At the door that is tried first."""
        return self.offers[0].median_u if self.offers else 0

    @property
    def bound_u(self) -> int:
        """At the dearest of the doors: the step may move among them."""
        return max((offer.bound_u for offer in self.offers), default=0)


_AMOUNTS = ("tier", "frames", "rate", "samples", "steps", "size")
"""Parameters by which kinds measure their work; texts count by their length."""


@dataclass(frozen=True, slots=True)
class Class:
    """Jobs whose times are compared: engine, kind, tier and size of the picture (empty for what has none)."""

    engine: str
    kind: StepKind
    tier: str
    size: str


Paces = Mapping[Class, Mapping[str, Sequence[int]]]
"""Paces of finished jobs by class and door."""


def price_plan(
    plan: Plan,
    catalog: Mapping[str, EngineManifest],
    tags: Mapping[str, Sequence[Tag]],
    made: Iterable[str],
    paces: Paces,
) -> tuple[StepPrice, ...]:
    """Prices of all steps in order. `tags` are the doors by engine, `made` the fingerprints that exist."""
    exists, known = frozenset(made), dict[Hashable, tuple[Offer, ...]]()
    found = []
    for step in plan.steps:
        offered: tuple[Offer, ...] = ()
        if step.fingerprint not in exists:
            if (key := amounts(step)) not in known:
                known[key] = offers(step, catalog[step.engine], tags.get(step.engine, ()), paces)
            offered = known[key]
        found.append(StepPrice(path=step.path, offers=offered))
    return tuple(found)


def amounts(step: Step) -> Hashable:
    """All of a step that its price rests on: steps that are alike in it cost the same."""
    found = vars(step.params)
    text = found.get("text")
    return step.engine, step.kind, *(found.get(name) for name in _AMOUNTS), len(text) if isinstance(text, str) else 0


def offers(step: Step, manifest: EngineManifest, tags: Sequence[Tag], paces: Paces) -> tuple[Offer, ...]:
    """What a step costs at each of these doors."""
    fixed = fixed_u(step, manifest)
    return tuple(_offer(step, manifest, tag, fixed, paces) for tag in tags)


def _offer(step: Step, manifest: EngineManifest, tag: Tag, fixed: int, paces: Paces) -> Offer:
    ms, basis, samples = expected_ms(step, manifest, tag.door, paces)
    deadline = deadline_s(step, manifest, tag.price_u)
    bound = tag.price_u * (deadline + tag.allowance_s) * tag.executions + fixed
    return Offer(
        door=tag.door,
        median_u=min(bound, up(ms * tag.price_u, 1000) + fixed),
        bound_u=bound,
        fixed_u=fixed,
        deadline_s=deadline,
        ms=ms,
        basis=basis,
        samples=samples,
    )


def expected_ms(step: Step, manifest: EngineManifest, door: str, paces: Paces) -> tuple[int, Basis, int]:
    """Milliseconds of a worker that the step will take, where that comes from, and from how many jobs."""
    known = paces.get(class_of(step.engine, step.params, tier_of(step, manifest)), {}) if paces else {}
    here = known.get(door, ())
    if len(here) >= SAMPLES:
        return _paced(step.params, here), "measured", len(here)
    elsewhere = [pace for found in known.values() for pace in found]
    if len(elsewhere) >= SAMPLES:
        return _paced(step.params, elsewhere), "elsewhere", len(elsewhere)
    hints = manifest.hints(tier_of(step, manifest))
    if hints:
        return math.ceil(sum(1000 * exact(hint.median_s) * count(step.params, hint) for hint in hints)), "hint", 0
    return DEFAULT_MS, "guess", 0


def deadline_s(step: Step, manifest: EngineManifest, price_u: int) -> int:
    """Seconds that a job of this step may take: its engine's deadline; where time costs money, at most the
    catalog's bound for this much work and loading from cold.
    """
    hints = manifest.hints(tier_of(step, manifest))
    if price_u == 0 or not hints:
        return manifest.deadline_s
    work = sum(exact(hint.bound_s) * count(step.params, hint) for hint in hints)
    return min(manifest.deadline_s, LOAD_S + LOAD_S_PER_GB * manifest.needs.disk_gb + math.ceil(work))


def fixed_u(step: Step, manifest: EngineManifest) -> int:
    """Micro-dollars that a provider charges for the step's output, 0 where it charges for time."""
    hints = [hint for hint in manifest.hints(tier_of(step, manifest)) if hint.usd is not None]
    return math.ceil(sum(10**6 * exact(hint.usd or 0) * count(step.params, hint) for hint in hints))


def tier_of(step: Step, manifest: EngineManifest) -> Literal["draft", "standard", "final"]:
    """The tier its job runs at."""
    return getattr(step.params, "tier", None) or next(iter(manifest.tiers))


def class_of(engine: str, params: Params, tier: str) -> Class:
    """The jobs whose times may be compared with this one's."""
    size = getattr(params, "size", None)
    shorter = 0 if size is None else min(size.width, size.height)
    edge = next((h for h in HEIGHTS if shorter <= h), HEIGHTS[-1])
    return Class(engine, params.kind, tier, f"{edge}p" if shorter else "")


def pace_of(params: Params, seconds: float) -> int:
    """Nanoseconds of a worker for a thousandth of the unit that the kind counts; 0 where nothing was measured."""
    if not 0 < seconds < 10**7:
        return 0
    return max(1, math.ceil(exact(seconds) * NS / units(params)))


def units(params: Params) -> int:
    """Thousandths of what the kind's work grows with: frames, letters, seconds of sound, training steps, else jobs."""
    if isinstance(params, Motion | Conform | Interpolate | Assemble):
        return 1000 * params.frames
    if isinstance(params, Sound | Score | Mix):
        return max(1, params.samples * 1000 // 48_000)
    if isinstance(params, Dialogue):
        return 1000 * len(params.text)
    return 1000 * params.steps if isinstance(params, TrainLora) else 1000


def count(params: Params, hint: PriceHint) -> Fraction:
    """How many of a hint's units a step has."""
    if hint.unit in ("job", "image"):
        return Fraction(1)
    if hint.unit == "frame":
        return Fraction(getattr(params, "frames", 1))
    if hint.unit == "second":
        return length_s(params)
    size = getattr(params, "size", None)
    return Fraction(size.width * size.height, 10**6) if size is not None else Fraction(1)


def length_s(params: Params) -> Fraction:
    """Seconds of output, 1 where the parameters do not say."""
    if isinstance(params, Motion | Conform | Interpolate):
        return Fraction(params.frames * params.rate.den, params.rate.num)
    if isinstance(params, Sound | Score | Mix):
        return Fraction(params.samples, 48_000)
    return Fraction(1)


@functools.lru_cache(maxsize=1000)
def exact(number: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(number))


def up(value: int, by: int) -> int:
    """The quotient, rounded up."""
    return -(-value // by)


def _paced(params: Params, paces: Sequence[int]) -> int:
    """Milliseconds at the upper median of these paces."""
    middle = sorted(paces)[len(paces) // 2]
    return up(middle * units(params), 10**6)
