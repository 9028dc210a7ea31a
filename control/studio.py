"""A Studio as the settings describe it: store, database, built-in door and runner, opened and closed together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from control.db import Database
from control.db.d1 import D1Database, hosted, worker
from control.db.sqlite import SqliteDatabase
from control.graph.plan import plan_film
from control.render.desk import wall_ms
from control.render.service import Studio
from control.render.session import Advancing, Place, Session, opened, signing_key
from control.settings import Settings
from control.store import ObjectStore
from control.store.folder import FolderStore
from control.store.s3 import S3Store
from control.store.served import ServedFolder, Signer, object_key
from control.storyboard.models import Storyboard
from functions.catalog import builtin

MICRO = 1_000_000


def open_store(settings: Settings, clock: Callable[[], int] = wall_ms, *, served: bool = False) -> ObjectStore:
    """The object store that the settings name. `served`: a Studio listens at its address, and so can serve a folder.

    Raises `StoreError`, `StudioError` for a key that cannot be read.
    """
    parts = urlsplit(settings.objects)
    if parts.scheme != "s3":
        folder = Path(settings.objects).expanduser()
        if not served:
            return FolderStore(folder)
        settings.data.mkdir(parents=True, exist_ok=True)
        key = object_key(signing_key(settings.data / "signing.key"))
        return ServedFolder(folder, Signer(key, settings.base_url, clock))
    query = dict(parse_qsl(parts.query))
    return S3Store(
        parts.netloc,
        endpoint=query.get("endpoint"),
        access_key=settings.s3_key_id,
        secret_key=settings.s3_secret.get_secret_value(),
        region=query.get("region", "auto"),
    )


def open_database(settings: Settings) -> Database:
    """The database that the settings name. Raises `DatabaseError`, `SettingsError`."""
    parts = urlsplit(settings.database)
    if parts.scheme == "d1":
        return D1Database(hosted(parts.netloc, parts.path.strip("/"), settings.database_token))
    if parts.scheme in ("d1+https", "d1+http"):
        return D1Database(worker(settings.database.removeprefix("d1+"), settings.database_token))
    return SqliteDatabase(settings.database_file)


@asynccontextmanager
async def open_session(
    settings: Settings,
    clock: Callable[[], int] = wall_ms,
    *,
    lazy_door: bool = False,
    served: bool = False,
    elsewhere: Advancing | None = None,
) -> AsyncIterator[Session]:
    """Everything open; with `lazy_door` the built-in door starts when the first job is submitted. `served`: somebody
    listens at the Studio's address; where the settings state one, that is so anyway. `elsewhere`: who advances renders
    and starts the door where this process does not.

    Raises `DatabaseError`, `DoorError`, `StoreError`.
    """
    place = Place(
        data=settings.data,
        database=settings.database_file,
        workers=settings.workers,
        door=settings.door,
        lazy_door=lazy_door or elsewhere is not None,
        runner=settings.runner and elsewhere is None,
        month_limit_u=settings.month_budget_usd * MICRO,
        upload_limit=settings.upload_mb * MICRO,
        event_days=settings.event_days,
        bell=settings.base_url if settings.url or served else "",
    )
    store = open_store(settings, clock, served=bool(settings.url) or (served and settings.port != 0))
    db = open_database(settings)
    async with opened(place, store, plan_film, builtin(), clock=clock, db=db, elsewhere=elsewhere) as session:
        yield session


@asynccontextmanager
async def open_studio(settings: Settings) -> AsyncIterator[Studio[Storyboard]]:
    """The Studio's service alone, for the command line."""
    async with open_session(settings) as session:
        yield session.studio
