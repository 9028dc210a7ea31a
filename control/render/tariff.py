"""What the executions of a job cost, as their provider bills them. Pure; money in micro-dollars, times in milliseconds.

A provider may run one job more than once and bills each run. The runtime leaves a mark when an execution of its own
begins; those of one call by the provider are one run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from functions.contract.job import ExecutionMark

MOST_U = 10**12
"""What a job is booked at most, whatever its door claims: a sum of such charges is still exact everywhere."""
Basis = Literal["provider", "measured", "bound"]
"""Where a charge comes from: what the provider says of this job, its own clock times the price, an upper bound."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Micro-dollars a second of a worker. Each run is billed in whole increments, and for the minimum at least."""

    price_u: int
    increment_ms: int = 1
    minimum_ms: int = 0

    def cost(self, ms: Fraction) -> int:
        """Of one run, rounded up; nothing for one that took no time."""
        if ms <= 0:
            return 0
        least = max(ms, Fraction(self.minimum_ms))
        whole = math.ceil(least / self.increment_ms) * self.increment_ms
        return min(MOST_U, math.ceil((least if self.increment_ms == 1 else whole) * self.price_u / 1000))


@dataclass(frozen=True, slots=True)
class Clock:
    """How long the run that ended the job took: by the runtime's clock, and what the provider says of a run; None where
    one says nothing. `mark` is the number of its execution, 0 where that is not known: the last one then.
    """

    own_ms: Fraction | None
    told_ms: Fraction | None = None
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One call by the provider, from the first of its marks on."""

    begun: int
    marks: frozenset[int]


def runs(marks: Sequence[ExecutionMark]) -> tuple[Run, ...]:
    """The provider's runs in the order of their first marks; a mark that names no call is one by itself."""
    found: dict[str, Run] = {}
    for number, mark in enumerate(marks, 1):
        name = mark.call or f"mark {number}"
        known = found.get(name, Run(mark.since or mark.at, frozenset()))
        found[name] = Run(known.begun, known.marks | {number})
    return tuple(found.values())


def charge(
    tariff: Tariff, clock: Clock, marks: Sequence[ExecutionMark], deadline_s: int, hold_u: int
) -> tuple[int, Basis]:
    """What all runs of a job cost together, and where that comes from.

    A provider's time encloses ours. A shorter one is of another run, which came after and left no mark. A run whose end
    nobody told counts until the job's end, or for the deadline where it began after the one that ended the job:
    an upper bound, and never one beyond the hold.
    """
    told, own = clock.told_ms, clock.own_ms
    last = max(told or Fraction(0), own or Fraction(0))
    total = tariff.cost(last)
    basis: Basis = "provider" if told is not None and (own is None or told >= own) else "measured"
    if told is not None and own is not None and told < own:
        total += tariff.cost(told)
    if others := _others(runs(marks), clock.mark, last, deadline_s):
        total, basis = min(total + sum(map(tariff.cost, others)), max(total, hold_u)), "bound"
    return min(MOST_U, total), basis


def _others(found: Sequence[Run], mark: int, last: Fraction, deadline_s: int) -> list[Fraction]:
    """Milliseconds of every run but the one that ended the job."""
    if len(found) < 2:
        return []
    place = next((n for n, run in enumerate(found) if mark in run.marks), len(found) - 1)
    end = found[place].begun + last
    before = [max(Fraction(1), end - run.begun) for run in found[:place]]
    return before + [Fraction(deadline_s * 1000)] * (len(found) - 1 - place)


def millis(seconds: float) -> Fraction:
    """Seconds as they are written, in milliseconds; hostile values become 0 or more than anything costs."""
    if not 0 < seconds < MOST_U:
        return Fraction(0) if not seconds > 0 else Fraction(MOST_U * 1000)
    return Fraction(repr(seconds)) * 1000
