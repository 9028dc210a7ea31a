"""The object store behind one interface: a local folder, or any S3 (R2, SeaweedFS, MinIO, AWS)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

CHUNK = 1 << 20
"""Bytes a stream hands out at a time."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of an object without reading it."""

    key: str
    size: int
    content_type: str
    modified: int
    """Milliseconds since the epoch, by the store's clock."""


@dataclass(frozen=True, slots=True)
class Presigned:
    """A URL that carries its own right, and the headers that must be sent with it."""

    url: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return "Presigned(…)"


class ObjectStore(Protocol):
    """Keys are relative paths of lower-case segments. All methods raise `StoreError` where the store cannot be used,
    `StoreFull` where no space is left, and `ObjectMissing` for a key that is not there.
    """

    @property
    def folder(self) -> Path | None:
        """The folder itself where this is one: looking into it costs nothing."""
        ...

    @property
    def origin(self) -> str | None:
        """`scheme://host[:port]` that its signed URLs lead to, None where it cannot sign."""
        ...

    async def put_create(self, key: str, source: Path | bytes, content_type: str) -> None:
        """Create the object whole or not at all. Raises `ObjectExists` where the key is taken."""
        ...

    async def put(self, key: str, source: Path | bytes, content_type: str) -> None:
        """Create or replace the object."""
        ...

    async def read(self, key: str, limit: int = CHUNK) -> bytes:
        """All its bytes. Raises `StoreError` where there are more than `limit`."""
        ...

    async def fetch(self, key: str, path: Path) -> None:
        """Copy the object into a new file."""
        ...

    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` up to but not including `end`, in chunks."""
        ...

    async def head(self, key: str) -> Head | None:
        """Size, type and age, None where there is no such object."""
        ...

    async def delete(self, key: str) -> None:
        """Remove it; nothing happens where there is none."""
        ...

    def list(self, prefix: str) -> AsyncIterator[Head]:
        """Every object whose key begins with `prefix`, in key order."""
        ...

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
        """A URL for one request within `expires_s` seconds; a PUT with `create` succeeds only where the key is free.

        A store that can (S3 cannot) refuses a PUT of more than `max_bytes`. Raises `StoreError` for one that cannot
        sign.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
