"""Films, their storyboard revisions and their files in the database."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from control.db import Database, Row, Value
from control.db.documents import ROW_BYTES, document_key
from control.errors import NotFound, StaleRevision
from control.render.paging import paged
from control.render.views import FilmInfo, Page, RevisionInfo, UploadInfo
from control.store import ObjectStore
from control.storyboard.models import Storyboard
from functions.contract import keys

_FILM = """
SELECT film.id, title, created_at, updated_at, (SELECT MAX(n) FROM revision WHERE film_id=film.id) AS revision
FROM film"""
_CREATE = "INSERT INTO film(id,title,created_at,updated_at) VALUES(:film,:title,:now,:now) ON CONFLICT DO NOTHING"
# Only the revision after the newest can be inserted, and only once.
_REVISE = """
INSERT INTO revision(film_id,n,sha256,body,author,source,reason,ops,created_at)
SELECT :film,:n,:sha,:body,:author,:source,:reason,:ops,:now WHERE EXISTS(SELECT 1 FROM film WHERE id=:film)
  AND :n=(SELECT COALESCE(MAX(n),0)+1 FROM revision WHERE film_id=:film) ON CONFLICT DO NOTHING"""
_MINE = "EXISTS(SELECT 1 FROM revision WHERE film_id=:film AND n=:n AND sha256=:sha AND created_at=:now)"
_TOUCH = f"UPDATE film SET updated_at=:now, title=:title WHERE id=:film AND {_MINE}"  # noqa: S608 (a constant)
_EVENT = f"""
INSERT INTO event(op,film_id,kind,data,at)
SELECT 'revision:'||:film||':'||:n, :film, 'revision', json_object('revision',:n,'author',:author), :now
WHERE {_MINE} ON CONFLICT(op) DO NOTHING"""
_LOOK = f"SELECT {_MINE} AS mine, (SELECT MAX(n) FROM revision WHERE film_id=:film) AS current"  # noqa: S608
_FILES = """
SELECT film_file.name AS named, upload.* FROM film_file JOIN upload USING(sha256) WHERE film_id=:film
ORDER BY film_file.name"""


class Films:
    """The statements over one `Database`; documents too large for a row go to the `ObjectStore`."""

    def __init__(self, db: Database, store: ObjectStore) -> None:
        self._db, self._store = db, store

    async def create(self, film_id: str, board: Storyboard, title: str, author: str, source: str, now: int) -> FilmInfo:
        """A new film whose revision 1 is `board`."""
        named = title or board.title or "Untitled"
        await self._db.batch([(_CREATE, {"film": film_id, "title": named, "now": now})])
        await self.save(film_id, 0, board, author=author, source=source, reason="", ops=(), now=now, title=named)
        return await self.film(film_id)

    async def films(self, limit: int, cursor: str | None) -> Page[FilmInfo]:
        """Newest first."""
        rows, more = await paged(self._db, f"SELECT * FROM ({_FILM})", "TRUE", {}, limit, cursor)  # noqa: S608
        return Page(items=tuple(FilmInfo(**row) for row in rows), cursor=more)

    async def film(self, film_id: str) -> FilmInfo:
        """Raises `NotFound`."""
        rows = await self._db.fetch(f"{_FILM} WHERE film.id=:film", {"film": film_id})
        if not rows:
            raise NotFound(f"there is no film {film_id}")
        return FilmInfo(**rows[0])

    async def save(
        self,
        film_id: str,
        base: int,
        board: Storyboard,
        *,
        author: str,
        source: str,
        reason: str,
        ops: Sequence[Mapping[str, Any]],
        now: int,
        title: str = "",
    ) -> RevisionInfo:
        """Revision `base + 1`. Raises `StaleRevision`, `NotFound`."""
        body = board.model_dump_json(exclude_defaults=True)
        data = body.encode()
        sha = hashlib.sha256(data).hexdigest()
        large = len(data) > ROW_BYTES
        if large:
            await self._store.put(document_key(sha), data, "application/json")
        values: dict[str, Value] = {
            "film": film_id,
            "title": title or board.title or "Untitled",
            "n": base + 1,
            "sha": sha,
            "body": None if large else body,
            "author": author,
            "source": source,
            "reason": reason,
            "ops": json.dumps(list(ops)),
            "now": now,
        }
        rows = (await self._db.batch([(sql, values) for sql in (_REVISE, _TOUCH, _EVENT, _LOOK)]))[3].rows
        if rows[0]["current"] is None:
            raise NotFound(f"there is no film {film_id}")
        if not rows[0]["mine"]:
            current = rows[0]["current"]
            raise StaleRevision(f"based on revision {base}, but {current} is the newest", current=current)
        return await self.info(film_id, base + 1)

    async def info(self, film_id: str, n: int | None) -> RevisionInfo:
        """A revision, the newest without `n`. Raises `NotFound`."""
        rows = await self._db.fetch(
            "SELECT * FROM revision WHERE film_id=:film AND (:n IS NULL OR n=:n) ORDER BY n DESC LIMIT 1",
            {"film": film_id, "n": n},
        )
        if not rows:
            raise NotFound(
                f"the film {film_id} has no revision {n}" if n is not None else f"there is no film {film_id}"
            )
        return _revision(rows[0])

    async def revisions(self, film_id: str, limit: int, cursor: str | None) -> Page[RevisionInfo]:
        """Newest first."""
        before = int(cursor) if cursor is not None and cursor.isdigit() else 2**53
        rows = await self._db.fetch(
            "SELECT * FROM revision WHERE film_id=:film AND n<:before ORDER BY n DESC LIMIT :limit",
            {"film": film_id, "before": before, "limit": limit + 1},
        )
        more = str(rows[limit - 1]["n"]) if len(rows) > limit else None
        return Page(items=tuple(_revision(row) for row in rows[:limit]), cursor=more)

    async def name_file(self, film_id: str, name: str, sha256: str) -> None:
        """From now on `name` means this upload, in this film. Raises `NotFound`."""
        values: dict[str, Value] = {"film": film_id, "name": name, "sha": sha256}
        known = "EXISTS(SELECT 1 FROM film WHERE id=:film) AND EXISTS(SELECT 1 FROM upload WHERE sha256=:sha)"
        insert = f"""INSERT INTO film_file(film_id,name,sha256) SELECT :film,:name,:sha WHERE {known}
            ON CONFLICT(film_id,name) DO UPDATE SET sha256=excluded.sha256"""
        adopt = "UPDATE upload SET condemned_at=NULL WHERE sha256=:sha AND condemned_at IS NOT NULL"
        look = "SELECT 1 FROM film_file WHERE film_id=:film AND name=:name AND sha256=:sha"
        if not (await self._db.batch([(insert, values), (adopt, values), (look, values)]))[2].rows:
            raise NotFound(f"there is no film {film_id}, or no upload {sha256}")

    async def files(self, film_id: str) -> dict[str, UploadInfo]:
        """The film's file names and what they mean."""
        return {row["named"]: upload_of(row) for row in await self._db.fetch(_FILES, {"film": film_id})}


def upload_of(row: Row) -> UploadInfo:
    """From a row of `upload`."""
    facts = json.loads(row["facts"])
    return UploadInfo(
        sha256=row["sha256"],
        suffix=row["suffix"],
        content_type=row["content_type"],
        size=row["bytes"],
        key=keys.upload_key(row["sha256"], row["suffix"]),
        width=facts.get("width"),
        height=facts.get("height"),
        samples=facts.get("samples"),
    )


def _revision(row: Row) -> RevisionInfo:
    return RevisionInfo(
        film_id=row["film_id"],
        n=row["n"],
        sha256=row["sha256"],
        author=row["author"],
        source=row["source"],
        reason=row["reason"],
        ops=tuple(json.loads(row["ops"])),
        created_at=row["created_at"],
    )
