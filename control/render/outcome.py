"""What becomes of a job, decided from what its door and its objects say. Pure.

Only the result object together with every output it names makes a job `done` or `degraded`, whatever the door says.
The door's status says when to look, and ends jobs that left no result. Nothing is certain but: a result, a known
refusal, the door's own end, or the passing of times that storage's clock enforces.
"""

import math
from dataclasses import dataclass
from typing import Literal

from control.render.advance import JobState
from functions.contract.job import DoorStatus, JobResult, Started

START_GRACE_MS = 300_000
"""After `start_by`, until a job without a `started` object counts as never started."""
END_GRACE_MS = 300_000
"""After deadline x executions, until a started job without a result counts as lost."""
Basis = Literal["provider", "measured", "bound"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a door's work costs and allows. Money in micro-dollars a second of a worker."""

    price_u: int = 0
    start_allowance_s: int = 600
    repeatable: bool = False
    """Whether `run` may be sent again: the door takes a job id once."""
    forgets: bool = False
    """Whether a 404 after acceptance may mean no more than that the door forgot."""
    price_name: str = ""
    """The price's name in `control.graph.prices`, empty for one that was stated with the door."""
    price_date: str = ""
    price_source: str = ""

    def bound(self, deadline_s: int, executions: int) -> int:
        """Upper bound of one job: price x (deadline + start-up allowance) x executions."""
        return self.price_u * (deadline_s + self.start_allowance_s) * executions


@dataclass(frozen=True, slots=True)
class JobFacts:
    """The stored job, as far as its end depends on it. Times in milliseconds."""

    start_by: int
    deadline_s: int
    executions: int
    hold_u: int
    instance: str | None = None
    posts: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """The door does not know the job. `instance` names the queue that says so."""

    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at now. `door` is None where it was not asked or gave no answer; `missing` names an output the
    result promises and storage does not hold. A store that cannot be read gives nothing to judge by.
    """

    now: int
    door: DoorStatus | Gone | None = None
    result: JobResult | None = None
    missing: str | None = None
    started: Started | None = None


@dataclass(frozen=True, slots=True)
class End:
    """A known end of a job, and what it cost."""

    state: JobState
    charge_u: int
    basis: Basis
    code: str = ""
    reason: str = ""
    retryable: bool = False


def judge(job: JobFacts, seen: Seen, terms: Terms) -> End | None:
    """The end of the job, None while it is open."""
    if seen.result is not None:
        return _by_result(job, seen.result, seen.missing, terms)
    if isinstance(seen.door, Gone):
        return _by_absence(job, seen, seen.door, terms)
    if seen.door is not None and seen.door.status not in ("IN_QUEUE", "IN_PROGRESS"):
        return _by_door(job, seen, seen.door, terms)
    return _by_time(job, seen, terms)


def _by_result(job: JobFacts, result: JobResult, missing: str | None, terms: Terms) -> End:
    charge = _cost(result.metrics.total_s, terms)
    if result.status in ("done", "degraded"):
        if missing is None:
            return End(result.status, charge, "measured")
        reason = f"the result names {missing}, which is not in the object store as it says"
        return End("failed", charge, "measured", "output_missing", reason, retryable=True)
    if result.status == "cancelled":
        return End("cancelled", charge, "measured", "cancelled", "cancelled", retryable=True)
    error = result.error
    if error is None:
        return End("failed", charge, "measured", "engine_failed", "the door gave no reason")
    return End("failed", charge, "measured", error.code, error.message, error.retryable)


def _by_absence(job: JobFacts, seen: Seen, gone: Gone, terms: Terms) -> End | None:
    if terms.forgets or job.posts == 0:
        return _by_time(job, seen, terms)
    same = gone.instance is not None and gone.instance == job.instance
    if seen.started is None and (same or job.instance is None):
        return End("never_started", 0, "measured", "never_accepted", "the door never took the job", retryable=True)
    return End("lost", job.hold_u, "bound", "lost", "the door lost the job after it had taken it", retryable=True)


def _by_door(job: JobFacts, seen: Seen, door: DoorStatus, terms: Terms) -> End | None:
    spent = _cost((door.executionTime or 0) / 1000, terms) if door.executionTime is not None else job.hold_u
    basis: Basis = "provider" if door.executionTime is not None else "bound"
    if door.status == "CANCELLED":
        return End("cancelled", spent, basis, "cancelled", "cancelled", retryable=True)
    if door.status == "FAILED":
        code, message, retryable = _error_of(door)
        return End("failed", spent, basis, code, message, retryable)
    if door.status == "COMPLETED":
        code, message, retryable = _error_of(door)
        reason = message if code != "door_failed" else "the door says it is completed, but left no result"
        return End("failed", spent, basis, code, reason, retryable)
    # TIMED_OUT is no proof that the job did not begin, nor that it ended.
    return _by_time(job, seen, terms)


def _by_time(job: JobFacts, seen: Seen, terms: Terms) -> End | None:
    if seen.started is None:
        if seen.now > job.start_by + START_GRACE_MS:
            charge = min(job.hold_u, terms.price_u * terms.start_allowance_s)
            reason = "the job did not begin in time"
            return End("never_started", charge, "bound", "never_started", reason, retryable=True)
        return None
    if seen.now > job.start_by + job.deadline_s * 1000 * job.executions + END_GRACE_MS:
        reason = "the job began but left no result by its deadline"
        return End("lost", job.hold_u, "bound", "lost", reason, retryable=True)
    return None


def _error_of(door: DoorStatus) -> tuple[str, str, bool]:
    """Code, message and whether to try again, from whatever the door put into `output` or `error`."""
    for said in (door.output, door.error):
        found = said.get("error", said) if isinstance(said, dict) else said
        if isinstance(found, dict) and "message" in found:
            retryable = bool(found.get("retryable", False))
            return str(found.get("code", "door_failed"))[:60], str(found["message"])[:2000], retryable
        if isinstance(found, str) and found:
            return "door_failed", found[-2000:], True
    return "door_failed", "the door gave no reason", True


def _cost(seconds: float, terms: Terms) -> int:
    """Micro-dollars of these seconds, rounded up."""
    return math.ceil(max(0.0, seconds) * terms.price_u)
