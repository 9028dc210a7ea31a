"""The Studio's service: what the HTTP API, the page and the command line call."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic_core import to_json

from control.db import Row, Value
from control.errors import Busy, Conflict, NotFound
from control.graph.model import Plan, Recipe
from control.render import progress
from control.render.costs import Books
from control.render.desk import Desk
from control.render.films import Films, upload_of
from control.render.ledger import Ledger
from control.render.orders import Orders
from control.render.paging import paged
from control.render.quotes import Quotes
from control.render.renders import Renders
from control.render.takes import Takes
from control.render.views import (
    ArtifactFile,
    Costs,
    Event,
    Events,
    FilmInfo,
    Page,
    Quote,
    RenderInfo,
    RenderView,
    RevisionInfo,
    TakeInfo,
    UploadInfo,
)
from control.store.types import type_of
from control.store.upload import UPLOAD_LIMIT, receive
from control.storyboard.models import Storyboard
from functions.catalog import Catalog

_UPLOAD = """
INSERT INTO upload(sha256,suffix,content_type,bytes,facts,name,created_at)
SELECT :sha,:suffix,:type,:bytes,:facts,:name,:now WHERE NOT EXISTS(SELECT 1 FROM dropped_upload WHERE sha256=:sha)
ON CONFLICT(sha256) DO UPDATE SET condemned_at=NULL"""
_WHOLE = "SELECT * FROM render WHERE id=:render"
_INFO = """
SELECT id,film_id,rev,state,cancel_requested,reason,created_at,ended_at FROM render WHERE id=:render"""
_STEPS = """
SELECT step.*, job.state AS job_state, job.progress, job.attempt, winner.payer AS maker, winner.result,
  artifact.facts, take.id AS take_id
FROM step
LEFT JOIN job ON job.fp=step.fp AND job.attempt=(SELECT MAX(attempt) FROM job WHERE fp=step.fp)
LEFT JOIN artifact ON artifact.fp=step.fp
LEFT JOIN job winner ON winner.id=artifact.job_id
LEFT JOIN take ON take.film_id=:film AND take.path=step.path AND take.fp=step.fp
WHERE step.render_id=:render ORDER BY step.n"""


B = TypeVar("B", bound=Storyboard)


class Studio(Generic[B]):
    """Everything a face of the Studio may do. `wake` is called after changes that a runner should see soon."""

    def __init__(
        self,
        desk: Desk,
        catalog: Catalog,
        *,
        wake: Callable[[], None] | None = None,
        upload_limit: int = UPLOAD_LIMIT,
    ) -> None:
        self._desk, self._catalog, self._upload_limit = desk, catalog, upload_limit
        self._wake = wake or (lambda: None)
        self._films, self._takes = Films(desk.db, desk.store), Takes(desk.db)
        self._renders, self._ledger = Renders(desk.db), Ledger(desk.db)
        desk.planning.know(catalog)
        self._quotes, self._books = Quotes(desk, catalog), Books(desk.db, desk.month_limit_u, desk.clock)
        self._orders = Orders(desk, catalog, self._films, self._quotes, self._wake)

    # films and revisions -------------------------------------------------------------------------------------------

    async def create_film(self, board: B, *, title: str = "", author: str = "", source: str = "person") -> FilmInfo:
        """A new film whose revision 1 is `board`."""
        return await self._films.create(self._desk.new_id(), board, title, author, source, self._now)

    async def films(self, *, limit: int = 50, cursor: str | None = None) -> Page[FilmInfo]:
        """Newest first."""
        return await self._films.films(limit, cursor)

    async def film(self, film_id: str) -> FilmInfo:
        """Raises `NotFound`."""
        return await self._films.film(film_id)

    async def save_revision(
        self,
        film_id: str,
        base: int,
        board: B,
        *,
        author: str = "",
        source: str = "person",
        reason: str = "",
        ops: Sequence[Mapping[str, Any]] = (),
    ) -> RevisionInfo:
        """Revision `base + 1`. Raises `StaleRevision` where `base` is not the current one, `NotFound`."""
        return await self._films.save(
            film_id, base, board, author=author, source=source, reason=reason, ops=ops, now=self._now
        )

    async def revision(self, film_id: str, n: int | None = None) -> tuple[RevisionInfo, Storyboard]:
        """A revision and its storyboard, the current one without `n`. Raises `NotFound`."""
        info = await self._films.info(film_id, n)
        return info, await self._desk.planning.board(film_id, info.n)

    async def revisions(self, film_id: str, *, limit: int = 100, cursor: str | None = None) -> Page[RevisionInfo]:
        """Newest first."""
        return await self._films.revisions(film_id, limit, cursor)

    # files ---------------------------------------------------------------------------------------------------------

    async def put_upload(self, source: Path | AsyncIterator[bytes], *, name: str = "") -> UploadInfo:
        """Store a file under its content's digest.

        Raises `UnsupportedMedia`, `TooLarge`, `Invalid`, `StoreError`, `Busy` while the same is being removed.
        """
        received = await receive(self._desk.store, source, name=name, limit=self._upload_limit)
        values: dict[str, Value] = {
            "sha": received.sha256,
            "suffix": received.what.suffix,
            "type": received.what.content_type,
            "bytes": received.size,
            "facts": received.what.media.model_dump_json(exclude_none=True),
            "name": name,
            "now": self._now,
        }
        look = "SELECT * FROM upload WHERE sha256=:sha"
        results = await self._desk.db.batch([(_UPLOAD, values), (look, values)])
        if not results[1].rows or await self._desk.store.head(received.key) is None:
            raise Busy("this very file was about to be removed, since no film had it; send it again in a minute")
        return upload_of(results[1].rows[0])

    async def name_file(self, film_id: str, name: str, sha256: str) -> None:
        """From now on the storyboard's file name `name` means this upload, in this film. Raises `NotFound`."""
        await self._films.name_file(film_id, name, sha256)

    async def files(self, film_id: str) -> dict[str, UploadInfo]:
        """The film's file names and what they mean."""
        return await self._films.files(film_id)

    async def upload_file(self, sha256: str) -> ArtifactFile:
        """The stored object of an upload. Raises `NotFound`."""
        rows = await self._desk.db.fetch("SELECT * FROM upload WHERE sha256=:sha", {"sha": sha256})
        if not rows:
            raise NotFound(f"there is no upload {sha256}")
        found = upload_of(rows[0])
        name = rows[0]["name"] or f"{sha256[:12]}.{found.suffix}"
        kind = type_of(found.key).content_type
        return ArtifactFile(key=found.key, name=name, content_type=kind, size=found.size, sha256=sha256)

    # planning and rendering ----------------------------------------------------------------------------------------

    async def plan(self, film_id: str, recipe: Recipe, *, n: int | None = None) -> Plan:
        """The graph with all facts known now. Raises `NotFound`, `PlanError`."""
        return await self._orders.plan(film_id, recipe, n)

    async def quote(self, film_id: str, recipe: Recipe, *, n: int | None = None, keep: bool = False) -> Quote:
        """What a render would make and cost; with `keep` it can be accepted. Raises `NotFound`, `PlanError`."""
        return await self._orders.quote(film_id, recipe, n, keep=keep)

    async def stored_quote(self, quote_id: str) -> Quote:
        """A quote that was kept, without its lines. Raises `NotFound`."""
        return await self._quotes.stored(quote_id)

    async def start_render(self, film_id: str, recipe: Recipe, *, n: int | None = None) -> str:
        """The new render's id, whatever it costs within its budgets: who calls this has asked the person.

        Raises `NotFound`, `PlanError` where the plan has errors or no door runs an engine.
        """
        return await self._orders.start(film_id, recipe, n)

    async def order_render(
        self, film_id: str, recipe: Recipe, *, n: int | None = None, quote_id: str | None = None
    ) -> str:
        """The new render's id, where it costs nothing, its recipe names the most it may cost, or a quote is accepted.
        A quote that was accepted already gives the render that came of it.

        Raises `QuoteNeeded`, `QuoteChanged`, `BudgetExceeded`, `NotFound`, `PlanError`.
        """
        return await self._orders.order(film_id, recipe, n, quote_id)

    async def accept_quote(self, quote_id: str) -> str:
        """The id of the render that a stored quote is a quote of. Raises as `order_render`."""
        quote = await self._quotes.stored(quote_id)
        recipe = await self._quotes.recipe(quote_id)
        return await self.order_render(quote.film_id, recipe, n=quote.revision, quote_id=quote_id)

    async def render(self, render_id: str) -> RenderView:
        """State of everything. Raises `NotFound`."""
        return progress.view(*await self._standing(render_id))

    async def render_json(self, render_id: str) -> bytes:
        """The same as JSON, at a fraction of the cost. Raises `NotFound`."""
        return to_json(progress.told(*await self._standing(render_id)))

    async def _standing(self, render_id: str) -> tuple[Row, list[Row], dict[str, int], int]:
        row = await self._render_row(render_id, _WHOLE)
        values: dict[str, Value] = {"render": render_id, "film": row["film_id"]}
        steps = await self._desk.db.fetch(_STEPS, values)
        spent = "SELECT fp, SUM(charge_u) AS cost FROM job WHERE payer=:render GROUP BY fp"
        costs = {found["fp"]: found["cost"] for found in await self._desk.db.fetch(spent, values)}
        workers = max((door.concurrency for door in self._desk.doors), default=1)
        return row, steps, costs, workers

    async def render_info(self, render_id: str) -> RenderInfo:
        """The render without its steps. Raises `NotFound`."""
        return progress.info(await self._render_row(render_id, _INFO))

    async def renders(
        self, film_id: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RenderInfo]:
        """Newest first."""
        where = "(:film IS NULL OR film_id=:film)"
        rows, more = await paged(self._desk.db, "SELECT * FROM render", where, {"film": film_id}, limit, cursor)
        return Page(items=tuple(progress.info(row) for row in rows), cursor=more)

    async def cancel(self, render_id: str) -> None:
        """Stop it, and every job in flight that no other render wants. Raises `NotFound`. Twice is once."""
        await self.render_info(render_id)
        await self._renders.cancel(render_id, self._now)
        self._wake()

    async def pause(self, render_id: str) -> None:
        """Submit nothing more; what runs, ends. Raises `NotFound`, `Conflict` where it has ended."""
        info = await self.render_info(render_id)
        if not await self._renders.pause(render_id, self._now):
            raise Conflict(f"the render is {info.state} and cannot be paused")

    async def resume(self, render_id: str) -> None:
        """Go on. Raises `NotFound`, `Conflict` where it has ended."""
        info = await self.render_info(render_id)
        if not await self._renders.resume(render_id, self._now):
            raise Conflict(f"the render is {info.state} and cannot go on; start a new one, what is made is kept")
        self._wake()

    async def accept_risk(self, render_id: str, path: str) -> None:
        """Make a step anew whose job may have been billed already. Its charge stays, and what may still come is kept.

        Raises `NotFound`, `Conflict` where nothing of that step is unknown.
        """
        sql = """SELECT job.id FROM step JOIN job ON job.fp=step.fp AND job.live=1
            WHERE step.render_id=:render AND step.path=:path"""
        rows = await self._desk.db.fetch(sql, {"render": render_id, "path": path})
        if not rows:
            raise NotFound(f"the render {render_id} has no open job for {path!r}")
        if not await self._ledger.write_off(rows[0]["id"]):
            raise Conflict(f"the job of {path} is not unknown; wait for its end, or cancel the render")
        self._wake()

    # takes ---------------------------------------------------------------------------------------------------------

    async def takes(
        self, film_id: str, *, shot: str | None = None, limit: int = 200, cursor: str | None = None
    ) -> Page[TakeInfo]:
        """Newest first; of one shot with `shot`, of the film itself with `shot=""`."""
        return await self._takes.takes(film_id, shot, limit, cursor)

    async def take(self, take_id: str) -> TakeInfo:
        """Raises `NotFound`."""
        return await self._takes.take(take_id)

    async def choose_take(self, take_id: str) -> TakeInfo:
        """Mark it as the one of its shot and kind; the cut follows the storyboard's `takes`, which an edit sets."""
        return await self._takes.choose(take_id)

    async def keep_take(self, take_id: str) -> TakeInfo:
        """Count a degraded take as made from now on, for every render. Raises `NotFound`."""
        return await self._takes.keep(take_id)

    async def artifact(self, take_id: str, output: str | None = None) -> ArtifactFile:
        """An output of a take, its main one without `output`. Raises `NotFound`."""
        return await self._takes.artifact(take_id, output)

    async def fetch(self, key: str, path: Path) -> None:
        """Copy a stored object into a new file. Raises `ObjectMissing`, `StoreError`."""
        await self._desk.store.fetch(key, path)

    # watching ------------------------------------------------------------------------------------------------------

    async def events(self, since: int, *, film_id: str | None = None, limit: int = 500) -> Events:
        """Changes of state after `since`, oldest first. `since=-1`: none, only `last`."""
        db = self._desk.db
        span = (await db.fetch("SELECT COALESCE(MIN(seq),0) AS first, COALESCE(MAX(seq),0) AS last FROM event"))[0]
        if since < 0:
            return Events(events=(), last=span["last"])
        if since + 1 < span["first"] or since > span["last"]:
            return Events(events=(), last=span["last"], reset=True)
        rows = await db.fetch(
            "SELECT * FROM event WHERE seq>:since AND (:film IS NULL OR film_id=:film) ORDER BY seq LIMIT :limit",
            {"since": since, "film": film_id, "limit": limit},
        )
        found = tuple(Event(**{**row, "data": json.loads(row["data"])}) for row in rows)
        return Events(events=found, last=found[-1].seq if len(found) == limit else span["last"])

    @property
    def books(self) -> Books:
        """What was spent, may be spent, and was billed."""
        return self._books

    async def costs(self, month: str | None = None) -> Costs:
        """Of a UTC month `YYYY-MM`, the present one without it."""
        return await self._books.costs(month)

    async def ring(self, job_id: str) -> None:
        """A doorbell: look at this job soon. Unknown ids are ignored."""
        if await self._ledger.ring(job_id, self._now):
            self._wake()

    # inside --------------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> int:
        return self._desk.clock()

    async def _render_row(self, render_id: str, sql: str) -> Row:
        rows = await self._desk.db.fetch(sql, {"render": render_id})
        if not rows:
            raise NotFound(f"there is no render {render_id}")
        return rows[0]
