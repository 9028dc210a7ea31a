"""What a render does next, decided from values alone: where each step stands, what to submit, when it ends.

A step that failed fails only what needs it; everything else is finished first. Nothing here submits twice: a step
with a live job waits for that job's end, whichever render pays for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from control.render.views import ENDED, RenderState, StepState

JobState = Literal[
    "intent",
    "submitted",
    "running",
    "unknown",
    "done",
    "degraded",
    "failed",
    "cancelled",
    "never_started",
    "lost",
    "written_off",
]
LIVE: frozenset[JobState] = frozenset({"intent", "submitted", "running", "unknown"})
ATTEMPTS = 3
"""Jobs a render pays for one step at most."""
UNTRIED = "untried"
"""The error code of a job that was never sent, since the Studio slept or was gone: no attempt at all."""
_LIVE_STEP: Mapping[JobState, StepState] = {
    "intent": "queued",
    "submitted": "queued",
    "running": "running",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A step of the plan as deciding sees it. `fp` is None while a fact it waits for is missing."""

    path: str
    fp: str | None
    needs: tuple[str, ...] = ()
    rerun_lost: bool = False
    """Whether its door's stated policy makes a lost job anew."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A job of a fingerprint that is live, or ended since the render began."""

    number: int
    state: JobState
    payer: str
    cancel_requested: bool = False
    retryable: bool = False
    reason: str = ""
    untried: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact. A degraded one serves the render that paid for it, or all where a person keeps it."""

    quality: Literal["done", "degraded"]
    payer: str
    kept: bool = False

    def serves(self, render: str) -> bool:
        """Whether this render counts it as made."""
        return self.quality == "done" or self.kept or self.payer == render


@dataclass(frozen=True)
class Situation:
    """All that a decision rests on. `nodes` come in an order in which they can be made; `attempts` by fingerprint,
    oldest first; `refused` are paths whose upper bound no budget allows, `held` those that no door takes for now, with
    the reason.
    """

    render: str
    nodes: tuple[Node, ...]
    made: Mapping[str, Made] = field(default_factory=dict)
    attempts: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    cancelled: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a step is, and why it is there where that needs saying."""

    state: StepState
    reason: str = ""


@dataclass(frozen=True)
class Decision:
    """`submit` are paths to submit, in order; `end` is the state the render ends in, None while it goes on."""

    standings: Mapping[str, Standing]
    submit: tuple[str, ...] = ()
    end: RenderState | None = None
    reason: str = ""


def advance(now: Situation) -> Decision:
    """Decide. The same situation always gives the same decision."""
    standings: dict[str, Standing] = {}
    for node in now.nodes:
        standings[node.path] = _standing(now, node, standings)
    if not now.cancelled and not _moving(standings):
        standings |= {path: _stuck(standing) for path, standing in standings.items() if standing.state == "waiting"}
    submit = () if now.cancelled or now.paused else tuple(p for p, s in standings.items() if s.state == "ready")
    end, reason = _end(now, standings)
    return Decision(standings, submit, end, reason)


def _standing(now: Situation, node: Node, before: Mapping[str, Standing]) -> Standing:
    if node.fp is not None:
        made = now.made.get(node.fp)
        if made is not None and made.serves(now.render):
            return Standing(made.quality)
        attempts = now.attempts.get(node.fp, ())
        if attempts and attempts[-1].state in LIVE:
            return _live(now, attempts[-1])
        if now.cancelled:
            return Standing("cancelled")
        if (failed := _failed(now, node, attempts)) is not None:
            return failed
    if now.cancelled:
        return Standing("cancelled")
    return _unmade(node, before, now.held.get(node.path, ""))


def _live(now: Situation, job: Attempt) -> Standing:
    if now.cancelled and (not job.cancel_requested or job.state == "unknown"):
        # Another render wants it, or nobody can say when it ends: it is settled without this render.
        return Standing("cancelled", "may have been billed" if job.state == "unknown" else "")
    return Standing(_LIVE_STEP[job.state], "may have been billed" if job.state == "unknown" else "")


def _failed(now: Situation, node: Node, attempts: tuple[Attempt, ...]) -> Standing | None:
    """Why no further job may be paid for this step, None where one may."""
    if (refused := now.refused.get(node.path)) is not None:
        return Standing("failed", refused)
    if not attempts:
        return None
    last = attempts[-1]
    if last.state == "failed" and not last.retryable:
        return Standing("failed", last.reason)
    if last.state == "lost" and not node.rerun_lost:
        return Standing("failed", last.reason or "the job was lost after it began; start the render again to risk it")
    if sum(a.payer == now.render and a.state != "written_off" and not a.untried for a in attempts) >= ATTEMPTS:
        return Standing("failed", f"{last.reason or last.state} ({ATTEMPTS} attempts)")
    return None


def _unmade(node: Node, before: Mapping[str, Standing], held: str) -> Standing:
    states = {path: before[path].state for path in node.needs}
    lost = next((p for p, s in states.items() if s in ("failed", "blocked", "cancelled")), None)
    if lost is not None:
        return Standing("blocked", f"needs {lost}")
    if node.fp is None:
        return Standing("waiting", "for what decides its length")
    waits = next((p for p, s in states.items() if s not in ("done", "degraded")), None)
    return Standing("ready", held) if waits is None else Standing("waiting", f"for {waits}")


def _moving(standings: Mapping[str, Standing]) -> bool:
    return any(s.state in ("ready", "queued", "running", "unknown") for s in standings.values())


def _stuck(standing: Standing) -> Standing:
    """A step that waits while nothing moves: what it waits for will never come."""
    return Standing("blocked", f"waited {standing.reason}, which never came")


def _end(now: Situation, standings: Mapping[str, Standing]) -> tuple[RenderState | None, str]:
    if any(s.state not in ENDED for s in standings.values()):
        return None, ""
    if now.cancelled:
        return "cancelled", ""
    failed = {path: s for path, s in standings.items() if s.state == "failed"}
    if not failed and all(s.state in ("done", "degraded") for s in standings.values()):
        return "done", ""
    first = next(iter(failed.items()), None)
    reason = "a step waits for what never comes" if first is None else f"{first[0]}: {first[1].reason}"
    return "failed", reason + (f" (and {len(failed) - 1} more)" if len(failed) > 1 else "")
