"""What becomes of a job, decided from what its door and its objects say. Pure.

Only the result object together with every output it names makes a job `done` or `degraded`, whatever the door says.
The door's status says when to look, and ends jobs that left no result. Nothing is certain but: a result, a known
refusal, the door's own end, or the passing of times that storage's clock enforces.
"""

from dataclasses import dataclass
from fractions import Fraction

from control.render.advance import JobState
from control.render.tariff import MOST_U, Basis, Clock, Tariff, charge, millis
from functions.contract.job import DoorStatus, ExecutionMark, JobResult, Started

START_GRACE_MS = 300_000
"""After `start_by`, until a job without a `started` object counts as never started."""
END_GRACE_MS = 300_000
"""After deadline x executions, until a started job without a result counts as lost."""


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
    increment_ms: int = 1
    """A run is billed in whole multiples of this."""
    minimum_ms: int = 0
    metered: bool = False
    """Whether the door's status says how long the provider counted: a look waits for that before a job is booked."""

    @property
    def tariff(self) -> Tariff:
        """What a run costs."""
        return Tariff(self.price_u, self.increment_ms, self.minimum_ms)

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
    fixed_u: int = 0
    """What the provider charges for the output, beside the time of a worker."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The door does not know the job. `instance` names the queue that says so."""

    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at now. `door` is None where it was not asked or gave no answer; `missing` names an output the
    result promises and storage does not hold. `marks` are the executions that began, in order. A store that cannot be
    read gives nothing to judge by.
    """

    now: int
    door: DoorStatus | Gone | None = None
    result: JobResult | None = None
    missing: str | None = None
    started: Started | None = None
    marks: tuple[ExecutionMark, ...] = ()


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
        return _by_result(job, seen.result, seen, terms)
    if isinstance(seen.door, Gone):
        return _by_absence(job, seen, seen.door, terms)
    if seen.door is not None and ended(seen.door):
        return _by_door(job, seen, seen.door, terms)
    return _by_time(job, seen, terms)


def _by_result(job: JobFacts, result: JobResult, seen: Seen, terms: Terms) -> End:
    cost, basis = _charge(job, result, seen, terms)
    if result.status in ("done", "degraded"):
        if seen.missing is None:
            return End(result.status, cost, basis)
        reason = f"the result names {seen.missing}, which is not in the object store as it says"
        return End("failed", cost, basis, "output_missing", reason, retryable=True)
    if result.status == "cancelled":
        return End("cancelled", cost, basis, "cancelled", "cancelled", retryable=True)
    error = result.error
    if error is None:
        return End("failed", cost, basis, "engine_failed", "the door gave no reason")
    return End("failed", cost, basis, error.code, error.message, error.retryable)


def _charge(job: JobFacts, result: JobResult, seen: Seen, terms: Terms) -> tuple[int, Basis]:
    """What a job with a result costs. One of which nobody says how long it took is booked at its hold."""
    metrics, made = result.metrics, result.status in ("done", "degraded")
    own = millis(metrics.call_s) or millis(metrics.total_s) or None
    told = _told_ms(seen, terms)
    if terms.price_u > 0 and own is None and told is None:
        return job.hold_u, "bound"
    spent, basis = charge(terms.tariff, Clock(own, told, result.execution), seen.marks, job.deadline_s, job.hold_u)
    if metrics.billed_u is not None:
        return min(MOST_U, spent + max(0, metrics.billed_u)), "provider" if basis != "bound" else basis
    return min(MOST_U, spent + job.fixed_u), basis if made or not job.fixed_u else "bound"


def _told_ms(seen: Seen, terms: Terms) -> Fraction | None:
    """How long the provider counted, where its statement is one of the time that it bills."""
    door = seen.door
    if not terms.metered or not isinstance(door, DoorStatus) or door.executionTime is None or not ended(door):
        return None
    return Fraction(max(0, door.executionTime))


def ended(door: DoorStatus) -> bool:
    """Whether the door says that the job runs no more."""
    return door.status not in ("IN_QUEUE", "IN_PROGRESS")


def _by_absence(job: JobFacts, seen: Seen, gone: Gone, terms: Terms) -> End | None:
    if terms.forgets or job.posts != 1:
        return _by_time(job, seen, terms)  # of several POSTs one may still be on its way to the door
    same = gone.instance is not None and gone.instance == job.instance
    if seen.started is None and (same or job.instance is None):
        return End("never_started", 0, "measured", "never_accepted", "the door never took the job", retryable=True)
    return End("lost", job.hold_u, "bound", "lost", "the door lost the job after it had taken it", retryable=True)


def _by_door(job: JobFacts, seen: Seen, door: DoorStatus, terms: Terms) -> End | None:
    spent, basis = _told(job, seen, door, terms)
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


def _told(job: JobFacts, seen: Seen, door: DoorStatus, terms: Terms) -> tuple[int, Basis]:
    """What a job without a result costs, by its door: the time it states, else a cold start where it never began."""
    if door.executionTime is not None and job.posts <= 1:  # of several POSTs another queue may have run one, too
        clock = Clock(None, Fraction(max(0, door.executionTime)))
        spent, basis = charge(terms.tariff, clock, seen.marks, job.deadline_s, job.hold_u)
        return min(MOST_U, spent + job.fixed_u), "bound" if job.fixed_u else basis
    if seen.started is None and door.status != "COMPLETED":
        return _cold_start(job, terms), "bound"
    return job.hold_u, "bound"


def _by_time(job: JobFacts, seen: Seen, terms: Terms) -> End | None:
    if seen.started is None:
        if seen.now > job.start_by + START_GRACE_MS:
            reason = "the job did not begin in time"
            return End("never_started", _cold_start(job, terms), "bound", "never_started", reason, retryable=True)
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


def _cold_start(job: JobFacts, terms: Terms) -> int:
    """What a job costs at most that woke a worker and never began."""
    return min(job.hold_u, terms.price_u * terms.start_allowance_s)
