"""A database whose large documents lie in the object store: whoever reads or writes rows does not notice.

A value of a column in `COLUMNS` that is longer than `ROW_BYTES` goes to `documents/<sha256>.json`, and `document:` with
that digest stands in the row. Those columns hold JSON, which begins otherwise, so nothing that a person writes can pass
for a reference. What lies there was put by its own digest: putting it again changes nothing.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence

from control.db import Database, Result, Row, Statement, Value
from control.errors import StoreError
from control.store import ObjectStore

COLUMNS = frozenset({"request", "outline", "ops", "response"})
"""Columns of documents, and the names of the parameters that fill them."""
ROW_BYTES = 256_000
DOCUMENT_BYTES = 64_000_000
MARK = "document:"


def document_key(sha256: str) -> str:
    """Where a document that is too large for a row lies in the store."""
    return f"documents/{sha256}.json"


class DocumentDatabase:
    """Wraps another database. Raises `StoreError` where a document cannot be put or read."""

    def __init__(self, db: Database, store: ObjectStore) -> None:
        self.inner = db
        self._store = store

    async def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Rows of one reading statement."""
        return await self._whole(await self.inner.fetch(sql, params))

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """All statements or none, in order; durable when it returns. Documents are put before it."""
        results = await self.inner.batch([(sql, await self._small(params)) for sql, params in statements])
        return [Result(tuple(await self._whole(result.rows)), result.changes) for result in results]

    async def close(self) -> None:
        """As the wrapped one."""
        await self.inner.close()

    async def _small(self, params: Mapping[str, Value]) -> Mapping[str, Value]:
        large = {name: text for name in COLUMNS & params.keys() if (text := _large(params[name])) is not None}
        if not large:
            return params
        return {**params, **{name: await self._put(data) for name, data in large.items()}}

    async def _put(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        if await self._store.head(document_key(sha)) is None:
            await self._store.put(document_key(sha), data, "application/json")
        return MARK + sha

    async def _whole(self, rows: Sequence[Row]) -> list[Row]:
        """The rows of one statement, which have the same columns."""
        if not rows or COLUMNS.isdisjoint(rows[0]):
            return list(rows)
        return [await self._row(row) for row in rows]

    async def _row(self, row: Row) -> Row:
        away = [name for name in COLUMNS & row.keys() if isinstance(row[name], str) and row[name].startswith(MARK)]
        if not away:
            return row
        texts = await asyncio.gather(*(self._read(row[name].removeprefix(MARK)) for name in away))
        return {**row, **dict(zip(away, texts, strict=True))}

    async def _read(self, sha: str) -> str:
        data = await self._store.read(document_key(sha), DOCUMENT_BYTES)
        if hashlib.sha256(data).hexdigest() != sha:
            raise StoreError(f"the object {document_key(sha)} is not what was put there")
        return data.decode()


def _large(value: Value) -> bytes | None:
    """The bytes of a text that is too large for a row."""
    if not isinstance(value, str) or len(value) * 4 <= ROW_BYTES:
        return None
    data = value.encode()
    return data if len(data) > ROW_BYTES else None
