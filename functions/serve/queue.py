"""The door's durable queue: SQLite on disk for what was accepted, an index in memory for what is asked.

What was accepted or cancelled is committed (WAL, synchronous=FULL) before that is answered, and an execution before it
begins. An end may be told before it is committed: the result object says it again. Methods that change something block
on the disk: call them on the queue's own thread.
"""

import json
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from functions.contract.canonical import digest
from functions.contract.job import DoorStatus, JobProgress, JobRequest, JobResult

State = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
LIVE: frozenset[State] = frozenset({"IN_QUEUE", "IN_PROGRESS"})
KEPT_MS = 7 * 86_400_000
"""How long an ended job is remembered."""
SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS queue(instance TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS job(
  id TEXT PRIMARY KEY, engine TEXT NOT NULL, request TEXT NOT NULL, digest TEXT NOT NULL, state TEXT NOT NULL,
  executions INTEGER NOT NULL DEFAULT 0, cancel INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL,
  started INTEGER, ended INTEGER, result TEXT
) WITHOUT ROWID;
"""
T = TypeVar("T")


@dataclass
class Entry:
    """One accepted job. Times are milliseconds since the epoch; `executions` counts those begun."""

    request: JobRequest
    digest: str
    accepted: int
    state: State = "IN_QUEUE"
    executions: int = 0
    cancel: bool = False
    started: int | None = None
    ended: int | None = None
    progress: JobProgress | None = None
    result: JobResult | None = None
    worker: str | None = None

    @property
    def id(self) -> str:
        """The job's id, which is also its handle at this door."""
        return self.request.job_id

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    def status(self, instance: str) -> DoorStatus:
        """As RunPod's API answers it."""
        output = self.result or self.progress
        failed = self.result is not None and self.result.error is not None and self.state != "CANCELLED"
        return DoorStatus(
            id=self.id,
            status=self.state,
            output=None if output is None else output.model_dump(mode="json", exclude_none=True),
            error=self.result.error.message if failed and self.result and self.result.error else None,
            delayTime=None if self.started is None else self.started - self.accepted,
            executionTime=None if self.ended is None or self.started is None else self.ended - self.started,
            workerId=self.worker,
            instance=instance,
        )


def end_state(result: JobResult) -> State:
    """The state that a result ends a job in."""
    if result.status == "failed":
        return "TIMED_OUT" if result.error and result.error.code == "deadline_exceeded" else "FAILED"
    return "CANCELLED" if result.status == "cancelled" else "COMPLETED"


class JobQueue:
    """All jobs of one door. `instance` names this queue for as long as its file exists."""

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        self._now = now_ms
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="queue")
        self._db, self.instance, entries = self._call(lambda: _open(path, now_ms()))
        self._entries = {entry.id: entry for entry in entries}

    def _call(self, work: Callable[[], T]) -> T:
        return self.thread.submit(work).result()

    def get(self, job_id: str) -> Entry | None:
        """An accepted job."""
        return self._entries.get(job_id)

    def of(self, engine: str) -> list[Entry]:
        """The jobs of one endpoint."""
        return [entry for entry in self._entries.values() if entry.request.engine == engine]

    def live(self) -> list[Entry]:
        """Jobs that have not ended, in the order of their acceptance."""
        return sorted((e for e in self._entries.values() if e.live), key=lambda e: (e.accepted, e.id))

    def accept(self, request: JobRequest) -> tuple[Entry, bool]:
        """Keep a job; (entry, whether it is new). An entry with another digest means another request of this id."""
        own = digest(request.wire())
        known = self._entries.get(request.job_id)
        if known is not None:
            return known, False
        entry = Entry(request, own, self._now())
        body = json.dumps(request.wire())
        with self._db:
            self._db.execute(
                "INSERT INTO job(id, engine, request, digest, state, accepted) VALUES (?,?,?,?,?,?)",
                (entry.id, request.engine, body, own, entry.state, entry.accepted),
            )
        self._entries[entry.id] = entry
        return entry, True

    def begin(self, entry: Entry, worker: str) -> None:
        """Count an execution before a worker is told of it."""
        entry.executions += 1
        entry.state, entry.worker, entry.progress = "IN_PROGRESS", worker, None
        entry.started = entry.started or self._now()
        self._save(entry)

    def again(self, entry: Entry) -> None:
        """Put a job whose worker died back in the queue."""
        entry.state, entry.progress = "IN_QUEUE", None
        self._save(entry)

    def cancel(self, entry: Entry) -> None:
        """Remember that the job is to be cancelled."""
        entry.cancel = True
        self._save(entry)

    def end(self, entry: Entry, result: JobResult) -> None:
        """Keep how a job ended."""
        entry.result, entry.state, entry.ended, entry.progress = result, end_state(result), self._now(), None
        self._save(entry)

    def close(self) -> None:
        """Let the file go."""
        self._call(self._db.close)
        self.thread.shutdown()

    def _save(self, entry: Entry) -> None:
        result = None if entry.result is None else entry.result.model_dump_json()
        values = (entry.state, entry.executions, entry.cancel, entry.started, entry.ended, result, entry.id)
        with self._db:
            self._db.execute(
                "UPDATE job SET state=?, executions=?, cancel=?, started=?, ended=?, result=? WHERE id=?", values
            )


def _open(path: Path, now: int) -> tuple[sqlite3.Connection, str, list[Entry]]:
    """(database, instance, entries). A file that cannot be read is put aside: the new queue is another instance,
    by which the Studio knows that the jobs of the old one are lost.
    """
    path.touch(mode=0o600, exist_ok=True)
    db = sqlite3.connect(path, check_same_thread=False)
    try:
        db.executescript(SCHEMA)
        with db:
            db.execute("DELETE FROM job WHERE ended < ?", (now - KEPT_MS,))
        return db, _instance(db), list(_load(db))
    except (sqlite3.DatabaseError, ValidationError) as error:
        db.close()
        if isinstance(error, sqlite3.OperationalError):
            raise
        print(f"{path} cannot be read and is put aside, its jobs are lost: {error}", file=sys.stderr)
        for part in path.parent.glob(f"{path.name}*"):
            part.rename(part.with_name(f"unreadable-{now}-{part.name}"))
        return _open(path, now)


def _instance(db: sqlite3.Connection) -> str:
    with db:
        db.execute("INSERT INTO queue SELECT ? WHERE NOT EXISTS (SELECT 1 FROM queue)", (secrets.token_hex(8),))
    return str(db.execute("SELECT instance FROM queue").fetchone()[0])


def _load(db: sqlite3.Connection) -> Iterator[Entry]:
    rows = db.execute("SELECT request, digest, accepted, state, executions, cancel, started, ended, result FROM job")
    for request, own, accepted, state, executions, cancel, started, ended, result in rows:
        yield Entry(
            request=JobRequest.model_validate_json(request),
            digest=own,
            accepted=accepted,
            state=state,
            executions=executions,
            cancel=bool(cancel),
            started=started,
            ended=ended,
            result=None if result is None else JobResult.model_validate_json(result),
        )
