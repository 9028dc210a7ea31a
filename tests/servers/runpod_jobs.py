"""The state behind a stand-in RunPod endpoint: its queue, its workers, its ledger, and the faults a test asks for.

What it does follows RunPod's published API and what its SDK was seen to meet: no idempotency, ids of its own, a job is
given out again when its worker stops pinging, whatever is posted to `job-done` is believed (late progress reopens a
job), ended jobs are forgotten after 30 minutes and `ttl` deletes even running ones.
"""

import json
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
State = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
Document = dict[str, Any]


@dataclass
class Rules:
    """RunPod's numbers, to be made smaller by tests. `price_u` is micro-dollars a worker second (A100: 760)."""

    price_u: int = 760
    retention_s: float = 1800
    """How long an ended job is remembered."""
    execution_s: float = 600
    """Default of `policy.executionTimeout`."""
    ttl_s: float = 86_400
    """Default of `policy.ttl`."""
    silence_s: float = 30
    """A worker that did not ping for so long is taken for dead."""
    retries: int = 1
    """How often a job whose worker died is given out again."""
    poll_s: float = 5
    """How long `job-take` and `job-stop` are held open."""
    webhook_pause_s: float = 10
    webhook_tries: int = 3
    rate: tuple[int, float] = (1000, 10.0)
    """Most `run` requests in so many seconds."""
    now_ms: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)


@dataclass
class Faults:
    """What goes wrong. `run` and `look` are consumed one a request; `twice` counts jobs yet to be given out twice.

    `run`: `accept`, `busy` (429), `reject` (400), `drop` (connection reset, nothing taken), `outage` (500, nothing
    taken), `break` (taken, 500), `reset` (taken, connection reset), `hang` (taken, no answer for `hang_s`), `html`
    (taken, a page), `redirect`, `huge` (taken, an answer of 100 MB).
    `look` (status, cancel): `ok`, `500`, `404`, `429`, `reset`, `hang`, `html`.
    `done` (a worker's report of an end): `ok`, `500`, `reset` (both lose it), `stray` (believed, then `late` is too).
    """

    run: deque[str] = field(default_factory=deque)
    look: deque[str] = field(default_factory=deque)
    done: deque[str] = field(default_factory=deque)
    twice: int = 0
    """Give the next so many jobs to two takers."""
    late: Document | None = None
    """Progress that is posted after the end of the job whose report meets `stray`."""
    swallow: int = 0
    """Give the next so many jobs to nobody: they are IN_PROGRESS for ever."""
    deaf: bool = False
    """Workers are not told of cancels."""
    hang_s: float = 30


@dataclass
class Charge:
    """One execution as it is billed: from being taken to being reported, rounded up to the second."""

    job: str
    worker: str
    begun_ms: int
    ended_ms: int | None = None
    price_u: int = 0

    def seconds(self, now: int) -> int:
        """Billed seconds so far."""
        return max(1, math.ceil(((self.ended_ms or now) - self.begun_ms) / 1000))

    def cost_u(self, now: int) -> int:
        """Micro-dollars so far."""
        return self.seconds(now) * self.price_u


@dataclass
class Job:
    """One accepted request. `input` is what was sent; nothing in it is looked at."""

    id: str
    body: Document
    created_ms: int
    execution_ms: float
    ttl_ms: float
    state: State = "IN_QUEUE"
    output: Any = None
    error: Any = None
    begun_ms: int | None = None
    ended_ms: int | None = None
    worker: str | None = None
    retried: int = 0
    posts: list[Document] = field(default_factory=list)
    """All that workers posted of it, late ones too."""

    @property
    def input(self) -> Any:
        """What was asked for."""
        return self.body.get("input")

    def told(self) -> Document:
        """As `status` answers."""
        said: Document = {"id": self.id, "status": self.state}
        if self.begun_ms is not None:
            said["delayTime"] = self.begun_ms - self.created_ms
        if self.begun_ms is not None and self.ended_ms is not None:
            said["executionTime"] = self.ended_ms - self.begun_ms
        found = {"output": self.output, "error": self.error, "workerId": self.worker}
        return said | {name: value for name, value in found.items() if value is not None}


class Jobs:
    """All jobs of one endpoint. Every method may be called from any thread."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules, self.faults = rules or Rules(), Faults()
        self.jobs: dict[str, Job] = {}
        self.accepted: list[str] = []
        """Every id that was ever given out: forgetting a job does not shorten it."""
        self.ledger: list[Charge] = []
        self.webhooks: list[tuple[str, Document]] = []
        """Due: (URL, body)."""
        self.changed = threading.Condition(threading.RLock())
        self._waiting: deque[str] = deque()
        self._stops: dict[str, deque[str]] = {}
        self._pings: dict[str, int] = {}
        self.unhealthy: list[Document] = []
        self.stop_pods: list[str] = []
        """Workers that asked to be replaced, in order."""
        self._ran: deque[float] = deque()

    # the client's side ----------------------------------------------------------------------------------------------

    def too_fast(self) -> bool:
        """Whether `run` is over its rate now."""
        most, seconds = self.rules.rate
        now = time.monotonic()
        with self.changed:
            while self._ran and self._ran[0] < now - seconds:
                self._ran.popleft()
            if len(self._ran) >= most:
                return True
            self._ran.append(now)
            return False

    def accept(self, body: Document) -> Job:
        """Queue a job under an id of our own, however often the same is sent. Raises `ValueError` for a bad policy."""
        policy = body.get("policy") or {}
        execution = _bounded(policy, "executionTimeout", self.rules.execution_s * 1000, 5000)
        ttl = _bounded(policy, "ttl", self.rules.ttl_s * 1000, 10_000)
        with self.changed:
            job = Job(f"{uuid.uuid4()}-u1", body, self.rules.now_ms(), execution, ttl)
            self.jobs[job.id] = job
            self.accepted.append(job.id)
            self._waiting.append(job.id)
            self.changed.notify_all()
        return job

    def get(self, handle: str) -> Job | None:
        """A job that is still remembered."""
        with self.changed:
            self.sweep()
            return self.jobs.get(handle)

    def cancel(self, handle: str) -> Job | None:
        """Cancel a job; its worker is told, and is billed until it reports or lets go."""
        with self.changed:
            job = self.get(handle)
            if job is not None and job.state not in FINAL:
                self._tell_stop(job)
                self._end(job, "CANCELLED", self.rules.now_ms())
            return job

    def forget(self, handle: str) -> None:
        """Amnesia: the job is gone, its worker goes on."""
        with self.changed:
            del self.jobs[handle]

    def counts(self) -> Document:
        """As `health` answers."""
        with self.changed:
            self.sweep()
            states = [job.state for job in self.jobs.values()]
            alive = [w for w, at in self._pings.items() if at > self.rules.now_ms() - self.rules.silence_s * 1000]
            busy = {job.worker for job in self.jobs.values() if job.state == "IN_PROGRESS"}
        return {
            "jobs": {
                "completed": states.count("COMPLETED"),
                "failed": states.count("FAILED"),
                "inProgress": states.count("IN_PROGRESS"),
                "inQueue": states.count("IN_QUEUE"),
                "retried": sum(job.retried for job in self.jobs.values()),
            },
            "workers": {"idle": len(set(alive) - busy), "running": len(busy), "throttled": 0, "unhealthy": 0},
        }

    # the worker's side ----------------------------------------------------------------------------------------------

    def take(self, worker: str, most: int) -> list[Job]:
        """Jobs for a worker, after waiting for one; none when the poll's time is over."""
        until = time.monotonic() + self.rules.poll_s
        with self.changed:
            self.ping(worker)
            while not self._next_waiting():
                left = until - time.monotonic()
                if left <= 0 or not self.changed.wait(min(left, 0.2)):
                    self.sweep()
                if left <= 0:
                    return []
            found: list[Job] = []
            again: list[str] = []
            while len(found) < most and (job := self._next_waiting()) is not None:
                self._waiting.remove(job.id)
                self._give(job, worker, found, again)
            self._waiting.extend(again)
            self.changed.notify_all()
            return found

    def _next_waiting(self) -> Job | None:
        while self._waiting and (
            self._waiting[0] not in self.jobs or self.jobs[self._waiting[0]].state in FINAL - {"COMPLETED"}
        ):
            self._waiting.popleft()
        return self.jobs[self._waiting[0]] if self._waiting else None

    def _give(self, job: Job, worker: str, found: list[Job], again: list[str]) -> None:
        now = self.rules.now_ms()
        if job.state not in FINAL:
            job.state, job.worker, job.begun_ms = "IN_PROGRESS", worker, job.begun_ms or now
        if self.faults.swallow:
            self.faults.swallow -= 1
            return
        if self.faults.twice:
            self.faults.twice -= 1
            again.append(job.id)
        self.ledger.append(Charge(job.id, worker, now, price_u=self.rules.price_u))
        found.append(job)

    def stops(self, worker: str) -> list[str]:
        """Jobs this worker should stop, after waiting for one."""
        until = time.monotonic() + self.rules.poll_s
        with self.changed:
            while not (queue := self._stops.get(worker)):
                left = until - time.monotonic()
                if left <= 0:
                    return []
                self.changed.wait(left)
            told = list(queue)
            queue.clear()
            return told

    def done(self, worker: str, handle: str, post: Document) -> None:
        """Believe what a worker posts of a job, in the order it comes."""
        with self.changed:
            now = self.rules.now_ms()
            if post.get("stopPod"):
                self.stop_pods.append(worker)
            if post.get("status") != "IN_PROGRESS":
                self._settle(worker, handle, now)
            job = self.jobs.get(handle)
            if job is None:
                return
            job.posts.append(post)
            if job.state == "CANCELLED":
                return
            if post.get("status") == "IN_PROGRESS":
                job.state, job.output = "IN_PROGRESS", post.get("output")
            else:
                job.output, job.error = post.get("output"), post.get("error")
                self._end(job, "FAILED" if "error" in post else "COMPLETED", now)

    def ping(self, worker: str, query: Document | None = None) -> None:
        """A sign of life."""
        with self.changed:
            self._pings[worker] = self.rules.now_ms()
            if query and query.get("status") == "unhealthy":
                self.unhealthy.append(query)

    def died(self, worker: str) -> None:
        """The platform learns at once that a worker is gone: as `silence_s` later by itself."""
        with self.changed:
            self._pings[worker] = -1
            self.sweep()

    # the platform ---------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """What the platform does by itself as time passes."""
        now = self.rules.now_ms()
        for job in list(self.jobs.values()):
            silent = self._pings.get(job.worker or "", now) < now - self.rules.silence_s * 1000
            if now > job.created_ms + job.ttl_ms:
                self._tell_stop(job)
                del self.jobs[job.id]
            elif job.ended_ms is not None and job.state in FINAL:
                if now > job.ended_ms + self.rules.retention_s * 1000:
                    del self.jobs[job.id]
            elif job.state == "IN_PROGRESS" and silent:
                self._again(job)
            elif job.begun_ms is not None and now > job.begun_ms + job.execution_ms:
                self._tell_stop(job)
                self._end(job, "TIMED_OUT", now)

    def _again(self, job: Job) -> None:
        now = self.rules.now_ms()
        self._settle(job.worker or "", job.id, now)
        if job.retried < self.rules.retries:
            job.retried += 1
            job.state, job.worker, job.begun_ms = "IN_QUEUE", None, None
            self._waiting.append(job.id)
            self.changed.notify_all()
        else:
            job.error = f"job timed out after {job.retried} retries"
            self._end(job, "FAILED", now)

    def _end(self, job: Job, state: State, now: int) -> None:
        job.state, job.ended_ms = state, now
        url = job.body.get("webhook")
        if url and state in ("COMPLETED", "FAILED"):
            body = {**job.told(), "input": job.input, "webhook": url}
            self.webhooks.append((url, json.loads(json.dumps(body))))
        self.changed.notify_all()

    def _tell_stop(self, job: Job) -> None:
        if job.worker is not None and not self.faults.deaf:
            self._stops.setdefault(job.worker, deque()).append(job.id)
            self.changed.notify_all()

    def _settle(self, worker: str, handle: str, now: int) -> None:
        for charge in self.ledger:
            if (charge.job, charge.worker, charge.ended_ms) == (handle, worker, None):
                charge.ended_ms = now

    # the bill -------------------------------------------------------------------------------------------------------

    def let_go(self, worker: str) -> None:
        """A worker says that it holds no job, or is gone: what it still had is billed until now."""
        with self.changed:
            for charge in self.ledger:
                if charge.worker == worker and charge.ended_ms is None:
                    charge.ended_ms = self.rules.now_ms()

    def bill_u(self, handle: str | None = None) -> int:
        """Micro-dollars of one job, or of all, so far."""
        with self.changed:
            now = self.rules.now_ms()
            return sum(charge.cost_u(now) for charge in self.ledger if handle in (None, charge.job))


def _bounded(policy: Document, name: str, default: float, least: int) -> float:
    value = policy.get(name, default)
    if not isinstance(value, int | float) or not least <= value <= 604_800_000:
        if name in policy:
            raise ValueError(f"policy.{name} must be from {least} to 604800000 ms")
        return default
    return float(value)
