"""The database behind one interface: reads, and batches that are atomic and may be sent twice.

There are no interactive transactions: every change of state is one compare-and-set statement, or one batch whose
later statements repeat the guard and whose last is a SELECT by which a repeated batch knows its own success. So the
same SQL runs on a SQLite file and behind an HTTP database. Parameters are named (`:name`) and are text, integers,
floats or None; bulk rows travel as one JSON parameter through `json_each`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Value = str | int | float | None
Row = dict[str, Any]
Statement = tuple[str, Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement of a batch gave: its rows and how many rows it changed."""

    rows: tuple[Row, ...]
    changes: int


class Database(Protocol):
    """Raises `DatabaseError` when it cannot be used, `DatabaseLocked` when another process holds it."""

    async def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Rows of one reading statement."""
        ...

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """All statements or none, in order; durable when it returns."""
        ...

    async def close(self) -> None:
        """Finish what was sent and let go. Sending to it afterwards raises `DatabaseError`."""
        ...
