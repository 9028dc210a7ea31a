"""Objects in an S3 bucket (R2, SeaweedFS, MinIO, AWS) through boto3, whose calls run in threads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from control.errors import ObjectExists, ObjectMissing, StoreError, StoreFull
from control.store import CHUNK, Head, Presigned

PART = 64 << 20
"""Bytes of a part of an upload that is sent in parts; one of up to four parts is sent whole."""
_MISSING = {"NoSuchKey", "404", "NotFound"}
_TAKEN = {"PreconditionFailed", "412"}
_MET = {"ConditionalRequestConflict", "409"}
"""Two creations met: neither has won yet, so ours is sent again."""
TRIES = 4
PAUSE_S = 0.2
"""Pause before the second try; doubled before each further one."""
_FULL = {"507", "InsufficientStorage", "QuotaExceeded"}
T = TypeVar("T")


class _Met(StoreError):
    """Another creation of the same key is under way."""


class S3Store:
    """An `ObjectStore` in `bucket` at `endpoint` (None for AWS itself). Without keys, AWS's own chain serves."""

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str | None,
        access_key: str,
        secret_key: str,
        region: str = "auto",
        part: int = PART,
    ) -> None:
        import boto3
        from botocore.config import Config

        self.bucket, self._part = bucket, part
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            region_name=None if endpoint is None and region == "auto" else region,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                retries={"max_attempts": 4, "mode": "standard"},
                connect_timeout=10,
                read_timeout=60,
                max_pool_connections=16,
                # Default checksums are a trailer that R2 and others do not take on a plain PUT.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    @property
    def folder(self) -> Path | None:
        """A bucket is no folder."""
        return None

    @property
    def origin(self) -> str | None:
        """Where the bucket is served."""
        parts = urlsplit(self._client.meta.endpoint_url)
        return f"{parts.scheme}://{parts.netloc}"

    async def put_create(self, key: str, source: Path | bytes, content_type: str) -> None:
        """Create the object; the store itself refuses a key that is taken (`If-None-Match: *`)."""
        await self._put(key, source, content_type, {"IfNoneMatch": "*"})

    async def put(self, key: str, source: Path | bytes, content_type: str) -> None:
        """Create or replace the object."""
        await self._put(key, source, content_type, {})

    async def read(self, key: str, limit: int = CHUNK) -> bytes:
        """All its bytes. Raises `StoreError` where there are more than `limit`."""

        def read() -> bytes:
            with contextlib.closing(self._client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
                data: bytes = body.read(limit + 1)
            return data

        data = await self._call(key, read)
        if len(data) > limit:
            raise StoreError(f"the object {key} is larger than the {limit} bytes that are read at once")
        return data

    async def fetch(self, key: str, path: Path) -> None:
        """Copy the object into a new file."""

        def fetch() -> None:
            found = self._client.get_object(Bucket=self.bucket, Key=key)["Body"]
            with contextlib.closing(found) as body, path.open("xb") as file:
                for chunk in body.iter_chunks(CHUNK):
                    file.write(chunk)

        await self._call(key, fetch)

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` up to but not including `end`, in chunks."""
        if end is not None and end <= start:
            return
        span = f"bytes={start}-" if end is None else f"bytes={start}-{end - 1}"
        head = await self.head(key)
        if head is None:
            raise ObjectMissing(f"there is no object {key} in the bucket {self.bucket}")
        if start >= head.size:
            return
        body = await self._call(key, lambda: self._client.get_object(Bucket=self.bucket, Key=key, Range=span)["Body"])
        try:
            while chunk := await self._call(key, lambda: body.read(CHUNK)):
                yield chunk
        finally:
            body.close()

    async def head(self, key: str) -> Head | None:
        """Size, type and age, None where there is no such object."""
        try:
            found = await self._call(key, lambda: self._client.head_object(Bucket=self.bucket, Key=key))
        except ObjectMissing:
            return None
        modified = int(found["LastModified"].timestamp() * 1000)
        return Head(key, found["ContentLength"], found.get("ContentType", "application/octet-stream"), modified)

    async def delete(self, key: str) -> None:
        """Remove it; nothing happens where there is none."""
        await self._call(key, lambda: self._client.delete_object(Bucket=self.bucket, Key=key))

    async def list(self, prefix: str) -> AsyncIterator[Head]:
        """Every object whose key begins with `prefix`, in key order."""
        place = {"Bucket": self.bucket, "Prefix": prefix}
        more: dict[str, str] = {}
        while True:
            page = await self._call(prefix, partial(self._client.list_objects_v2, **place, **more))
            for item in page.get("Contents", ()):
                modified = int(item["LastModified"].timestamp() * 1000)
                yield Head(item["Key"], item["Size"], "application/octet-stream", modified)
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def presign(
        self,
        method: Literal["GET", "PUT"],
        key: str,
        expires_s: int,
        *,
        content_type: str = "application/octet-stream",
        create: bool = True,
        max_bytes: int | None = None,
    ) -> Presigned:
        """A URL for one request; a PUT signs its content type and, with `create`, `If-None-Match: *`.

        S3 has no way to sign a greatest size: `max_bytes` is measured when the result is looked at.
        """
        del max_bytes
        values: dict[str, str] = {"Bucket": self.bucket, "Key": key}
        headers: dict[str, str] = {}
        if method == "PUT":
            values["ContentType"] = headers["Content-Type"] = content_type
            if create:
                values["IfNoneMatch"] = headers["If-None-Match"] = "*"
        action = "get_object" if method == "GET" else "put_object"
        url: str = await self._call(
            key, lambda: self._client.generate_presigned_url(action, Params=values, ExpiresIn=expires_s)
        )
        return Presigned(url, headers)

    async def close(self) -> None:
        """Close pooled connections."""
        await asyncio.to_thread(self._client.close)

    async def _put(self, key: str, source: Path | bytes, content_type: str, condition: dict[str, str]) -> None:
        def put() -> None:
            if isinstance(source, bytes):
                self._put_body(key, source, content_type, condition)
            elif source.stat().st_size <= 4 * self._part:
                with source.open("rb") as file:
                    self._put_body(key, file, content_type, condition)
            else:
                self._put_parts(key, source, content_type, condition)

        for attempt in range(TRIES):
            try:
                return await self._call(key, put)
            except _Met:
                await asyncio.sleep(PAUSE_S * 2**attempt)
        raise StoreError(f"{key} is being written to the bucket {self.bucket} by somebody else; try again")

    def _put_body(self, key: str, body: object, content_type: str, condition: dict[str, str]) -> None:
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, **condition)

    def _put_parts(self, key: str, source: Path, content_type: str, condition: dict[str, str]) -> None:
        """In parts, completed under the same condition; an upload that fails leaves nothing behind."""
        place = {"Bucket": self.bucket, "Key": key}
        upload = self._client.create_multipart_upload(**place, ContentType=content_type)["UploadId"]
        parts: list[dict[str, str | int]] = []
        try:
            with source.open("rb") as file:
                while chunk := file.read(self._part):
                    n = len(parts) + 1
                    sent = self._client.upload_part(**place, UploadId=upload, PartNumber=n, Body=chunk)
                    parts.append({"ETag": sent["ETag"], "PartNumber": n})
            listed = {"Parts": parts}
            self._client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=listed, **condition)
        except BaseException:
            self._client.abort_multipart_upload(**place, UploadId=upload)
            raise

    async def _call(self, key: str, act: Callable[[], T]) -> T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return await asyncio.to_thread(act)
        except ClientError as error:
            raise self._refused(key, error.response) from error
        except BotoCoreError as error:
            raise StoreError(f"the bucket {self.bucket} cannot be reached: {error}") from error

    def _refused(self, key: str, response: dict[str, Any]) -> StoreError:
        code = str(response.get("Error", {}).get("Code", ""))
        status = str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        if code in _MISSING:
            return ObjectMissing(f"there is no object {key} in the bucket {self.bucket}")
        if code in _TAKEN or status == "412":
            return ObjectExists(f"the object {key} exists already and is never overwritten")
        if code in _MET:
            return _Met(f"{key} is being written to the bucket {self.bucket} by somebody else")
        if code in _FULL or status == "507":
            return StoreFull(f"no space is left in the bucket {self.bucket}")
        return StoreError(f"the bucket {self.bucket} refused {key}: {code or status}")
