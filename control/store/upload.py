"""Files that people send in: received whole, told by their content, stored once under their digest."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from control.errors import ObjectExists, StoreError, StoreFull, TooLarge
from control.store import ObjectStore
from control.store.sniff import Sniffed, sniff
from functions.contract import keys

UPLOAD_LIMIT = 2_000_000_000
"""Bytes of the largest file that is taken, where no other cap is set."""


@dataclass(frozen=True, slots=True)
class Received:
    """A stored upload."""

    sha256: str
    size: int
    what: Sniffed

    @property
    def key(self) -> str:
        """Where it lies."""
        return keys.upload_key(self.sha256, self.what.suffix)


async def receive(
    store: ObjectStore, source: Path | AsyncIterator[bytes], *, name: str = "", limit: int = UPLOAD_LIMIT
) -> Received:
    """Store a file. Sending the same again changes nothing.

    Raises `UnsupportedMedia`, `Invalid`, `TooLarge`, `StoreFull`, `StoreError`.
    """
    with tempfile.TemporaryDirectory(prefix="vivijure-upload.") as folder:
        if isinstance(source, Path):
            path, name = source, name or source.name
            sha, size = await asyncio.to_thread(_digest, path, name, limit)
        else:
            path = Path(folder) / "file"
            sha, size = await _spool(source, path, name, limit)
        what = await asyncio.to_thread(sniff, path, name)
        received = Received(sha, size, what)
        try:
            await store.put_create(received.key, path, what.content_type)
        except ObjectExists:
            await _check_same(store, received)
    return received


async def _check_same(store: ObjectStore, received: Received) -> None:
    head = await store.head(received.key)
    if head is None or head.size != received.size:
        raise StoreError(f"the object {received.key} is there already, but damaged; remove it and send the file again")


async def _spool(source: AsyncIterator[bytes], path: Path, name: str, limit: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            async for chunk in source:
                size += len(chunk)
                if size > limit:
                    raise _too_large(name, limit)
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
    except OSError as error:
        raise StoreFull(f"no space is left to receive {name or 'a file'}: {error.strerror}") from error
    return digest.hexdigest(), size


def _digest(path: Path, name: str, limit: int) -> tuple[str, int]:
    try:
        size = path.stat().st_size
        if size > limit:
            raise _too_large(name, limit)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), size
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error


def _too_large(name: str, limit: int) -> TooLarge:
    return TooLarge(f"{name or 'the file'} is larger than {limit / 1e6:g} MB")
