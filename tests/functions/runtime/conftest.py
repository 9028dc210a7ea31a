"""Stores of every kind, and a host that runs jobs in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions.catalog import Catalog
from functions.runtime.engines import Engines
from functions.runtime.execute import Host
from functions.runtime.folder import FolderStorage
from functions.runtime.presigned import http_client
from functions.runtime.stores import Stores
from functions.runtime.verify import Trust
from tests.servers.jobs import DOOR, ECHO, STUDIO
from tests.servers.objects import ObjectServer, object_server
from tests.servers.s3 import S3Server, seaweed

MakeHost = Callable[..., Host]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server."""
    with seaweed(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def closed_client() -> Iterator[None]:
    """The runtime keeps one HTTP client for the life of its process; here the tests are the process."""
    yield
    http_client().close()


@pytest.fixture
def objects() -> Iterator[ObjectServer]:
    """A store behind URLs."""
    with object_server() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> FolderStorage:
    """A store in a folder."""
    root = tmp_path / "store"
    root.mkdir()
    return FolderStorage(root)


@pytest.fixture
def make_host(tmp_path: Path, store: FolderStorage) -> MakeHost:
    """Builds hosts; arguments change their trust."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def make(**changes: object) -> Host:
        values = {"door": DOOR, "keys": (STUDIO.verify_key,), "catalog": Catalog({"echo": ECHO}), "bucket": True}
        trust = Trust(**{**values, **changes})  # type: ignore[arg-type]
        return Host(trust=trust, engines=Engines(trust.catalog), storage=Stores(str(store.root)), scratch=scratch)

    return make


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    """The usual one."""
    return make_host()
