"""A schedule: the films that are asked for, and all that goes wrong, as data drawn from a seed."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tests.faults.films import FILMS

CALLS = {
    "crash": 220,
    "pause": 220,
    "db-fail": 160,
    "db-lost": 160,
    "db-twice": 160,
    "db-slow": 160,
    "store-fail": 24,
    "run-busy": 6,
    "run-reject": 6,
    "run-unreachable": 6,
    "run-drop": 6,
    "run-swallow": 6,
    "run-break": 6,
    "run-late": 6,
    "run-crash": 6,
    "run-nap": 6,
    "ask-fail": 24,
    "ask-drop": 24,
    "ask-forget": 24,
    "ask-stale": 24,
    "ask-slow": 24,
    "ask-crash": 24,
    "ask-nap": 24,
    "job-slow": 6,
    "job-queue": 6,
    "job-fail": 6,
    "job-refuse": 6,
    "job-degrade": 6,
    "job-preempt": 6,
    "job-silent": 6,
    "job-twice": 6,
    "job-untold": 6,
    "bell-lost": 6,
    "bell-more": 6,
}
"""Faults that strike the n-th call or job of their kind, and how far n goes. A `crash` or a `nap` of `run` or `ask`
kills or pauses the process just when the door has answered.
"""
HARMLESS = frozenset(
    "crash pause db-fail db-lost db-twice db-slow store-fail ask-fail ask-drop ask-forget "
    "ask-stale ask-slow ask-crash ask-nap run-crash run-nap bell-lost bell-more job-twice clock catalog ring view "
    "start keep risk pause-render".split()
)
"""Faults that may delay a film, but keep none from being made."""
MOMENTS = ("clock", "cancel", "pause-render", "risk", "keep", "catalog", "gone", "ring", "view", "instance", "start")
"""Faults and acts of a person that strike at a moment, in milliseconds after the first render was started."""
LATEST_MS = 200_000
DoorKind = Literal["rented", "rented-twice", "own"]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something that happens: `at` is the n-th call, or a moment; `arg` says how much, or to what."""

    kind: str
    at: int
    arg: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """A render that a person starts, after so many milliseconds. `budget` is in upper bounds of one job, 0 for none."""

    film: str
    at: int = 0
    budget: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that decides a run. `waits` of a thousand port calls take their time; `month` is as a budget; a runner
    that nobody wakes looks after its work every `pace` milliseconds, then ever more rarely; a `prompt` one also when
    something is due.
    """

    seed: int
    starts: tuple[Start, ...]
    faults: tuple[Fault, ...] = ()
    runners: int = 1
    door: DoorKind = "rented"
    room: int = 2
    month: int = 0
    waits: int = 100
    pace: int = 3000
    rerun: bool = False
    prompt: bool = True

    @property
    def harmless(self) -> bool:
        """Whether every render must end well."""
        free = not self.month and not any(start.budget for start in self.starts)
        return free and all(fault.kind in HARMLESS for fault in self.faults)

    def smaller(self) -> "list[Schedule]":
        """Every schedule that has one thing less."""
        found = [replace(self, faults=(*self.faults[:i], *self.faults[i + 1 :])) for i in range(len(self.faults))]
        if len(self.starts) > 1:
            found += [replace(self, starts=(*self.starts[:i], *self.starts[i + 1 :])) for i in range(len(self.starts))]
        if self.runners > 1:
            found.append(replace(self, runners=1))
        if self.waits:
            found.append(replace(self, waits=0))
        for i, start in enumerate(self.starts):
            for film in FILMS:
                if len(FILMS[film]) < len(FILMS[start.film]):
                    found.append(
                        replace(self, starts=(*self.starts[:i], replace(start, film=film), *self.starts[i + 1 :]))
                    )
        return found


def _scaled(calls: Mapping[str, int]) -> Mapping[str, int]:
    """`CALLS` of a smaller world: by the port that a kind's name begins with."""
    return {kind: calls[kind.partition("-")[0]] for kind in CALLS}


@dataclass(frozen=True, slots=True)
class Scope:
    """How large a world is. `share` of 100 schedules have this scope; `films` are the titles that a person starts, each
    within `apart` milliseconds of the first; a fault strikes one of so many `calls` of its kind, and a moment is mostly
    within `life` milliseconds.
    """

    share: int
    films: tuple[tuple[str, ...], ...]
    faults: tuple[int, ...]
    runners: tuple[int, ...]
    apart: int
    calls: Mapping[str, int]
    life: int


_TINY = {"crash": 130, "pause": 130, "db": 90, "store": 8, "run": 2, "ask": 5, "job": 2, "bell": 2}
_SMALL = {"crash": 200, "pause": 200, "db": 130, "store": 14, "run": 4, "ask": 12, "job": 4, "bell": 4}
SCOPES = (
    Scope(
        80, (("one",), ("one",), ("one",), ("one",), ("two",)), (2, 2, 3, 3, 4, 5, 6), (1, 2), 1, _scaled(_TINY), 20_000
    ),
    Scope(
        14,
        (("one", "one"), ("one", "two"), ("two", "one"), ("one", "same"), ("same",), ("join",), ("late",)),
        (2, 3, 3, 4, 5, 6),
        (1, 1, 2),
        20_000,
        _scaled(_SMALL),
        30_000,
    ),
    Scope(6, (), (1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 1, 2), 90_000, CALLS, LATEST_MS),
)
"""Most broken laws show in tiny worlds, where most calls are moments that matter: so most worlds are tiny, some have
two films that share a step, or one of a few, and some are large: then titles are drawn one by one.
"""


STORIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "own": (("run-late",), ("run-late", "run-reject", "run-busy", "run-drop", "instance", "risk", "cancel", "crash")),
    "rented": (
        ("run-late", "run-drop", "run-swallow", "run-crash"),
        ("job-twice", "job-preempt", "job-silent", "job-untold", "ask-forget", "risk", "cancel", "clock", "crash"),
    ),
}
"""By the door's kind, what makes an outcome doubtful, and what is worst then: they meet in one schedule of four."""


def draw(seed: int) -> Schedule:
    """The schedule of this seed. Only some kinds of faults come in each, so that they meet in all combinations."""
    rng = random.Random(seed)
    scope = rng.choices(SCOPES, [each.share for each in SCOPES])[0]
    titles = rng.choice(scope.films) if scope.films else _titles(rng)
    starts = tuple(
        Start(title, 0 if i == 0 else rng.randrange(0, scope.apart), rng.choice((0, 0, 0, 1, 2, 3)))
        for i, title in enumerate(titles)
    )
    most = rng.choice(scope.faults)
    kinds = rng.sample(_KINDS, rng.randint(1, min(6, most)))
    door: DoorKind = rng.choice(("rented", "rented", "rented-twice", "own"))
    faults = [_fault(rng, scope, rng.choice(kinds)) for _ in range(most)]
    if rng.random() < 0.25:
        doubt, worst = STORIES[door.partition("-")[0]]
        told = [rng.choice(doubt), *rng.choices(worst, k=rng.choice((1, 2, 3)))]
        faults += [_fault(rng, SCOPES[0], kind) for kind in told]
    return Schedule(
        seed=seed,
        starts=starts,
        faults=tuple(sorted(faults)),
        runners=rng.choice(scope.runners),
        door=door,
        room=rng.choice((1, 2, 4)),
        month=rng.choice((0, 0, 0, 2, 3)),
        waits=rng.choice((0, 50, 300)),
        pace=rng.choice((3000, 10_000, 30_000)),
        rerun=rng.random() < 0.2,
        prompt=rng.random() < 0.4,
    )


def _titles(rng: random.Random) -> tuple[str, ...]:
    return tuple(
        rng.choice(_TITLES) if i else rng.choice(_TITLES[1:]) for i in range(rng.choice((1, 1, 1, 2, 2, 2, 3)))
    )


def _fault(rng: random.Random, scope: Scope, kind: str) -> Fault:
    if kind in MOMENTS:
        at = rng.randrange(0, rng.choice((scope.life, scope.life, LATEST_MS)))
    else:
        at = rng.randrange(0, scope.calls[kind])
    return Fault(kind, at, _ARGS.get(kind, _which)(rng))


def _which(rng: random.Random) -> int:
    return rng.randrange(0, 8)


def _pause(rng: random.Random) -> int:
    """Milliseconds: shorter and longer than leases, posts, starts and deadlines take."""
    return rng.choice((5_000, 30_000, 90_000, 400_000, 1_200_000))


_ARGS: dict[str, Callable[[random.Random], int]] = {
    "pause": _pause,
    "run-nap": _pause,
    "ask-nap": lambda rng: rng.choice((8_000, 15_000, 30_000, 90_000)),
    "db-slow": lambda rng: rng.choice((200, 15_000, 70_000)),
    "ask-slow": lambda rng: rng.choice((8_000, 15_000, 15_000, 30_000, 30_000, 70_000, 200_000)),
    "run-late": lambda rng: rng.choice((1_000, 40_000, 300_000)),
    "clock": lambda rng: rng.randrange(-40_000, 200_000),
    "start": lambda rng: rng.choice((0, 0, 0, 0, 1, 1, 2, 3, 4, 5)),
    "job-slow": lambda rng: rng.choice((60_000, 200_000)),
    "job-queue": lambda rng: rng.choice((30_000, 90_000, 200_000)),
}
_TITLES = ("one", "one", "two", "two", "same", "join", "late", "wide")
_KINDS = (*CALLS, *MOMENTS, "crash", "crash", "pause")
"""A crash and a pause have far more moments to strike than any other: so they are drawn more often."""
