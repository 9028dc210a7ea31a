"""The one database of a process of the laboratory: real SQLite in memory, made once and emptied between runs."""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from control.db import Result, Row, Statement, Value
from control.db.migrate import shipped, statements
from control.storyboard.models import Storyboard
from tests.faults.films import FILMS
from tests.faults.laws import GUARDS, Law, checks

EPOCH = 1_800_000_000_000
"""When every run begins, in milliseconds."""
Rewrite = tuple[str, str, str]
"""A statement that begins so: old text, new text."""


@dataclass(slots=True)
class _Prepared:
    """A statement as this database runs it: the laws it could break, and its columns, known once it gave a row."""

    sql: str
    checks: tuple[str, ...]
    names: tuple[str, ...] = ()


class Table:
    """A migrated database with every film of the laboratory. `schema` is run after the migrations."""

    def __init__(self, schema: Sequence[str] = (), rewrites: Sequence[Rewrite] = ()) -> None:
        self._schema, self._rewrites = schema, rewrites
        self._prepared: dict[str, _Prepared] = {}
        self._breach: Callable[[Law, str], None] | None = None
        self._open()

    def _open(self) -> None:
        self._failed = False
        self._connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1000)
        self._connection.create_function("breach", 2, self._heard)
        self._cursor = self._connection.cursor()
        run = self._cursor.execute
        for pragma in ("secure_delete = OFF", "foreign_keys = ON", "temp_store = MEMORY", "journal_mode = OFF"):
            run(f"PRAGMA {pragma}").fetchall()
        for sql in (*(s for text in shipped().values() for s in statements(text)), *self._schema, *GUARDS):
            run(sql)
        for title in FILMS:
            run("INSERT INTO film VALUES(?,?,?,?)", (title, title, EPOCH, EPOCH))
            body = Storyboard.model_validate({"title": title}).model_dump_json(exclude_defaults=True)
            sha = hashlib.sha256(body.encode()).hexdigest()
            run("INSERT INTO revision VALUES(?,1,?,?,'','','','[]',?)", (title, sha, body, EPOCH))
        tables = run("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY rowid DESC").fetchall()
        self._emptying = [f"DELETE FROM {name}" for (name,) in tables if name not in ("film", "revision")]

    def begin(self, breach: Callable[[Law, str], None]) -> None:
        """Begin a run; `breach` hears of changes that the database itself must never see."""
        self._breach = breach

    def empty(self) -> None:
        """End the run: nothing of it is left."""
        self._breach = None
        if self._failed:
            self._connection.close()
            self._open()
        for sql in self._emptying:
            self._cursor.execute(sql)

    def fetch(self, sql: str, params: Mapping[str, Value]) -> list[Row]:
        """Rows of one statement."""
        return self._rows(self._prepared.get(sql) or self._prepare(sql), params)

    def batch(self, found: Sequence[Statement]) -> tuple[list[Result], set[str]]:
        """The results, and the laws that could be broken now. A statement that fails is a bug and breaks a law: so
        nothing has to be taken back, and no journal is kept.
        """
        connection, watched = self._connection, set[str]()
        results, before = [], connection.total_changes
        for sql, params in found:
            prepared = self._prepared.get(sql) or self._prepare(sql)
            rows = self._rows(prepared, params)
            after = connection.total_changes
            results.append(Result(tuple(rows), after - before))
            if after > before and prepared.checks:
                watched.update(prepared.checks)
            before = after
        return results, watched

    def _rows(self, prepared: _Prepared, params: Mapping[str, Value]) -> list[Row]:
        cursor = self._cursor
        try:
            cursor.execute(prepared.sql, params)
        except sqlite3.Error:
            self._failed = True
            raise
        found = cursor.fetchall()
        if not found:
            return []
        names = prepared.names
        if not names:
            names = prepared.names = tuple(column[0] for column in cursor.description)
        return [dict(zip(names, row, strict=True)) for row in found]

    def _prepare(self, sql: str) -> _Prepared:
        text = sql
        for begins, old, new in self._rewrites:
            if sql.lstrip().startswith(begins):
                text = sql.replace(old, new)
        found = self._prepared[sql] = _Prepared(text, checks(sql))
        return found

    def _heard(self, law: Law, what: str) -> None:
        if self._breach is not None:
            self._breach(law, what)
