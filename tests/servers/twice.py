"""A database whose every batch is sent twice, as a client does that got no answer the first time."""

from collections.abc import Mapping, Sequence

from control.db import Database, Result, Row, Statement, Value


class TwiceDatabase:
    """Wraps another; answers with the second sending."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """As the wrapped one."""
        return await self._db.fetch(sql, params)

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Send, and send again."""
        await self._db.batch(statements)
        return await self._db.batch(statements)

    async def close(self) -> None:
        """As the wrapped one."""
        await self._db.close()
