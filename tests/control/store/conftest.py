from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control.store import ObjectStore
from control.store.folder import FolderStore
from tests.servers.d1 import D1Server
from tests.servers.s3 import S3Server, seaweed
from tests.servers.stores import s3_store, served_store


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server."""
    with seaweed(tmp_path_factory.mktemp("weed")) as server:
        yield server


@contextmanager
def opened(request: pytest.FixtureRequest, folder: Path) -> Iterator[ObjectStore]:
    """The store of the kind that the fixture's parameter names."""
    if request.param == "folder":
        yield FolderStore(folder)
    elif request.param == "served":
        with served_store(folder) as store:
            yield store
    elif request.param == "r2":
        server: D1Server = request.getfixturevalue("d1")
        yield s3_store(server.r2)
    else:
        yield s3_store(request.getfixturevalue("s3"))


async def emptied(store: ObjectStore) -> ObjectStore:
    """The store without what earlier tests left."""
    for key in [head.key async for head in store.list("")]:
        await store.delete(key)
    return store


@pytest.fixture(params=["folder", "served", "s3", "r2"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """Each kind of store, empty."""
    with opened(request, tmp_path / "objects") as found:
        yield await emptied(found)
        await found.close()


@pytest.fixture(params=["served", "s3", "r2"])
async def signing(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """Each kind of store that can sign, empty."""
    with opened(request, tmp_path / "objects") as found:
        yield await emptied(found)
        await found.close()
