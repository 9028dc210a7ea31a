"""Jobs and their money in the database: every change of state, each safe to send twice.

A hold is the `charge_u` of a live job. Budgets are sums over jobs inside the submitting statement: nothing is spent
twice, and an overrun can always be settled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from control.db import Database, Row, Statement, Value
from control.render.outcome import End
from control.render.rows import JOB_COLUMNS, JobRow, job_of

NEWEST = 51
"""A median is of this many finished jobs of a class at a door, the newest."""
RING_MS = 2000
"""Least time between two looks that doorbells cause."""
Claim = Literal["mine", "other", "made", "stopped", "not_named", "budget_held", "over_budget"]
"""What became of an intent: mine to post; another job is live; it is made; the render has stopped; the accepted quote
does not name the door; the budget is held by live jobs and may come free; the budget is spent.
"""

# A month without a budget of its own has that of the months before it, the first of all a setting.
MONTH_LIMIT = """
  COALESCE((SELECT limit_u FROM month_budget WHERE month<=:month ORDER BY month DESC LIMIT 1),:month_limit_u)"""
_NAMED = """(SELECT doors IS NULL OR EXISTS(SELECT 1 FROM json_each(doors) WHERE value=:engine||'@'||:door)
    FROM render WHERE id=:payer)"""
# What costs nothing is never kept back, not even where an overrun was settled.
_SUBMIT = """
INSERT INTO job(id,fp,attempt,kind,engine,film_id,door,payer,month,state,request,charge_u,start_by,deadline_s,
  executions,next_poll_at,created_at,price_u,allowance_s,fixed_u)
SELECT :id,:fp,(SELECT COALESCE(MAX(attempt),0)+1 FROM job WHERE fp=:fp),:kind,:engine,:film_id,:door,:payer,:month,
  'intent',:request,:bound_u,:start_by,:deadline_s,:executions,:now+:post_ms,:now,:price_u,:allowance_s,:fixed_u
WHERE EXISTS(SELECT 1 FROM render WHERE id=:payer AND state='running' AND cancel_requested=0)
  AND NOT EXISTS(SELECT 1 FROM artifact WHERE fp=:fp AND (quality='done' OR kept=1))
  AND NAMED
  AND (:bound_u=0 OR (SELECT COALESCE(SUM(charge_u),0) FROM job WHERE payer=:payer AND charge_u>0)+:bound_u
    <=(SELECT budget_u FROM render WHERE id=:payer))
  AND (:bound_u=0 OR (SELECT COALESCE(SUM(charge_u),0) FROM job WHERE month=:month AND charge_u>0)+:bound_u
    <=MONTH_SUM)
ON CONFLICT DO NOTHING""".replace("NAMED", _NAMED).replace("MONTH_SUM", MONTH_LIMIT)
_NEWEST = f"SELECT {JOB_COLUMNS} FROM job WHERE fp=:fp ORDER BY attempt DESC LIMIT 1"  # noqa: S608
_GUARD = """
SELECT EXISTS(SELECT 1 FROM artifact WHERE fp=:fp AND (quality='done' OR kept=1)) AS made,
  EXISTS(SELECT 1 FROM render WHERE id=:payer AND state='running' AND cancel_requested=0) AS runs, NAMED AS named,
  EXISTS(SELECT 1 FROM job WHERE live=1 AND charge_u>0 AND (payer=:payer OR month=:month)) AS held""".replace(
    "NAMED", _NAMED
)
_ROOM = """
SELECT (SELECT COALESCE(SUM(charge_u),0) FROM job WHERE payer=:payer AND charge_u>0) AS render_spent,
  (SELECT budget_u FROM render WHERE id=:payer) AS render_limit,
  (SELECT COALESCE(SUM(charge_u),0) FROM job WHERE month=:month AND charge_u>0) AS month_spent,
  MONTH_SUM AS month_limit""".replace("MONTH_SUM", MONTH_LIMIT)
_HOLD = """
UPDATE job SET next_poll_at=look.until FROM (
    SELECT value->>'id' AS id, value->>'seen' AS seen, value->>'until' AS until FROM json_each(:jobs) LIMIT -1) look
WHERE job.id=look.id AND job.next_poll_at=look.seen RETURNING job.id AS id"""
_POSTING = """
UPDATE job SET posts=posts+1, post_token=:token
WHERE id=:id AND state='intent' AND post_token<>:token AND (posts=0 OR :again)"""
_POSTS = "SELECT 1 FROM job WHERE id=:id AND state='intent' AND post_token=:token"
_HANDLE = """
UPDATE job SET state=CASE WHEN state='written_off' THEN state ELSE 'submitted' END, handle=:handle, instance=:instance
WHERE id=:id AND handle IS NULL AND state IN ('intent','unknown','written_off')"""
_PROGRESS = """
UPDATE job SET progress=:progress, progress_at=:now, state='running', started_at=COALESCE(started_at,:now)
WHERE id=:id AND state IN ('submitted','running')"""
_UNKNOWN = "UPDATE job SET state='unknown' WHERE id=:id AND state IN ('intent','submitted','running')"
# 0 is an asked-for look that has not been taken yet: it stays.
_LATER = "UPDATE job SET next_poll_at=:at WHERE id=:id AND next_poll_at<>0"
_SETTLE = """
UPDATE job SET state=:end, charge_u=:cost, cost_basis=:basis, ended_at=:now, error=:error, retryable=:retryable,
  result=:result WHERE id=:id AND open=1 AND (:sent OR state='intent' AND posts=0)"""
_ADOPT = """
INSERT INTO artifact(fp,job_id,quality,facts,bytes,created_at)
SELECT fp,id,state,:facts,:bytes,:now FROM job WHERE id=:id AND state IN ('done','degraded') AND swept_at IS NULL
ON CONFLICT(fp) DO UPDATE SET job_id=excluded.job_id, quality=excluded.quality, facts=excluded.facts,
  bytes=excluded.bytes, created_at=excluded.created_at, condemned_at=NULL
  WHERE artifact.quality='degraded' AND excluded.quality='done'"""
_TIMING = """
INSERT INTO timing(job_id,engine,kind,tier,size,door,pace,at)
SELECT id,engine,kind,:tier,:size,door,:pace,:now FROM job
WHERE id=:id AND state='done' AND :end='done' AND :pace>0 ON CONFLICT DO NOTHING"""
_END_EVENT = """
INSERT INTO event(op,film_id,render_id,kind,data,at)
SELECT 'end:'||id, film_id, payer, 'job', :data, :now FROM job WHERE id=:id AND state=:end ON CONFLICT(op) DO NOTHING"""
_WAKE = """
UPDATE render SET next_at=-1
WHERE state IN ('running','paused') AND id IN (SELECT render_id FROM step WHERE fp=:fp)"""
_WAKE_OF = """
UPDATE render SET next_at=-1 WHERE state IN ('running','paused')
  AND id IN (SELECT render_id FROM step WHERE fp=(SELECT fp FROM job WHERE id=:id))"""
_FORGET_TIMES = """
DELETE FROM timing WHERE job_id IN (SELECT job_id FROM (
  SELECT job_id, ROW_NUMBER() OVER (PARTITION BY engine,kind,tier,size,door ORDER BY at DESC, job_id) AS n FROM timing)
  WHERE n>:newest)"""
_JOB = f"SELECT {JOB_COLUMNS} FROM job WHERE id=:id"  # noqa: S608
_DUE = f"SELECT {JOB_COLUMNS} FROM job WHERE open=1 AND next_poll_at<=:now ORDER BY next_poll_at LIMIT :limit"  # noqa: S608
_NEXT_DUE = """
SELECT MIN(at) AS at FROM (SELECT MIN(next_poll_at) AS at FROM job WHERE open=1 UNION ALL
  SELECT MIN(MAX(next_at,lease_until)) FROM render WHERE state IN ('running','paused'))"""
_RING = """
UPDATE job SET next_poll_at=0, rung_at=:now WHERE id=:id AND live=1 AND next_poll_at>0 AND rung_at<=:now-:pause"""


@dataclass(frozen=True, slots=True)
class Intent:
    """A job about to be submitted: `bound_u` is held against the budgets of its payer and of its month."""

    id: str
    fp: str
    kind: str
    engine: str
    film_id: str
    door: str
    payer: str
    month: str
    month_limit_u: int
    bound_u: int
    request: str
    start_by: int
    deadline_s: int
    executions: int
    post_ms: int
    """How long its maker has for the POST before another runner looks at it."""
    now: int
    price_u: int = -1
    """Micro-dollars a second of a worker, kept with the job; -1 where its door says it."""
    allowance_s: int = 0
    fixed_u: int = 0
    """What the provider charges for the output, beside or instead of time."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a render and a month have spent, holds included, and may spend, in micro-dollars."""

    render_spent: int
    render_limit: int
    month_spent: int
    month_limit: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a result left: the outputs' facts and the result itself as JSON, and the outputs' bytes; and how long it
    took, where that was measured: `pace` (see `control.graph.quote`) among jobs of this tier and size.
    """

    facts: str = "{}"
    size: int = 0
    result: str | None = None
    pace: int = 0
    tier: str = ""
    size_class: str = ""


class Ledger:
    """The statements over one `Database`. `now` is milliseconds since the epoch throughout."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def submit(self, intent: Intent) -> tuple[Claim, JobRow | None]:
        """Hold the bound and store the intent, if nothing forbids it; also the step's newest job.

        Only the maker of a `mine` posts it; everybody else reconciles.
        """
        values: dict[str, Value] = {name: getattr(intent, name) for name in Intent.__slots__}
        results = await self.db.batch([(sql, values) for sql in (_SUBMIT, _NEWEST, _GUARD)])
        newest = job_of(results[1].rows[0]) if results[1].rows else None
        return _claim(intent, newest, results[2].rows[0]), newest

    async def room(self, payer: str, month: str, month_limit_u: int) -> Room:
        """What the budgets of a render and of a month leave."""
        values: dict[str, Value] = {"payer": payer, "month": month, "month_limit_u": month_limit_u}
        return Room(**(await self.db.fetch(_ROOM, values))[0])

    async def hold(self, looks: Mapping[str, tuple[int, int]]) -> set[str]:
        """Take the next look at jobs, each due at the first time; nobody else looks before the second. The ids of those
        that are ours: of several runners that saw a job due, one may.
        """
        jobs = json.dumps([{"id": job, "seen": seen, "until": until} for job, (seen, until) in looks.items()])
        return {row["id"] for row in (await self.db.batch([(_HOLD, {"jobs": jobs})]))[0].rows} if looks else set()

    async def posting(self, job: str, token: str, *, again: bool = False) -> bool:
        """Note a POST before it is sent, under a fresh random `token`: from here on the door may know the job. False
        where another runner sends it, or its end is known. With `again` it may have been sent before.
        """
        values: dict[str, Value] = {"id": job, "token": token, "again": int(again)}
        rows = (await self.db.batch([(_POSTING, values), (_POSTS, values)]))[1].rows
        return bool(rows)

    async def refused(self, job: str, token: str, poll_at: int) -> bool:
        """The door did not take what was sent under this token. Whether nothing was ever sent but that: it may be sent
        again then, as if it had not been.
        """
        values: dict[str, Value] = {"id": job, "token": token, "at": poll_at}
        again = "UPDATE job SET posts=0 WHERE id=:id AND state='intent' AND posts=1 AND post_token=:token"
        look = "SELECT 1 FROM job WHERE id=:id AND state='intent' AND posts=0 AND post_token=:token"
        return bool((await self.db.batch([(again, values), (_LATER, values), (look, values)]))[2].rows)

    async def handle(self, job: str, handle: str, instance: str | None, poll_at: int) -> None:
        """The door has taken it."""
        values: dict[str, Value] = {"id": job, "handle": handle, "instance": instance, "at": poll_at}
        await self.db.batch([(_HANDLE, values), (_LATER, values)])

    async def progress(self, job: str, progress: str, now: int, poll_at: int) -> None:
        """Where a running job is. Never changes an ended one."""
        values: dict[str, Value] = {"id": job, "progress": progress, "now": now, "at": poll_at}
        await self.db.batch([(_PROGRESS, values), (_LATER, values)])

    async def reconcile(self, now: int) -> None:
        """Look at every open job by now; but for intents, which another runner may be sending."""
        sql = "UPDATE job SET next_poll_at=:now WHERE open=1 AND next_poll_at>:now AND state<>'intent'"
        await self.db.batch([(sql, {"now": now})])

    async def note(self, job: str, known: str) -> None:
        """What a person is told of an open job, as JSON."""
        await self.db.batch([("UPDATE job SET known=:known WHERE id=:id AND open=1", {"id": job, "known": known})])

    async def later(self, job: str, poll_at: int) -> None:
        """Nothing new: look again then."""
        await self.db.batch([(_LATER, {"id": job, "at": poll_at})])

    async def unknown(self, job: str, poll_at: int) -> None:
        """Sent, and nobody knows whether it was taken. Only a handle or a known end leads out of here."""
        values: dict[str, Value] = {"id": job, "at": poll_at}
        await self.db.batch([(_UNKNOWN, values), (_LATER, values)])

    async def write_off(self, job: str) -> bool:
        """A person accepts the risk of paying twice: the step is free again, the charge stays, and what may still come
        is settled all the same. False where the job is not unknown.
        """
        values: dict[str, Value] = {"id": job}
        change = "UPDATE job SET state='written_off', cost_basis='bound' WHERE id=:id AND state='unknown'"
        look = "SELECT 1 FROM job WHERE id=:id AND state='written_off'"
        return bool((await self.db.batch([(change, values), (_WAKE_OF, values), (look, values)]))[2].rows)

    async def cancel_sent(self, job: str) -> None:
        """The door was told to cancel."""
        await self.db.batch([("UPDATE job SET cancel_sent=1 WHERE id=:id", {"id": job})])

    async def settle(self, job: JobRow, end: End, adopted: Adopted, now: int, *, sent: bool = True) -> bool:
        """Book the end, the cost and the artifact in one batch. False where the job had ended otherwise; with `sent`
        unset also where it has been sent meanwhile.
        """
        data = {"job": job.id, "state": end.state, "fingerprint": job.fp, "engine": job.engine, "reason": end.reason}
        values: dict[str, Value] = {
            "id": job.id,
            "fp": job.fp,
            "end": end.state,
            "sent": int(sent),
            "cost": end.charge_u,
            "basis": end.basis,
            "now": now,
            "error": json.dumps({"code": end.code, "message": end.reason}) if end.reason else None,
            "retryable": int(end.retryable),
            "result": adopted.result,
            "facts": adopted.facts,
            "bytes": adopted.size,
            "pace": adopted.pace,
            "tier": adopted.tier,
            "size": adopted.size_class,
            "data": json.dumps(data),
        }
        look = "SELECT state FROM job WHERE id=:id"
        batch: list[Statement] = [(sql, values) for sql in (_SETTLE, _ADOPT, _TIMING, _END_EVENT, _WAKE, look)]
        return bool((await self.db.batch(batch))[-1].rows[0]["state"] == end.state)

    async def due(self, now: int, limit: int = 200) -> list[JobRow]:
        """Open jobs that should be looked at, those that wait longest first."""
        return [job_of(row) for row in await self.db.fetch(_DUE, {"now": now, "limit": limit})]

    async def job(self, job: str) -> JobRow | None:
        """The job of this id."""
        rows = await self.db.fetch(_JOB, {"id": job})
        return job_of(rows[0]) if rows else None

    async def next_due(self) -> int | None:
        """When the next render or job is due, None where nothing is open."""
        at: int | None = (await self.db.fetch(_NEXT_DUE))[0]["at"]
        return at

    async def busy(self) -> dict[str, int]:
        """Live jobs by door."""
        rows = await self.db.fetch("SELECT door, COUNT(*) AS n FROM job WHERE live=1 GROUP BY door")
        return {row["door"]: row["n"] for row in rows}

    async def forget(self, before: int) -> None:
        """Remove events from before then (a listener that missed them reads the state anew), quotes that nobody
        accepted until then, and times that no median needs.
        """
        values: dict[str, Value] = {"before": before, "newest": NEWEST}
        quotes = "DELETE FROM quote WHERE render_id IS NULL AND expires_at<:before"
        events = "DELETE FROM event WHERE at<:before"
        await self.db.batch([(sql, values) for sql in (events, quotes, _FORGET_TIMES)])

    async def ring(self, job: str, now: int, pause_ms: int = RING_MS) -> bool:
        """A doorbell: look at this job now, at most once in `pause_ms`. Whether it changed anything."""
        values: dict[str, Value] = {"id": job, "now": now, "pause": pause_ms}
        return (await self.db.batch([(_RING, values)]))[0].changes == 1


def _claim(intent: Intent, newest: JobRow | None, guard: Row) -> Claim:
    if newest is not None and newest.id == intent.id:
        return "mine"
    if guard["made"]:
        return "made"
    if newest is not None and newest.state in ("intent", "submitted", "running", "unknown"):
        return "other"
    if not guard["runs"]:
        return "stopped"
    if not guard["named"]:
        return "not_named"
    return "budget_held" if guard["held"] else "over_budget"
