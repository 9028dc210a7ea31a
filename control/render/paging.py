"""Lists in pages, newest first, by a cursor that stays right while things are added."""

from collections.abc import Mapping

from control.db import Database, Row, Value
from control.errors import BadRequest


async def paged(
    db: Database, select: str, where: str, values: Mapping[str, Value], limit: int, cursor: str | None
) -> tuple[list[Row], str | None]:
    """Rows of `select` (with `created_at` and `id`) that satisfy `where`, and the cursor of what follows.

    Raises `BadRequest` for a cursor that none of our lists gave.
    """
    at, key = _read(cursor)
    rows = await db.fetch(
        f"{select} WHERE {where} AND (created_at,id)<(:page_at,:page_id) ORDER BY created_at DESC, id DESC"
        " LIMIT :page_limit",
        {**values, "page_at": at, "page_id": key, "page_limit": limit + 1},
    )
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], f"{last['created_at']}.{last['id']}"


def _read(cursor: str | None) -> tuple[int, str]:
    if cursor is None:
        return 2**53, ""
    at, _, key = cursor.partition(".")
    if not at.isdigit() or not key:
        raise BadRequest(f"{cursor!r} is not a cursor of this list")
    return int(at), key
