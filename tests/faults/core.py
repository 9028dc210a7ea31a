"""What a run rests on: the core that decides, which a mutant replaces, and the database, emptied between runs."""

import functools
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.db.migrate import shipped, statements
from control.render.desk import Desk
from control.render.runner import Runner
from control.render.service import Studio
from control.storyboard.models import Storyboard
from tests.faults.films import FILMS
from tests.faults.laws import Laws
from tests.faults.loop import Process
from tests.faults.ports import LabStore

if TYPE_CHECKING:
    from tests.faults.world import World

EPOCH = 1_800_000_000_000
"""When every run begins, in milliseconds."""


@dataclass(frozen=True)
class Core:
    """What decides, and may be replaced by a mutant. `rewrites` change a statement that begins so: old text, new text;
    `schema` is run after the migrations.
    """

    rewrites: tuple[tuple[str, str, str], ...] = ()
    schema: tuple[str, ...] = ()
    runner: Callable[[Desk], Runner] = Runner
    studio: Callable[..., Studio[Storyboard]] = Studio
    store: Callable[["World", Process], LabStore] = LabStore


REAL = Core()


@functools.cache
def rewritten(core: Core, sql: str) -> str:
    """The statement that this core runs for another's."""
    for begins, old, new in core.rewrites:
        if sql.lstrip().startswith(begins):
            return sql.replace(old, new)
    return sql


class Ear(logging.Handler):
    """Hears of exceptions that nobody expected."""

    def __init__(self, laws: Laws) -> None:
        super().__init__(logging.ERROR)
        self._laws = laws

    def emit(self, record: logging.LogRecord) -> None:
        """As a breach."""
        what = record.exc_info[1] if record.exc_info else ""
        self._laws.breach("bug", f"{record.getMessage()}: {what!r}")


class Table:
    """The one database of a process of the laboratory, emptied between runs."""

    def __init__(self, schema: Sequence[str] = ()) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1000)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA temp_store = MEMORY")
        for sql in shipped().values():
            for statement in statements(sql):
                self.connection.execute(statement)
        for statement in schema:
            self.connection.execute(statement)
        self._seed()

    def _seed(self) -> None:
        """Every film of the laboratory, with its first revision."""
        run = self.connection.execute
        for title in FILMS:
            run("INSERT INTO film VALUES(?,?,?,?)", (title, title, EPOCH, EPOCH))
            body = Storyboard.model_validate({"title": title}).model_dump_json(exclude_defaults=True)
            run("INSERT INTO revision VALUES(?,1,'0',?,'','','','[]',?)", (title, body, EPOCH))


@functools.cache
def table(schema: tuple[str, ...] = ()) -> Table:
    """A table of this process."""
    return Table(schema)
