"""Renders, their steps and takes in the database: leases, standings, ends, cancel, pause."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from control.db import Database, Row, Statement, Value
from control.render.advance import Standing
from control.render.rows import RENDER_COLUMNS, RenderRow, render_of
from control.render.views import RenderState

LEASE_MS = 10_000
"""A lease only saves work; safety is the one live job of a fingerprint, and compare-and-set. So it may be short, and
a runner that was killed does not hold up the next.
"""

_LEASABLE = "state IN ('running','paused') AND next_at<=:now AND lease_until<:now"
# A token leases once, so that a claim sent twice does not take further renders unseen.
# Who wakes a render writes -1; a claim makes it 0, so that a release sees what was asked for meanwhile.
_CLAIM = """
UPDATE render SET lease_token=:token, lease_until=:until, next_at=0 WHERE id IN (
    SELECT id FROM render WHERE LEASABLE AND NOT EXISTS(SELECT 1 FROM render WHERE lease_token=:token)
    ORDER BY next_at LIMIT :most)""".replace("LEASABLE", _LEASABLE)
_CLAIMED = f"SELECT {RENDER_COLUMNS} FROM render WHERE lease_token=:token"  # noqa: S608
_DUE = "SELECT COUNT(*) AS n FROM render WHERE LEASABLE".replace("LEASABLE", _LEASABLE)
_WAKE = """
UPDATE render SET next_at=-1 WHERE state IN ('running','paused') AND next_at>0
  AND id IN (SELECT value FROM json_each(:renders))"""
_RELEASE = """
UPDATE render SET lease_token=NULL, lease_until=0, next_at=CASE WHEN render.next_at=-1 THEN -1 ELSE r.at END FROM (
    SELECT value->>'id' AS id, value->>'at' AS at FROM json_each(:renders) LIMIT -1) r
WHERE render.id=r.id AND lease_token=:token"""
_SAVE_STEPS = """
INSERT INTO step(render_id,path,n,kind,engine,door,fp,shot,label,estimated,quote_u,bound_u,expect_s)
SELECT :render, value->>'path', value->>'n', value->>'kind', value->>'engine', value->>'door', value->>'fp',
  value->>'shot', value->>'label', value->>'estimated', value->>'quote_u', value->>'bound_u',
  value->>'expect_s'
FROM json_each(:steps) WHERE true
ON CONFLICT(render_id,path) DO UPDATE SET n=excluded.n, kind=excluded.kind, engine=excluded.engine,
  door=excluded.door, fp=COALESCE(step.fp,excluded.fp), shot=excluded.shot, label=excluded.label,
  estimated=excluded.estimated, quote_u=excluded.quote_u, bound_u=excluded.bound_u,
  expect_s=excluded.expect_s"""
_DROP_STEPS = """
DELETE FROM step WHERE render_id=:render AND path NOT IN (SELECT value->>'path' FROM json_each(:steps))"""
_OUTLINE = "UPDATE render SET outline=:outline WHERE id=:render"
# CROSS JOIN and LIMIT -1 keep the JSON from being read anew for every step.
_OTHER_PRINTS = """
SELECT step.path FROM json_each(:steps) CROSS JOIN step ON step.path=value->>'path'
WHERE step.render_id=:render AND step.fp IS NOT value->>'fp' LIMIT 1"""
_STAND = """
UPDATE step SET state=s.state, reason=s.reason FROM (
    SELECT value->>'path' AS path, value->>'state' AS state, value->>'reason' AS reason
    FROM json_each(:steps) LIMIT -1) s
WHERE step.render_id=:render AND step.path=s.path"""
_TAKE = """
INSERT INTO take(id,film_id,shot_id,kind,path,label,fp,render_id,created_at)
SELECT value->>'id', :film, value->>'shot', value->>'kind', value->>'path', value->>'label', value->>'fp', :render,
  :now FROM json_each(:takes) WHERE true ON CONFLICT DO NOTHING"""
_TAKE_EVENT = """
INSERT INTO event(op,film_id,render_id,kind,data,at)
SELECT 'take:'||take.id, :film, :render, 'take',
  json_object('take',take.id,'path',take.path,'shot',take.shot_id,'kind',take.kind), :now
FROM json_each(:takes) JOIN take ON take.id=value->>'id' WHERE true ON CONFLICT(op) DO NOTHING"""
_END = """
UPDATE render SET state=:state, reason=:reason, ended_at=:now WHERE id=:render AND state IN ('running','paused')
  AND (cancel_requested=0 OR :state='cancelled')"""
_END_EVENT = """
INSERT INTO event(op,film_id,render_id,kind,data,at)
SELECT 'render-end:'||id, film_id, id, 'render', json_object('state',state,'reason',reason), :now FROM render
WHERE id=:render AND state=:state ON CONFLICT(op) DO NOTHING"""
_CANCEL = "UPDATE render SET cancel_requested=1, next_at=-1 WHERE id=:render AND state IN ('running','paused')"
_CANCEL_JOBS = """
UPDATE job SET cancel_requested=1, next_poll_at=0 WHERE live=1
  AND fp IN (SELECT fp FROM step WHERE render_id=:render)
  AND EXISTS(SELECT 1 FROM render WHERE id=:render AND cancel_requested=1)
  AND NOT EXISTS(SELECT 1 FROM step s JOIN render q ON q.id=s.render_id WHERE s.fp=job.fp AND q.id<>:render
    AND q.cancel_requested=0 AND q.state IN ('running','paused'))"""
_CANCEL_EVENT = """
INSERT INTO event(op,film_id,render_id,kind,data,at)
SELECT 'render-cancel:'||id, film_id, id, 'render', '{"state":"cancelling"}', :now FROM render
WHERE id=:render AND cancel_requested=1 ON CONFLICT(op) DO NOTHING"""
_SWITCH_EVENT = """
INSERT INTO event(op,film_id,render_id,kind,data,at)
SELECT :op, film_id, id, 'render', json_object('state',:new), :now FROM render
WHERE id=:render AND state=:old AND cancel_requested=0 ON CONFLICT(op) DO NOTHING"""
_SWITCH = "UPDATE render SET state=:new, next_at=-1 WHERE id=:render AND state=:old AND cancel_requested=0"
_ATTEMPTS = """
SELECT job.fp, attempt, state, payer, cancel_requested, retryable, error FROM json_each(:fps)
JOIN job ON job.fp=json_each.value WHERE live=1 OR ended_at>=:since ORDER BY attempt"""
# Who reads of an artifact may soon rest on it: it has a whole day from then on, before the mark can count again.
_ADOPT = """
UPDATE artifact SET condemned_at=NULL WHERE condemned_at IS NOT NULL AND fp IN (SELECT value FROM json_each(:fps))"""
_ADOPT_STEPS = """
UPDATE artifact SET condemned_at=NULL
WHERE condemned_at IS NOT NULL AND fp IN (SELECT fp FROM step WHERE render_id=:render)"""
_ADOPT_TAKES = """
UPDATE artifact SET condemned_at=NULL
WHERE condemned_at IS NOT NULL AND fp IN (SELECT value->>'fp' FROM json_each(:takes))"""
_ARTIFACTS = """
SELECT artifact.fp, quality, kept, facts, condemned_at, job.payer FROM json_each(:fps)
JOIN artifact ON artifact.fp=json_each.value JOIN job ON job.id=artifact.job_id"""


def taking(render: RenderRow, takes: Sequence[Mapping[str, Any]], now: int) -> list[Statement]:
    """Statements that remember finished steps as takes of their film, each artifact once, with an event for each new
    one.
    """
    if not takes:
        return []
    values: dict[str, Value] = {"film": render.film_id, "render": render.id, "takes": json.dumps(takes), "now": now}
    return [(_TAKE, values), (_ADOPT_TAKES, values), (_TAKE_EVENT, values)]


class Renders:
    """The statements over one `Database`. `now` is milliseconds since the epoch throughout."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def claim(self, token: str, now: int, most: int) -> list[RenderRow]:
        """Lease so many of the renders that are due, those that wait longest, under a fresh random `token`."""
        values: dict[str, Value] = {"token": token, "until": now + LEASE_MS, "now": now, "most": most}
        results = await self.db.batch([(_CLAIM, values), (_CLAIMED, values)])
        return [render_of(row) for row in results[1].rows]

    async def due(self, now: int) -> int:
        """How many renders could be leased."""
        rows = await self.db.fetch(_DUE, {"now": now})
        return int(rows[0]["n"])

    async def wake(self, renders: Iterable[str]) -> None:
        """Look at these as soon as may be."""
        values: dict[str, Value] = {"renders": json.dumps(list(renders))}
        await self.db.batch([(_WAKE, values)])

    async def release(self, next_at: Mapping[str, int], token: str) -> None:
        """Give leases back; look at each render again at its time, or at once where somebody asked meanwhile."""
        renders = json.dumps([{"id": render, "at": at} for render, at in next_at.items()])
        await self.db.batch([(_RELEASE, {"renders": renders, "token": token})])

    async def save_steps(self, render: str, steps: Sequence[Mapping[str, Any]], outline: str) -> bool:
        """Write the plan's steps and its `outline`; a fingerprint is set once. False where a stored one differs."""
        values: dict[str, Value] = {"render": render, "steps": json.dumps(steps), "outline": outline}
        batch = [(sql, values) for sql in (_SAVE_STEPS, _DROP_STEPS, _OUTLINE, _ADOPT_STEPS, _OTHER_PRINTS)]
        return not (await self.db.batch(batch))[4].rows

    async def stand(self, render: str, changed: Mapping[str, Standing], beside: Sequence[Statement] = ()) -> None:
        """Write where these steps stand, and in the same batch what came of that."""
        steps = [{"path": p, "state": s.state, "reason": s.reason} for p, s in changed.items()]
        await self.db.batch([(_STAND, {"render": render, "steps": json.dumps(steps)}), *beside])

    async def end(self, render: str, state: RenderState, reason: str, now: int) -> None:
        """End it once; a render whose cancel was asked ends only as cancelled."""
        values: dict[str, Value] = {"render": render, "state": state, "reason": reason, "now": now}
        await self.db.batch([(_END, values), (_END_EVENT, values)])

    async def cancel(self, render: str, now: int) -> bool:
        """Ask for the end of a render and of every job only it wants. False where it had ended."""
        values: dict[str, Value] = {"render": render, "now": now}
        look = "SELECT cancel_requested FROM render WHERE id=:render"
        batch = [(sql, values) for sql in (_CANCEL, _CANCEL_JOBS, _CANCEL_EVENT, look)]
        rows = (await self.db.batch(batch))[3].rows
        return bool(rows and rows[0]["cancel_requested"])

    async def pause(self, render: str, now: int) -> bool:
        """Submit nothing more. False where it has ended or is being cancelled."""
        return await self._switch(render, "running", "paused", now)

    async def resume(self, render: str, now: int) -> bool:
        """Go on. False where it has ended or is being cancelled."""
        return await self._switch(render, "paused", "running", now)

    async def _switch(self, render: str, old: str, new: str, now: int) -> bool:
        op = f"render-{new}:{render}:{now}"
        values: dict[str, Value] = {"render": render, "old": old, "new": new, "now": now, "op": op}
        look = "SELECT state, cancel_requested FROM render WHERE id=:render"
        rows = (await self.db.batch([(_SWITCH_EVENT, values), (_SWITCH, values), (look, values)]))[2].rows
        return bool(rows and rows[0]["state"] == new and not rows[0]["cancel_requested"])

    async def attempts(self, render: RenderRow, fps: Iterable[str]) -> list[Row]:
        """Jobs of these fingerprints that are live, or ended since the render began, oldest first."""
        values: dict[str, Value] = {"fps": json.dumps(sorted(set(fps))), "since": render.created_at}
        return await self.db.fetch(_ATTEMPTS, values)

    async def lost(self, fps: Iterable[str]) -> None:
        """The objects of these artifacts are gone: they count as missing, and the next result replaces them."""
        sql = "UPDATE artifact SET quality='degraded', kept=0 WHERE fp IN (SELECT value FROM json_each(:fps))"
        await self.db.batch([(sql, {"fps": json.dumps(sorted(set(fps)))})])

    async def artifacts(self, fps: Iterable[str]) -> list[Row]:
        """Artifacts of these fingerprints, and who paid for each. What was about to be collected is adopted."""
        values: dict[str, Value] = {"fps": json.dumps(sorted(set(fps)))}
        rows = await self.db.fetch(_ARTIFACTS, values)
        if all(row["condemned_at"] is None for row in rows):
            return rows
        return list((await self.db.batch([(_ADOPT, values), (_ARTIFACTS, values)]))[1].rows)
