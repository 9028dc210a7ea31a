"""Readings that wait at the same time go to a far database together: a way there and back costs more than most of them.

One that comes alone is sent at once. What comes while others are under way is gathered, and goes with the next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from control.db import Result, Row, Statement
from control.errors import DatabaseBusy, DatabaseError, DatabaseUncertain, DatabaseUnreachable

LINES = 3
"""How many are under way at a time."""
TOGETHER = 20
"""Statements that go together at most."""
Ask = Callable[[Sequence[Statement]], Awaitable[list[Result]]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    statement: Statement
    answer: asyncio.Future[list[Row]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Readings:
    """`ask` sends statements, and may be asked twice for the same ones."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: list[_Waiting] = []
        self._lines: set[asyncio.Task[None]] = set()

    async def rows(self, statement: Statement) -> list[Row]:
        """Rows of one reading statement. Raises `DatabaseError`."""
        waiting = _Waiting(statement)
        self._waiting.append(waiting)
        if len(self._lines) < LINES:
            line = asyncio.create_task(self._work())
            self._lines.add(line)
            line.add_done_callback(self._lines.discard)
        return await waiting.answer

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._lines)

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                await self._answer([waiting for waiting in group if not waiting.answer.done()])
            finally:
                for waiting in group:  # nobody waits for ever, whatever went wrong
                    _fail(waiting, DatabaseError("a reading was given up; try again"))

    async def _answer(self, group: Sequence[_Waiting]) -> None:
        if not group:
            return
        try:
            results = await self._twice([waiting.statement for waiting in group])
        except DatabaseError as error:
            if len(group) == 1 or isinstance(error, DatabaseBusy | DatabaseUnreachable):
                for waiting in group:
                    _fail(waiting, error)
                return
            for waiting in group:  # what is wrong with one is wrong with no other
                await self._answer([waiting])
            return
        for waiting, result in zip(group, results, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(list(result.rows))

    async def _twice(self, statements: Sequence[Statement]) -> list[Result]:
        """A reading that got no answer is sent once more."""
        try:
            return await self._ask(statements)
        except DatabaseUncertain:
            pass
        try:
            return await self._ask(statements)
        except DatabaseUncertain as error:
            raise DatabaseUnreachable(error.detail) from error


def _fail(waiting: _Waiting, error: DatabaseError) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
