"""The database on a SQLite file: one writer thread a process with group commit, readers beside it.

A reading is done where it is asked for: handing it to a thread costs several times what most readings take, and beside
a busy interpreter each of its rows may wait for the lock. One that was slow once goes to a thread from then on.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from control.db import Result, Row, Statement, Value
from control.errors import DatabaseError, DatabaseLocked

READERS = 3
SLOW_S = 0.02
"""Processor time of a reading that holds up everything else too long."""
GROUP = 64
"""Batches that share one commit at most."""
_LOCKED = ("database is locked", "database table is locked", "database schema is locked")


@dataclass(frozen=True, slots=True)
class _Work:
    statements: Sequence[Statement]
    answer: Future[list[Result]] = field(default_factory=Future)


class SqliteDatabase:
    """A `Database` in the file `path`, which must not lie on a network file system.

    `busy_ms` is how long a statement waits for another process. Raises `DatabaseError` where it cannot be opened.
    """

    def __init__(self, path: Path, *, busy_ms: int = 5000) -> None:
        self.path = path
        self._busy_ms = busy_ms
        self._local = threading.local()
        self._slow: set[str] = set()
        self._open_readers: list[sqlite3.Connection] = []
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._here = self._reader(busy_ms=0)
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from error
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._thread = threading.Thread(target=self._write, name="sqlite-write", daemon=True)
        self._thread.start()

    def _reader(self, *, busy_ms: int) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA busy_timeout = {busy_ms:d}")
        self._open_readers.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {self._busy_ms:d}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    async def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Rows of one reading statement."""
        self._check_open()
        if sql not in self._slow:
            await asyncio.sleep(0)
            begun = time.thread_time()
            with contextlib.suppress(DatabaseLocked):
                rows = self._rows(self._here, sql, params or {})
                if time.thread_time() - begun > SLOW_S:
                    self._slow.add(sql)
                return rows
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, sql, params or {})

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """All statements or none, in order; durable when it returns."""
        self._check_open()
        work = _Work(statements)
        self._queue.put(work)
        return await asyncio.wrap_future(work.answer)

    async def close(self) -> None:
        """Finish what was sent and close the file."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._open_readers:
            connection.close()
        self._writer.close()

    def _check_open(self) -> None:
        if self._closed:
            raise DatabaseError(f"the database {self.path} has been closed")

    def _read(self, sql: str, params: Mapping[str, Value]) -> list[Row]:
        try:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._reader(busy_ms=self._busy_ms)
        except sqlite3.Error as error:
            raise self._error(error) from error
        return self._rows(connection, sql, params)

    def _rows(self, connection: sqlite3.Connection, sql: str, params: Mapping[str, Value]) -> list[Row]:
        try:
            return _named(connection.execute(sql, params))
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _write(self) -> None:
        while (work := self._queue.get()) is not None:
            group = [work]
            while len(group) < GROUP and not self._queue.empty():
                more = self._queue.get()
                if more is None:
                    self._queue.put(None)
                    break
                group.append(more)
            self._commit(group)

    def _commit(self, group: Sequence[_Work]) -> None:
        """Run every batch of the group in a savepoint of its own, then commit once; only then answer."""
        done: list[tuple[_Work, list[Result]]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for work in group:
                results = self._run(work)
                if results is not None:
                    done.append((work, results))
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for work in group:
                _fail(work, self._error(error))
            return
        for work, results in done:
            if work.answer.set_running_or_notify_cancel():
                work.answer.set_result(results)

    def _run(self, work: _Work) -> list[Result] | None:
        """The batch's results, or None where it failed alone. Raises where the whole transaction is lost."""
        self._writer.execute("SAVEPOINT batch")
        try:
            results = [self._execute(sql, params) for sql, params in work.statements]
        except sqlite3.Error as error:
            if not self._writer.in_transaction:  # a full disk or a failing one rolls everything back
                raise
            self._writer.execute("ROLLBACK TO batch")
            self._writer.execute("RELEASE batch")
            _fail(work, self._error(error))
            return None
        self._writer.execute("RELEASE batch")
        return results

    def _execute(self, sql: str, params: Mapping[str, Value]) -> Result:
        before = self._writer.total_changes
        rows = tuple(_named(self._writer.execute(sql, params)))
        return Result(rows, self._writer.total_changes - before)

    def _error(self, error: Exception) -> DatabaseError:
        text = str(error)
        if text in _LOCKED:
            return DatabaseLocked(
                f"another process has been writing to {self.path} for more than {self._busy_ms / 1000:g} s; "
                "end it, or wait until it is done, and try again"
            )
        if "full" in text:
            return DatabaseError(f"no space is left for the database {self.path}; free some and try again")
        return DatabaseError(f"the database {self.path} failed: {text}")


def _named(found: sqlite3.Cursor) -> list[Row]:
    """Rows by the names of their columns; several times as fast as `sqlite3.Row` where all are wanted."""
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found]


def _fail(work: _Work, error: DatabaseError) -> None:
    if not work.answer.done() and work.answer.set_running_or_notify_cancel():
        work.answer.set_exception(error)
