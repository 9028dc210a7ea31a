"""Ordering a render: planned, checked, priced, and begun where it may be."""

import json
from collections.abc import Callable, Sequence
from functools import cached_property

from control.db import Value
from control.errors import PlanError, QuoteChanged
from control.graph.model import Plan, Recipe
from control.render.desk import NO_LIMIT, Desk
from control.render.films import Films
from control.render.planning import Known, Subject
from control.render.quotes import Quotes
from control.render.quotes import Subject as Priced
from control.render.renders import Renders
from control.render.views import Quote
from functions.catalog import Catalog

_CATALOG = "INSERT INTO catalog(sha256,body) VALUES(:catalog,:body) ON CONFLICT DO NOTHING"
# Of two that accept one quote at once, one makes the render and both are told of it.
_ACCEPT = """
UPDATE quote SET render_id=:render WHERE id=:quote AND render_id IS NULL AND expires_at>:now"""
_RENDER = """
INSERT INTO render(id,film_id,rev,recipe,catalog_sha,files,budget_u,created_at,quote_id,doors)
SELECT :render,:film,:n,:recipe,:catalog,:files,:budget,:now,:quote,:doors
WHERE EXISTS(SELECT 1 FROM revision WHERE film_id=:film AND n=:n)
  AND (:quote IS NULL OR EXISTS(SELECT 1 FROM quote WHERE id=:quote AND render_id=:render)) ON CONFLICT DO NOTHING"""
_RENDER_EVENT = """
INSERT INTO event(op,film_id,render_id,kind,data,at)
SELECT 'render-start:'||id, film_id, id, 'render', json_object('state','running','revision',rev), :now FROM render
WHERE id=:render ON CONFLICT(op) DO NOTHING"""


class Orders:
    """`begun` is called when a render has begun."""

    def __init__(self, desk: Desk, catalog: Catalog, films: Films, quotes: Quotes, begun: Callable[[], None]) -> None:
        self._desk, self._catalog, self._films, self._quotes, self._begun = desk, catalog, films, quotes, begun
        self._renders = Renders(desk.db)

    async def plan(self, film_id: str, recipe: Recipe, n: int | None) -> Plan:
        """The graph with all facts known now. Raises `NotFound`, `PlanError`."""
        return (await self._planned(film_id, recipe, n))[0]

    async def quote(self, film_id: str, recipe: Recipe, n: int | None, *, keep: bool) -> Quote:
        """What a render would make and cost; with `keep` it can be accepted. Raises `NotFound`, `PlanError`."""
        info = await self._films.info(film_id, n)
        plan, known = await self._planned(film_id, recipe, info.n)
        self._check_reach(plan, known)
        subject = Priced(film_id, info.n, recipe, plan, known)
        return await (self._quotes.keep(subject) if keep else self._quotes.of(subject))

    async def start(self, film_id: str, recipe: Recipe, n: int | None) -> str:
        """The new render's id, whatever it costs within its budgets. Raises `NotFound`, `PlanError`."""
        priced = await self._renderable(film_id, recipe, n)
        named = (await self._quotes.of(priced)).doors if recipe.doors else None
        return await self._begin(priced, named, NO_LIMIT if recipe.budget_u is None else recipe.budget_u, None)

    async def order(self, film_id: str, recipe: Recipe, n: int | None, quote_id: str | None) -> str:
        """The new render's id, where it is free, within a named sum, or accepted; that of a quote accepted before.

        Raises `QuoteNeeded`, `QuoteChanged`, `BudgetExceeded`, `NotFound`, `PlanError`.
        """
        if quote_id is not None and (made := (await self._quotes.stored(quote_id)).render_id) is not None:
            return made
        priced = await self._renderable(film_id, recipe, n)
        accepted = await self._quotes.accept(priced, quote_id)
        return await self._begin(priced, accepted.doors, accepted.budget_u, accepted.quote_id)

    async def _renderable(self, film_id: str, recipe: Recipe, n: int | None) -> Priced:
        info = await self._films.info(film_id, n)
        plan, known = await self._planned(film_id, recipe, info.n)
        if gone := await self._desk.planning.gone(known):
            await self._renders.lost(gone)
            plan, known = await self._planned(film_id, recipe, info.n)
        self._check(plan, known)
        return Priced(film_id, info.n, recipe, plan, known)

    async def _begin(self, priced: Priced, doors: Sequence[str] | None, budget_u: int, quote_id: str | None) -> str:
        render = self._desk.new_id()
        values: dict[str, Value] = {
            "render": render,
            "film": priced.film_id,
            "n": priced.revision,
            "recipe": priced.recipe.model_dump_json(exclude_defaults=True),
            "catalog": self._catalog.sha256,
            "body": self._catalog_body,
            "files": json.dumps(await self._desk.planning.files(priced.film_id)),
            "budget": budget_u,
            "now": self._desk.clock(),
            "quote": quote_id,
            "doors": None if doors is None else json.dumps(sorted(doors)),
        }
        look = "SELECT render_id FROM quote WHERE id=:quote"
        results = await self._desk.db.batch(
            [(sql, values) for sql in (_CATALOG, _ACCEPT, _RENDER, _RENDER_EVENT, look)]
        )
        self._begun()
        if quote_id is None:
            return render
        made: str | None = results[4].rows[0]["render_id"]
        if made is None:
            raise QuoteChanged("the quote has expired; ask for a new one")
        return made

    @cached_property
    def _catalog_body(self) -> str:
        """The snapshot that a render keeps."""
        return json.dumps([manifest.model_dump(mode="json") for manifest in self._catalog.engines.values()])

    async def _planned(self, film_id: str, recipe: Recipe, n: int | None) -> tuple[Plan, Known]:
        planning = self._desk.planning
        await self._desk.doors.refresh(self._desk.db, self._desk.clock())
        info = await self._films.info(film_id, n)
        board = await planning.board(film_id, info.n)
        files = await planning.files(film_id)
        takes = await planning.takes(film_id)
        subject = Subject(board, recipe, self._catalog, await planning.uploads(files), takes)
        known = Known()
        return await planning.plan(subject, known), known

    def _check(self, plan: Plan, known: Known) -> None:
        """Raises `PlanError` for a plan that must not or cannot be rendered."""
        errors = [p for p in plan.problems if p.severity == "error"]
        if errors:
            raise PlanError(problems=errors)
        wanted = {s.engine for s in plan.steps if s.fingerprint is None or s.fingerprint not in known.facts}
        homeless = sorted(engine for engine in wanted if self._desk.doors.of_engine(engine) is None)
        if homeless:
            raise PlanError(f"no door runs {', '.join(homeless)}; add a door for it or choose another engine")
        self._check_reach(plan, known)

    def _check_reach(self, plan: Plan, known: Known) -> None:
        """Raises `PlanError` where a door that is needed cannot reach the object store."""
        wanted = {s.engine for s in plan.steps if s.fingerprint is None or s.fingerprint not in known.facts}
        doors = {door.id: door for engine in wanted if (door := self._desk.doors.of_engine(engine)) is not None}
        if apart := sorted(door.id for door in doors.values() if not door.reaches(self._desk.store)):
            where = self._desk.store.origin or "a folder on this machine"
            raise PlanError(
                f"the door {apart[0]} cannot reach the objects in {where}; keep them in an S3 store (VIVIJURE_STORE), "
                "or serve the Studio where the door can reach it (VIVIJURE_URL)"
            )
