from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from control.store import ObjectStore
from control.store.folder import FolderStore
from tests.servers.s3 import S3Server, seaweed
from tests.servers.stores import s3_store


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server."""
    with seaweed(tmp_path_factory.mktemp("weed")) as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """Each kind of store, empty."""
    found: ObjectStore
    if request.param == "folder":
        found = FolderStore(tmp_path / "objects")
    else:
        found = s3_store(request.getfixturevalue("s3"))
        async for head in found.list(""):
            await found.delete(head.key)
    yield found
    await found.close()
