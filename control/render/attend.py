"""One look at one job: post it, ask its door, read its objects, cancel it, and book what is known then."""

import contextlib
import functools
import json
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nacl.signing import SigningKey
from pydantic import ValidationError

from control.doors.choice import closed
from control.doors.client import HANDLE, Answer, DoorClient
from control.doors.registry import Door, Doors
from control.errors import DoorError, DoorRefused, DoorUnreachable, ObjectExists, ObjectMissing, OutcomeUnknown
from control.graph.model import OutputFacts
from control.graph.quote import class_of, pace_of
from control.render.advance import UNTRIED
from control.render.ledger import Adopted, Ledger
from control.render.outcome import End, Gone, JobFacts, Seen, Terms, judge
from control.render.planning import FACTS
from control.render.request import JSON_LIMIT, dispatch, marks
from control.render.rows import JobRow
from control.store import ObjectStore
from functions.contract.errors import WireError
from functions.contract.job import DoorStatus, ExecutionMark, JobProgress, JobRequest, JobResult, Started

PROGRESS_MS = 2000
"""Least time between two writes of a job's progress."""
POST_MS = 60_000
"""How long a POST may take at most before somebody else looks, where sending it twice could cost twice."""
UNKNOWN_MS = 60_000
"""Longest time between two looks at a job whose outcome nobody knows."""
STAGE = 80
"""Characters of a stage's name that are shown."""
MENDABLE = ("unauthorized", "scaled_to_zero")
"""Refusals that a person mends at the provider: the job waits for that."""
FATAL = (*MENDABLE, "no_endpoint", "grant_refused", "engine_mismatch")
"""Refusals that say that the door is not as it was thought to be: it closes at once."""
METER_MS = 10_000
"""How long after a doorbell a job whose provider still counts is not booked by our own clock."""
METER_LOOK_MS = 1000
"""The pause between looks meanwhile."""
POST_AGAIN_MS = 2000
"""The same where a door takes a job id once."""


@dataclass(frozen=True)
class Tools:
    """What looking needs."""

    ledger: Ledger
    store: ObjectStore
    doors: Doors
    key: SigningKey
    clock: Callable[[], int]
    rng: random.Random = field(default_factory=random.Random)


def interval(job: JobRow, door: Door, now: int, rng: random.Random) -> int:
    """Milliseconds until the next look: an eighth of the job's age, within the door's range, up to a fifth less so
    that jobs of one moment are not looked at in one moment. What nobody knows is looked at less and less.
    """
    first, longest = door.poll_ms
    if job.state == "submitted" and door.kind == "builtin":
        first = longest  # it rings when the job runs
    if job.state in ("unknown", "written_off"):
        longest = max(longest, UNKNOWN_MS)
    return round(max(first, min(longest, (now - job.created_at) // 8)) * rng.uniform(0.8, 1.0))


def post_ms(door: Door) -> int:
    """How long the maker of a job has for its POST."""
    return POST_AGAIN_MS if door.terms.repeatable else POST_MS


@functools.lru_cache(maxsize=1000)
def _request(text: str) -> JobRequest:
    """A stored request: the same at every look."""
    return JobRequest.model_validate_json(text)


class Look:
    """One look at one job. Raises `StoreError` or `DatabaseError` where those cannot be used; look again later."""

    def __init__(self, tools: Tools, job: JobRow, *, rung: bool = False) -> None:
        self.tools, self.job, self.rung = tools, job, rung
        self.door = tools.doors.door(job.door)
        self.client: DoorClient = tools.doors.client(job.door)
        self.guard = tools.doors.guard(job.door)
        self.request = _request(job.request)

    async def take(self) -> bool:
        """Look, and book what is known. Whether the job has ended."""
        if self.job.state == "intent":
            return await self._intent()
        if self.job.handle is None:
            return await self._adrift()
        if self._cheap and not self.door.terms.metered and (result := await self._result()) is not None:
            return await self._by_result(result)
        answer = await self._ask(self.job.handle)
        return await self._answered(answer)

    # submitting ----------------------------------------------------------------------------------------------------

    async def _intent(self) -> bool:
        if self.job.posts == 0 and self.job.cancel_requested:
            return await self._unsent(End("cancelled", 0, "measured", "cancelled", "cancelled", retryable=True))
        if self.job.posts > 0 and not self.door.terms.repeatable:
            return await self._adrift()
        if self._now > self.job.start_by and self.job.posts == 0:
            code, reason = "unreachable", f"the door {self.door.id} could not be reached in time"
            if not json.loads(self.job.known):  # nobody tried: who tries and fails leaves a note
                code, reason = UNTRIED, "nobody was there to send the job in time"
            return await self._unsent(End("never_started", 0, "measured", code, reason, retryable=True))
        if self.job.posts == 0 and not self.guard.allows(self._now, self.job.id):
            return await self._wait(closed(self.door.id, self.guard.breaker))
        if self.door.kind == "runpod" and (why := await self._unable()):
            return await self._wait(why)
        return await self._post()

    async def _unable(self) -> str:
        """Why the endpoint would let a job wait for ever, empty where it would not."""
        try:
            await self.client.able(self.job.engine)
        except DoorError as error:
            self._blame(error)
            return error.detail
        return ""

    async def _wait(self, why: str, ms: int = 0) -> bool:
        """Not sent: try again later, and say why."""
        await self._note(why)
        await self.tools.ledger.later(self.job.id, max(self._later, self._now + ms))
        return False

    async def _post(self) -> bool:
        tools, job = self.tools, self.job
        self.guard.tried(self._now, job.id)
        request = await dispatch(self.request, job.attempt, tools.store, tools.key, self._now)
        token = secrets.token_hex(8)
        if not await tools.ledger.posting(job.id, token, again=self.door.terms.repeatable):
            return False  # another runner sends it
        try:
            answer = await self.client.run(request)
        except DoorRefused as error:
            return await self._refused(error, token)
        except DoorUnreachable as error:
            self._blame(error)
            await self._note(error.detail)
            await tools.ledger.refused(job.id, token, self._later)
            return False
        except OutcomeUnknown as error:
            self._blame(error)
            return await self._silence(error)
        self.guard.answered()
        status = answer.status
        handle = job.id if status is None else status.id
        await tools.ledger.handle(job.id, handle, answer.instance, self._soon)
        return False

    async def _refused(self, error: DoorRefused, token: str) -> bool:
        fields, retryable = error.fields, error.fields["retryable"]
        self._blame(error)
        after = max(self._later, self._now + (fields.get("retry_ms") or 0))
        certain = await self.tools.ledger.refused(self.job.id, token, after)
        doubtful = self.door.terms.repeatable and not certain
        if fields["code"] == "job_exists" or (doubtful and not retryable):
            # An earlier POST of this very id may have been taken: the door is asked for it.
            await self.tools.ledger.handle(self.job.id, self.job.id, fields["instance"], self._soon)
            return False
        if retryable or fields["code"] in MENDABLE:
            await self._note(error.detail)
            return False
        # Another runner may have sent it since: what this one was told is of its own POST.
        return await self._unsent(End("failed", 0, "measured", fields["code"], error.detail))

    async def _silence(self, error: OutcomeUnknown) -> bool:
        await self._note(error.detail)
        if self.door.terms.repeatable:
            await self.tools.ledger.later(self.job.id, self._later)
        else:
            await self.tools.ledger.unknown(self.job.id, self._later)
        return False

    async def _adrift(self) -> bool:
        """A job that may have been accepted, under an id nobody knows: only its objects can tell."""
        since = self._now  # nothing read below is older than the time by which it is judged
        result, started = await self._result(), await self._started()
        handle = None if started is None else started.provider_id
        known = handle is not None and HANDLE.fullmatch(handle) is not None
        if result is not None and not (known and self.door.terms.metered):
            return await self._by_result(result)
        if known and handle is not None:
            await self.tools.ledger.unknown(self.job.id, self._later)
            await self.tools.ledger.handle(self.job.id, handle, None, self._later)
            return False
        if await self._judge(Seen(since, started=started)):
            return True
        await self._note(json.loads(self.job.known).get("note", ""), started)
        await self.tools.ledger.unknown(self.job.id, self._later)
        return False

    async def _note(self, why: str, started: Started | None = None) -> None:
        """Keep what a person should be told of this job while it is open."""
        known = {"note": why[:500]}
        if started is not None:
            known |= {"started": str(started.at), "worker": started.worker[:100]}
        if known != json.loads(self.job.known):
            await self.tools.ledger.note(self.job.id, json.dumps(known))

    def _blame(self, error: DoorError) -> None:
        """Count a failure against the door, where it is one of the door."""
        fields = error.fields
        if isinstance(error, DoorRefused) and fields["code"] not in FATAL:
            if not fields.get("kept"):
                self.guard.answered()
        elif not fields.get("starting"):
            lasting = bool(fields.get("lasting")) or fields.get("code") in FATAL
            self.guard.failed(self._now, error.detail, at_once=lasting)

    # asking --------------------------------------------------------------------------------------------------------

    async def _ask(self, handle: str) -> Answer | None:
        """What the door says, None where it says nothing."""
        job = self.job
        try:
            if job.cancel_requested and not job.cancel_sent:
                answer = await self.client.cancel(job.engine, handle)
                await self.tools.ledger.cancel_sent(job.id)
            else:
                answer = await self.client.status(job.engine, handle)
        except DoorError as error:
            self._blame(error)
            return None
        if not self.guard.breaker.tripped:
            self.guard.answered()
        return answer

    async def _answered(self, answer: Answer | None) -> bool:
        since = self._now
        status = None if answer is None else answer.status
        if status is not None and status.status in ("IN_QUEUE", "IN_PROGRESS") and not self._overdue:
            if self._told_to_look and (result := await self._result()) is not None:
                return await self._by_result(result)
            await self._progress(status)
            if self._counting:
                await self.tools.ledger.later(self.job.id, self._now + METER_LOOK_MS)
            return False
        said = status if answer is None or status is not None else Gone(answer.instance)
        result = await self._result()
        if result is not None:
            return await self._by_result(result, status)
        marks = () if status is None else await self._marks()
        ended = await self._judge(Seen(since, said, started=await self._started(), marks=marks))
        if not ended and status is not None:
            await self._progress(status)
        return ended

    async def _progress(self, status: DoorStatus) -> None:
        job = self.job
        fresh = self._now - job.progress_at >= PROGRESS_MS
        if status.status != "IN_PROGRESS" or not (fresh or job.state == "submitted"):
            return
        try:
            told = JobProgress.model_validate(status.output)
        except ValidationError:
            told = JobProgress(job_id=job.id, attempt=job.attempt, stage="")
        told = told.model_copy(update={"stage": told.stage[:STAGE]})
        if told.job_id != job.id or told.attempt != job.attempt:
            return
        body = told.model_dump_json(include={"stage", "done", "total", "eta_s"})
        await self.tools.ledger.progress(job.id, body, self._now, self._later)

    # objects -------------------------------------------------------------------------------------------------------

    async def _result(self) -> JobResult | None:
        """The result object, None where there is none yet."""
        try:
            data = await self.tools.store.read(self.request.reserved.result.key, JSON_LIMIT)
        except ObjectMissing:
            return None
        try:
            result = JobResult.model_validate_json(data)
        except ValidationError:
            return _bad_result(self.job, "the result object cannot be read")
        if result.job_id != self.job.id or result.fingerprint not in ("", self.job.fp):
            return _bad_result(self.job, "the result object is of another job")
        return result

    async def _started(self) -> Started | None:
        try:
            data = await self.tools.store.read(self.request.reserved.started.key, JSON_LIMIT)
            return Started.model_validate_json(data)
        except ObjectMissing:
            return None
        except ValidationError:
            return Started(job_id=self.job.id)

    async def _marks(self) -> tuple[ExecutionMark, ...]:
        """The executions that began, where each of them costs money."""
        found: list[ExecutionMark] = []
        if self._terms.price_u:
            with contextlib.suppress(ObjectMissing, ValidationError):
                for key in marks(self.request):
                    found.append(ExecutionMark.model_validate_json(await self.tools.store.read(key, JSON_LIMIT)))
        return tuple(found)

    async def _missing(self, result: JobResult) -> str | None:
        """The first output that storage does not hold as the result says."""
        if result.status not in ("done", "degraded"):
            return None
        for name, ref in self.request.outputs.items():
            fact = result.outputs.get(name)
            head = None if fact is None or fact.key != ref.key else await self.tools.store.head(ref.key)
            if head is None or fact is None or head.size != fact.size or head.size > ref.max_bytes:
                return name
        return None

    # booking -------------------------------------------------------------------------------------------------------

    async def _by_result(self, result: JobResult, said: DoorStatus | None = None) -> bool:
        missing, begun = await self._missing(result), await self._marks()
        return await self._judge(Seen(self._now, said, result, missing, marks=begun))

    async def _judge(self, seen: Seen) -> bool:
        job = self.job
        facts = JobFacts(
            start_by=job.start_by,
            deadline_s=job.deadline_s,
            executions=job.executions,
            hold_u=job.charge_u,
            instance=job.instance,
            posts=job.posts,
            fixed_u=job.fixed_u,
        )
        end = judge(facts, seen, self._terms)
        return False if end is None else await self._settle(end, seen.result)

    async def _settle(self, end: End, result: JobResult | None = None) -> bool:
        if result is None and self.job.posts > 1 and end.state in ("cancelled", "failed") and not await self._seal(end):
            return False  # there is a result, which the next look reads
        adopted = _adopted(end, result, self.request)
        await self.tools.ledger.settle(self.job, end, adopted, self._now)
        return True

    async def _seal(self, end: End) -> bool:
        """Lay a result where the job's would lie: a POST that is still on its way finds it, and does nothing. False
        where there is one.
        """
        error = WireError(code=end.code or "cancelled", message=end.reason, retryable=end.retryable)
        job, status = self.job, "cancelled" if end.state == "cancelled" else "failed"
        sealed = JobResult(job_id=job.id, attempt=job.attempt, fingerprint=job.fp, status=status, error=error)
        try:
            key = self.request.reserved.result.key
            await self.tools.store.put_create(key, sealed.model_dump_json().encode(), "application/json")
        except ObjectExists:
            return False
        return True

    async def _unsent(self, end: End) -> bool:
        """Book the end of a job that was never sent, unless a runner has sent it since it was read."""
        return await self.tools.ledger.settle(self.job, end, Adopted(), self._now, sent=False)

    @property
    def _terms(self) -> Terms:
        """The door's terms at the price that was stored with the job."""
        terms, job = self.door.terms, self.job
        return terms if job.price_u < 0 else replace(terms, price_u=job.price_u, start_allowance_s=job.allowance_s)

    @property
    def _now(self) -> int:
        return self.tools.clock()

    @property
    def _soon(self) -> int:
        return self._now + self.door.poll_ms[0]

    @property
    def _later(self) -> int:
        return self._now + interval(self.job, self.door, self._now, self.tools.rng)

    @property
    def _cheap(self) -> bool:
        """Whether looking for the result costs nothing."""
        return self.tools.store.folder is not None

    @property
    def _counting(self) -> bool:
        """Whether a doorbell told of an end that the provider, who counts the time, has not told yet."""
        return self.door.terms.metered and self.job.rung_at > 0 and not self._told_to_look

    @property
    def _told_to_look(self) -> bool:
        """Whether the result is looked for though the door says that the job runs."""
        if self.door.terms.metered:
            return 0 < self.job.rung_at <= self._now - METER_MS
        return self.rung

    @property
    def _overdue(self) -> bool:
        return self._now > self.job.start_by


def _bad_result(job: JobRow, why: str) -> JobResult:
    error = WireError(code="bad_result", message=why, retryable=True)
    return JobResult(job_id=job.id, attempt=job.attempt, fingerprint=job.fp, status="failed", error=error)


def _adopted(end: End, result: JobResult | None, request: JobRequest) -> Adopted:
    if result is None:
        return Adopted()
    told = result.model_dump(mode="json", include={"degraded", "notes", "metrics", "provenance"})
    body = json.dumps(told, separators=(",", ":"))
    if end.state not in ("done", "degraded"):
        return Adopted(result=body)
    facts = {
        name: OutputFacts(key=fact.key, sha256=fact.sha256, size=fact.size, media=fact.media)
        for name, fact in result.outputs.items()
        if name in request.outputs
    }
    size = sum(fact.size for fact in facts.values())
    return Adopted(FACTS.dump_json(facts).decode(), size, body, *_timing(request, result))


def _timing(request: JobRequest, result: JobResult) -> tuple[int, str, str]:
    """Pace, tier and size class by which the next quote knows how long such a step takes."""
    kind = class_of(request.engine, request.params, request.tier)
    return pace_of(request.params, result.metrics.total_s), kind.tier, kind.size
