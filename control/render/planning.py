"""Plans of stored films: the storyboard, recipe, catalog snapshot and files of a render, and the facts made so far."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from control.db import Database
from control.db.documents import document_key
from control.errors import NotFound
from control.graph.model import Facts, OutputFacts, Plan, Recipe, Upload, Uploads
from control.render.advance import Made
from control.render.renders import Renders
from control.render.rows import RenderRow
from control.store import ObjectStore
from control.storyboard.models import Storyboard
from functions.catalog import Catalog
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts

DOCUMENT_LIMIT = 4_000_000
BOARDS = 8
"""Storyboards that are kept as they were read."""
K = TypeVar("K")
V = TypeVar("V")
FACTS = TypeAdapter(dict[str, OutputFacts])


class Planner(Protocol):
    """`control.graph.plan.plan_film`."""

    def __call__(
        self,
        board: Storyboard,
        recipe: Recipe,
        catalog: Catalog,
        *,
        facts: Facts,
        uploads: Uploads,
        takes: Mapping[str, str] | None = None,
    ) -> Plan: ...


@dataclass(frozen=True)
class Subject:
    """What is planned: all that decides a plan but the facts."""

    board: Storyboard
    recipe: Recipe
    catalog: Catalog
    uploads: Uploads
    takes: Mapping[str, str]


@dataclass
class Known:
    """Artifacts known so far of the fingerprints asked for; grows, never forgets.

    `wanted` are fingerprints whose facts the planner looked for and did not find: only those make another plan.
    """

    render: str = ""
    made: dict[str, Made] = field(default_factory=dict)
    facts: dict[str, Mapping[str, OutputFacts]] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)

    @property
    def outdated(self) -> bool:
        """Whether a fact has come that the last plan was made without."""
        return not self.wanted.isdisjoint(self.facts)

    @property
    def complete(self) -> bool:
        """Whether every fact has come that the last plan was made without."""
        return self.wanted <= self.facts.keys()


class AskedFacts(Mapping[str, Mapping[str, OutputFacts]]):
    """Facts that remember what was asked for, and what of it was missing (None)."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.asked: dict[str, Mapping[str, OutputFacts] | None] = {}

    def __getitem__(self, fp: str) -> Mapping[str, OutputFacts]:
        self.asked[fp] = self._facts.get(fp)
        return self._facts[fp]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


@dataclass(frozen=True)
class _Planned:
    """A plan, and all that decided it: its subject and the facts that were asked for."""

    subject: Subject
    asked: Mapping[str, Mapping[str, OutputFacts] | None]
    plan: Plan

    def holds(self, subject: Subject, facts: Facts) -> bool:
        """Whether planning this anew would give the same."""
        return subject == self.subject and all(facts.get(fp) == found for fp, found in self.asked.items())


class Planning:
    """Reads what is planned from the database and store, and runs the planner in a thread. Of the latest plans it keeps
    so many as `kept`: such a plan is made again only where something differs that it was made of.
    """

    def __init__(self, db: Database, store: ObjectStore, planner: Planner, *, kept: int = 0) -> None:
        self._db, self._store, self._planner, self._kept = db, store, planner, kept
        self._renders = Renders(db)
        self._catalogs: dict[str, Catalog] = {}
        self._boards: dict[str, Storyboard] = {}
        self._plans: dict[int, _Planned] = {}

    def know(self, catalog: Catalog) -> None:
        """A catalog that need not be read from the database."""
        self._catalogs[catalog.sha256] = catalog

    async def board(self, film_id: str, n: int) -> Storyboard:
        """The storyboard of a revision. Raises `NotFound`."""
        rows = await self._db.fetch(
            "SELECT sha256, body FROM revision WHERE film_id=:film AND n=:n", {"film": film_id, "n": n}
        )
        if not rows:
            raise NotFound(f"the film {film_id} has no revision {n}")
        body, sha = rows[0]["body"], rows[0]["sha256"]
        if sha not in self._boards:
            if body is None:
                body = await self._store.read(document_key(sha), DOCUMENT_LIMIT)
            board = await asyncio.to_thread(Storyboard.model_validate_json, body)
            _remember(self._boards, sha, board, BOARDS)
            return board
        return self._boards[sha]

    async def files(self, film_id: str) -> dict[str, str]:
        """What the film's file names stand for: name to sha256."""
        rows = await self._db.fetch("SELECT name, sha256 FROM film_file WHERE film_id=:film", {"film": film_id})
        return {row["name"]: row["sha256"] for row in rows}

    async def subject(self, render: RenderRow) -> Subject:
        """What a render renders."""
        return Subject(
            await self.board(render.film_id, render.rev),
            Recipe.model_validate_json(render.recipe),
            await self.catalog(render.catalog_sha),
            await self.uploads(json.loads(render.files)),
            await self.takes(render.film_id),
        )

    async def catalog(self, sha256: str) -> Catalog:
        """The snapshot of this digest. Raises `NotFound`."""
        if sha256 not in self._catalogs:
            rows = await self._db.fetch("SELECT body FROM catalog WHERE sha256=:sha", {"sha": sha256})
            if not rows:
                raise NotFound(f"there is no catalog {sha256}")
            manifests = [EngineManifest.model_validate_json(json.dumps(m)) for m in json.loads(rows[0]["body"])]
            self._catalogs[sha256] = Catalog({m.name: m for m in manifests})
        return self._catalogs[sha256]

    async def uploads(self, files: Mapping[str, str]) -> dict[str, Upload]:
        """Uploads by the names that stand for them."""
        rows = await self._db.fetch(
            "SELECT sha256, suffix, bytes, facts FROM json_each(:shas) JOIN upload ON upload.sha256=value",
            {"shas": json.dumps(sorted(set(files.values())))},
        )
        found = {
            row["sha256"]: Upload(
                sha256=row["sha256"],
                suffix=row["suffix"],
                size=row["bytes"],
                media=MediaFacts.model_validate_json(row["facts"]),
            )
            for row in rows
        }
        return {name: found[sha] for name, sha in files.items() if sha in found}

    async def takes(self, film_id: str) -> dict[str, str]:
        """Take ids of a film and the fingerprints they were made under."""
        rows = await self._db.fetch("SELECT id, fp FROM take WHERE film_id=:film", {"film": film_id})
        return {row["id"]: row["fp"] for row in rows}

    async def learn(self, known: Known, fps: Iterable[str]) -> None:
        """Look for artifacts of these fingerprints that count as made."""
        for row in await self._renders.artifacts(fp for fp in fps if fp not in known.facts):
            made = Made(row["quality"], row["payer"], bool(row["kept"]))
            known.made[row["fp"]] = made
            if made.serves(known.render):
                known.facts[row["fp"]] = FACTS.validate_json(row["facts"])

    async def gone(self, known: Known) -> set[str]:
        """Fingerprints whose objects somebody removed; looked for only where looking costs nothing."""
        folder = self._store.folder
        if folder is None:
            return set()
        keys = {fp: [fact.key for fact in outputs.values()] for fp, outputs in known.facts.items()}
        return await asyncio.to_thread(
            lambda: {fp for fp, found in keys.items() if not all((folder / key).exists() for key in found)}
        )

    async def plan(self, subject: Subject, known: Known) -> Plan:
        """The plan under all facts there are. Facts give fingerprints, and those give further facts."""
        while True:
            found = await self._plan(subject, dict(known.facts))
            known.wanted = {fp for fp, fact in found.asked.items() if fact is None}
            await self.learn(known, {s.fingerprint for s in found.plan.steps if s.fingerprint is not None})
            if not known.outdated:
                return found.plan

    async def _plan(self, subject: Subject, facts: Facts) -> _Planned:
        for known in self._plans.values():
            if known.holds(subject, facts):
                return known
        asked = AskedFacts(facts)
        plan = await asyncio.to_thread(
            self._planner,
            subject.board,
            subject.recipe,
            subject.catalog,
            facts=asked,
            uploads=subject.uploads,
            takes=subject.takes,
        )
        found = _Planned(subject, asked.asked, plan)
        _remember(self._plans, id(found), found, self._kept)
        return found


def _remember(kept: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep it, and of all that is kept the latest."""
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]
