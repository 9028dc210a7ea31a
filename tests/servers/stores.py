"""Object stores over the stand-in servers."""

from control.store.s3 import PART, S3Store
from tests.servers.s3 import S3Server


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
