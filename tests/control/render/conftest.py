from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control.db import Database
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from tests.control.render.bench import Bench, bench
from tests.servers.d1 import D1Server
from tests.servers.twice import TwiceDatabase


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio."""
    return "asyncio"


@pytest.fixture(params=["sqlite", pytest.param("worker", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database | None:
    """What a bench keeps its state in: its own file, or D1."""
    if request.param == "sqlite":
        return None
    server: D1Server = request.getfixturevalue("d1")
    server.reset()
    return server.database(request.param)


@pytest.fixture(params=["once", "twice", "worker", "api"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database: a file, one whose every batch is sent twice, and D1 in both ways."""
    plain: Database
    if request.param in ("once", "twice"):
        plain = SqliteDatabase(tmp_path / "studio.db")
    else:
        server: D1Server = request.getfixturevalue("d1")
        server.reset()
        plain = server.database(request.param)
    await migrate(plain)
    yield TwiceDatabase(plain) if request.param == "twice" else plain
    await plain.close()


@pytest.fixture
async def b(tmp_path: Path, database: Database | None) -> AsyncIterator[Bench]:
    """A bench with a paid door."""
    async with bench(tmp_path, database=database) as found:
        yield found
