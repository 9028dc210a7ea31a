"""A Studio opened over its data folder: database, store, signing key, built-in door, runner; and closed again."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nacl.signing import SigningKey

from control.db import Database
from control.db.d1 import D1Database
from control.db.documents import DocumentDatabase
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.doors.book import DoorBook
from control.doors.builtin import BuiltinDoor
from control.doors.doorbell import Bell, doorbell_key
from control.doors.registry import Doors
from control.doors.secrets import Secrets
from control.doors.trial import Lab
from control.errors import StudioError
from control.render.desk import NO_LIMIT, Desk, wall_ms
from control.render.planning import Planner, Planning
from control.render.runner import Runner
from control.render.service import Studio
from control.store import ObjectStore
from control.store.upload import UPLOAD_LIMIT
from control.storyboard.models import Storyboard
from functions.catalog import Catalog

PLANS = 8
"""Plans that are kept: a render and what is shown of it ask for the same one several times."""


@dataclass(frozen=True)
class Place:
    """Where a Studio lives and how it works. `workers` jobs run at once at the built-in door; with `door` False there
    is none, with `lazy_door` it starts when the first job is submitted, with `runner` False nothing is advanced in
    this process. `door_options` go to the door's command line.
    """

    data: Path
    database: Path
    workers: int = 1
    door: bool = True
    lazy_door: bool = False
    runner: bool = True
    month_limit_u: int = NO_LIMIT
    upload_limit: int = UPLOAD_LIMIT
    door_options: Sequence[str] = ()
    event_days: int = 7
    bell: str = ""
    """Where doors may ring: the Studio's address, empty where nobody listens there."""


class Advancing(Protocol):
    """Who advances renders, here or in another process. What it is told only makes it look sooner."""

    def wake(self) -> None:
        """Something changed."""

    def ring(self, job_id: str) -> None:
        """Something happened to this job."""


@dataclass(frozen=True)
class Session:
    """The open parts."""

    db: Database
    store: ObjectStore
    desk: Desk
    studio: Studio[Storyboard]
    runner: Runner
    door: BuiltinDoor | None
    doors: DoorBook


@contextlib.asynccontextmanager
async def opened(
    place: Place,
    store: ObjectStore,
    planner: Planner,
    catalog: Catalog,
    *,
    clock: Callable[[], int] = wall_ms,
    db: Database | None = None,
    elsewhere: Advancing | None = None,
) -> AsyncIterator[Session]:
    """Open everything, close it in the reverse order; without `db`, the file that `place` names. `elsewhere` is who
    advances renders where this process does not.

    Raises `DatabaseError`, `DoorError`, `StoreError`.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        place.data.mkdir(parents=True, exist_ok=True)
        db = db or SqliteDatabase(place.database)
        pace_s = db.target.pace_s if isinstance(db, D1Database) else 0.0
        stack.push_async_callback(db.close)
        await migrate(db)
        db = DocumentDatabase(db, store)
        key = signing_key(place.data / "signing.key")
        doors = Doors()
        door = _door(place, store, key, catalog) if place.door else None
        if door is not None:
            stack.push_async_callback(door.stop)
            doors.add(door.door, door.client)
            if not place.lazy_door:
                door.start()
                await door.ready()
        stack.push_async_callback(doors.close)
        hidden = Secrets(place.data / "doors", os.environ)
        await doors.load(db, hidden.read, clock)
        planning = Planning(db, store, planner, kept=PLANS)
        bell = Bell(doorbell_key(key), place.bell) if place.bell else None
        limit, days = place.month_limit_u, place.event_days
        desk = Desk(db, store, doors, planning, key, limit, clock, event_days=days, bell=bell, pace_s=pace_s)
        runner = Runner(desk)
        told: Advancing = elsewhere or runner
        studio: Studio[Storyboard] = Studio(desk, catalog, wake=told.wake, upload_limit=place.upload_limit)
        if door is not None:
            door.on_ring = told.ring
        if place.runner:
            await stack.enter_async_context(_running(runner))
        lab = Lab(store, key, clock, desk.new_id)
        book = DoorBook(db, doors, hidden, catalog, lab, clock, told.wake, place.month_limit_u)
        yield Session(db, store, desk, studio, runner, door, book)


def signing_key(path: Path) -> SigningKey:
    """The Studio's own key, made the first time and kept readable to its owner only. Raises `StudioError`."""
    if not path.exists():
        # Written beside and linked: of two that start at once, one wins, and nobody reads half a key.
        scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(bytes(SigningKey.generate()).hex())
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)
        scratch.unlink()
    try:
        return SigningKey(bytes.fromhex(path.read_text("ascii").strip()))
    except ValueError as error:
        raise StudioError(f"{path} holds no signing key; remove it and start again to make a new one") from error


def _door(place: Place, store: ObjectStore, key: SigningKey, catalog: Catalog) -> BuiltinDoor:
    engines = [name for name, manifest in catalog.engines.items() if manifest.runs == "here"]
    keys = [bytes(key.verify_key).hex()]
    extra = [*(["--origin", store.origin] if store.origin else []), *place.door_options]
    return BuiltinDoor(place.data / "door", store.folder, keys, workers=place.workers, engines=engines, extra=extra)


@contextlib.asynccontextmanager
async def _running(runner: Runner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
