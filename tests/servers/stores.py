"""Object stores over the stand-in servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from control.store.s3 import PART, S3Store
from control.store.served import ServedFolder
from control.studio import open_store
from tests.servers.s3 import S3Server
from tests.servers.studio import studio


def s3_store(server: S3Server, *, secret: str | None = None, part: int = PART) -> S3Store:
    """A store in the server's bucket."""
    return S3Store(
        server.bucket,
        endpoint=server.url,
        access_key=server.access,
        secret_key=secret or server.secret,
        region=server.region,
        part=part,
    )


@contextmanager
def served_store(folder: Path) -> Iterator[ServedFolder]:
    """A folder whose signed URLs a running Studio serves."""
    with studio(folder.parent / "studio", store=str(folder)) as running:
        store = open_store(running.settings, served=True)
        assert isinstance(store, ServedFolder)
        yield store
