from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control.db import Database
from control.db.sqlite import SqliteDatabase
from tests.servers.d1 import D1Server

KINDS = ("sqlite", "worker", "api")


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio."""
    return "asyncio"


@pytest.fixture(params=KINDS)
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Each kind of database, empty."""
    found: Database
    if request.param == "sqlite":
        found = SqliteDatabase(tmp_path / "studio.db")
    else:
        server: D1Server = request.getfixturevalue("d1")
        server.reset()
        found = server.database(request.param)
    yield found
    await found.close()
