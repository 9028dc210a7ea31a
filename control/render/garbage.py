"""Artifacts and uploads that nothing refers to any more: marked, and after a day removed, the row before its objects.

An artifact is referred to by takes (through which revisions choose), by steps of active renders and by inputs of open
jobs; an upload by a film's file names, by active renders and by those inputs. Whoever adopts one clears its mark in the
same batch, and the row goes only by a statement that sees both the mark and that nothing refers to it. Then the objects
of jobs that have ended and left no artifact are removed; each step is safe to repeat, and to break off anywhere.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from control.db import Database, Value
from control.store import ObjectStore
from functions.contract import keys
from functions.contract.job import JobRequest

DAY_MS = 86_400_000
BATCH = 100
"""Jobs, and uploads, whose objects are removed in one pass."""

_WORDS = {
    "@wanted": """(fp IN (SELECT value FROM json_each(:prints))
  OR EXISTS(SELECT 1 FROM take WHERE take.fp=artifact.fp)
  OR EXISTS(SELECT 1 FROM step JOIN render ON render.id=step.render_id WHERE step.fp=artifact.fp AND @active))""",
    "@named": """(sha256 IN (SELECT value FROM json_each(:digests))
  OR EXISTS(SELECT 1 FROM film_file WHERE film_file.sha256=upload.sha256)
  OR EXISTS(SELECT 1 FROM render JOIN json_each(render.files) AS file ON file.value=upload.sha256 WHERE @active))""",
    "@active": "render.state IN ('running','paused')",
}
_MARK = """
UPDATE artifact SET condemned_at=:now WHERE condemned_at IS NULL AND NOT @wanted;
UPDATE artifact SET condemned_at=NULL WHERE condemned_at IS NOT NULL AND @wanted;
UPDATE upload SET condemned_at=:now WHERE condemned_at IS NULL AND NOT @named;
UPDATE upload SET condemned_at=NULL WHERE condemned_at IS NOT NULL AND @named"""
_COLLECT = """
DELETE FROM artifact WHERE condemned_at<=:before AND NOT @wanted;
INSERT INTO dropped_upload(sha256,suffix,at)
  SELECT sha256,suffix,:now FROM upload WHERE condemned_at<=:before AND NOT @named ON CONFLICT DO NOTHING;
DELETE FROM upload WHERE condemned_at<=:before AND NOT @named
  AND EXISTS(SELECT 1 FROM dropped_upload WHERE dropped_upload.sha256=upload.sha256)"""
_INPUTS = "SELECT request FROM job WHERE open=1"
# Claimed first: from here on no settlement can make an artifact of it.
_CLAIM = """
UPDATE job SET swept_at=-1 WHERE id IN (SELECT id FROM job WHERE ended_at<=:before AND swept_at IS NULL AND open=0
    AND NOT EXISTS(SELECT 1 FROM artifact WHERE artifact.job_id=job.id)
    AND NOT EXISTS(SELECT 1 FROM job AS later WHERE later.fp=job.fp AND later.open=1)
  ORDER BY ended_at LIMIT :limit)"""
_CLAIMED = "SELECT id, fp FROM job WHERE swept_at=-1 AND ended_at IS NOT NULL LIMIT :limit"
_SWEPT = "UPDATE job SET swept_at=:now WHERE id IN (SELECT value FROM json_each(:ids)) AND swept_at=-1"
_DROPPED = "SELECT sha256, suffix FROM dropped_upload ORDER BY at LIMIT :limit"
_GONE = "DELETE FROM dropped_upload WHERE sha256 IN (SELECT value FROM json_each(:ids))"


@dataclass(frozen=True, slots=True)
class Collected:
    """What one pass has removed."""

    artifacts: int
    uploads: int
    objects: int


class Garbage:
    """Marks and removes. Any number of processes may do so at once. `now` is milliseconds since the epoch."""

    def __init__(self, db: Database, store: ObjectStore) -> None:
        self._db, self._store = db, store

    async def collect(self, now: int) -> Collected:
        """One pass. Raises `DatabaseError`, `StoreError`; what was begun is finished by the next."""
        inputs = await self._inputs()
        values: dict[str, Value] = {"now": now, "before": now - DAY_MS, **inputs}
        gone = await self._db.batch([(sql, values) for sql in _spelled(_COLLECT)])
        await self._db.batch([(sql, values) for sql in _spelled(_MARK)])
        objects = await self._sweep_jobs(now) + await self._sweep_uploads()
        return Collected(gone[0].changes, gone[2].changes, objects)

    async def _inputs(self) -> dict[str, Value]:
        """What open jobs read: fingerprints of artifacts and digests of uploads, as JSON."""
        prints, digests = set[str](), set[str]()
        for row in await self._db.fetch(_INPUTS):
            for ref in JobRequest.model_validate_json(row["request"]).inputs.values():
                kind, _, name = ref.identity.partition(":")
                (prints if kind == "fp" else digests).add(name.partition("/")[0])
        return {"prints": json.dumps(sorted(prints)), "digests": json.dumps(sorted(digests))}

    async def _sweep_jobs(self, now: int) -> int:
        """Remove the objects of ended jobs that no artifact names."""
        values: dict[str, Value] = {"before": now - DAY_MS, "limit": BATCH}
        rows = (await self._db.batch([(_CLAIM, values), (_CLAIMED, values)]))[1].rows
        removed = await self._remove(keys.job_prefix(row["fp"], row["id"]) for row in rows)
        if rows:
            await self._db.batch([(_SWEPT, {"now": now, "ids": json.dumps([row["id"] for row in rows])})])
        return removed

    async def _sweep_uploads(self) -> int:
        rows = await self._db.fetch(_DROPPED, {"limit": BATCH})
        for row in rows:
            await self._store.delete(keys.upload_key(row["sha256"], row["suffix"]))
        if rows:
            await self._db.batch([(_GONE, {"ids": json.dumps([row["sha256"] for row in rows])})])
        return len(rows)

    async def _remove(self, prefixes: Iterable[str]) -> int:
        removed = 0
        for prefix in prefixes:
            for key in [head.key async for head in self._store.list(prefix)]:
                await self._store.delete(key)
                removed += 1
        return removed


def _spelled(text: str) -> list[str]:
    """The statements of a text, with its words spelled out."""
    for word, meaning in _WORDS.items():
        text = text.replace(word, meaning)
    return text.split(";")
