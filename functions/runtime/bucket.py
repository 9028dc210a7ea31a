"""An object store in an S3 bucket (AWS, R2, SeaweedFS), with the worker's own credentials.

Create-only writes carry `If-None-Match: *`, which all three honour for single PUTs.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from functions.contract.errors import StorageError
from functions.runtime.storage import CHUNK, Digest, Sink

TRIES = 4
EXISTS = frozenset({"PreconditionFailed", "412"})
BUSY = frozenset({"ConditionalRequestConflict", "409"})
"""Two creations met: neither has won yet, so ours is sent again."""
ABSENT = frozenset({"NoSuchKey", "NotFound", "404"})


class BucketStorage:
    """Implements `storage.Storage` in one bucket. Endpoint and credentials come from the AWS_* variables."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        settings = Config(
            retries={"mode": "standard", "total_max_attempts": TRIES},
            connect_timeout=10,
            read_timeout=60,
            s3={"addressing_style": "path"},
            # R2 and SeaweedFS know no trailing checksums; every digest is compared by the runtime itself.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # A session of its own: the default one keeps the first credentials it ever saw.
        self._s3: Any = boto3.session.Session().client("s3", config=settings)

    def get(self, key: str, limit: int) -> bytes | None:
        """See `Storage.get`."""
        with self._body(key) as body:
            if body is None:
                return None
            data: bytes = body.read(limit + 1)
        if len(data) > limit:
            raise StorageError(f"{key} is larger than {limit} bytes")
        return data

    def fetch(self, key: str, path: Path, limit: int) -> Digest | None:
        """See `Storage.fetch`."""
        with self._body(key) as body:
            if body is None:
                return None
            with path.open("wb") as file:
                sink = Sink(file, key, limit)
                for chunk in body.iter_chunks(CHUNK):
                    sink.write(chunk)
        return sink.digest()

    def put(self, key: str, data: bytes | Path, content_type: str) -> None:
        """See `Storage.put`."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(_typed(key))
            body = data if isinstance(data, bytes) else stack.enter_context(data.open("rb"))
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)

    def create(self, key: str, source: bytes | Path, content_type: str, *, lasting: bool = True) -> bool:
        """See `Storage.create`. Everything lasts."""
        del lasting
        for _ in range(TRIES):
            done = self._create(key, source, content_type)
            if done is not None:
                return done
        raise StorageError(f"{key} is being written by somebody else; try again")

    def _create(self, key: str, source: bytes | Path, content_type: str) -> bool | None:
        """True when written, False when there already, None to try again."""
        with contextlib.ExitStack() as stack:
            body = source if isinstance(source, bytes) else stack.enter_context(source.open("rb"))
            stack.enter_context(_typed(key))
            try:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) in EXISTS:
                    return False
                if _code(error) in BUSY:
                    return None
                raise
            return True

    def close(self) -> None:
        """Close pooled connections."""
        self._s3.close()

    @contextlib.contextmanager
    def _body(self, key: str) -> Iterator[Any]:
        with _typed(key):
            try:
                body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
            except ClientError as error:
                if _code(error) not in ABSENT:
                    raise
                yield None
                return
            with contextlib.closing(body):
                yield body


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def _typed(key: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"{key}: the object store refused or could not be reached: {error}") from error
