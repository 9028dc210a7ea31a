from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control.db import Database
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from tests.servers.twice import TwiceDatabase


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio."""
    return "asyncio"


@pytest.fixture(params=["once", "twice"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database; also one whose every batch is sent twice."""
    plain = SqliteDatabase(tmp_path / "studio.db")
    await migrate(plain)
    yield plain if request.param == "once" else TwiceDatabase(plain)
    await plain.close()
