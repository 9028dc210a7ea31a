"""Objects as files of a local folder: created whole or not at all, fsynced, never outside the folder."""

import asyncio
import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, Literal, TypeVar

from control.errors import ObjectExists, ObjectMissing, StoreError, StoreFull, TooLarge
from control.store import CHUNK, Head, Presigned
from control.store.types import type_of

KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}(?:/[a-z0-9][a-z0-9_.-]{0,99}){0,9}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
T = TypeVar("T")


class FolderStore:
    """An `ObjectStore` in the folder `root`. Content types follow the key's suffix. `.tmp` holds unfinished files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scratch = root / ".tmp"
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._error(error, ".") from error

    @property
    def folder(self) -> Path | None:
        """The folder itself."""
        return self.root

    @property
    def origin(self) -> str | None:
        """A folder cannot sign."""
        return None

    async def put_create(self, key: str, source: Path | bytes, content_type: str) -> None:
        """Create the object: written and synced beside, then linked, which fails where the name is taken."""
        await self._threaded(key, lambda path: self._put(key, path, source, replace=False))

    async def put(self, key: str, source: Path | bytes, content_type: str) -> None:
        """Create or replace the object in one step."""
        await self._threaded(key, lambda path: self._put(key, path, source, replace=True))

    async def read(self, key: str, limit: int = CHUNK) -> bytes:
        """All its bytes. Raises `StoreError` where there are more than `limit`."""
        return await self._threaded(key, lambda path: _read(key, path, limit))

    async def fetch(self, key: str, path: Path) -> None:
        """Copy the object into a new file."""
        await self._threaded(key, lambda found: shutil.copyfile(found, path))

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` up to but not including `end`, in chunks."""
        file = await self._threaded(key, lambda path: path.open("rb"))
        with file:
            left = None if end is None else max(0, end - start)
            await self._threaded(key, lambda _: file.seek(start))
            while left is None or left > 0:
                want = CHUNK if left is None else min(CHUNK, left)
                chunk = await self._threaded(key, lambda _, n=want: file.read(n))  # type: ignore[misc]
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    async def head(self, key: str) -> Head | None:
        """Size, type and age, None where there is no such object."""
        try:
            return await self._threaded(key, lambda path: _head(key, path))
        except ObjectMissing:
            return None

    async def delete(self, key: str) -> None:
        """Remove it; nothing happens where there is none."""
        await self._threaded(key, lambda path: path.unlink(missing_ok=True))

    async def list(self, prefix: str) -> AsyncIterator[Head]:
        """Every object whose key begins with `prefix`, in key order."""
        for head in await asyncio.to_thread(lambda: sorted(self._walk(prefix), key=lambda h: h.key)):
            yield head

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
        """A folder cannot sign: raises `StoreError`."""
        raise StoreError(f"the folder {self.root} cannot sign URLs; only a door on this machine can use it")

    async def close(self) -> None:
        """Nothing is held open."""

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key) or ".." in key:
            raise StoreError(f"{key!r} is not an object key")
        return self.root / key

    def _walk(self, prefix: str) -> Iterator[Head]:
        top = self.root / prefix.rpartition("/")[0]
        for folder, names, files in os.walk(top):
            names[:] = [n for n in names if n != ".tmp"]
            for name in files:
                path = Path(folder) / name
                key = path.relative_to(self.root).as_posix()
                if key.startswith(prefix):
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                        yield _head(key, path)

    def _put(self, key: str, path: Path, source: Path | bytes, *, replace: bool) -> None:
        scratch = self._scratch / secrets.token_hex(12)
        try:
            _write(scratch, source)
            _place(key, path, scratch, replace=replace)
        finally:
            scratch.unlink(missing_ok=True)

    async def receive(self, key: str, chunks: AsyncIterator[bytes], limit: int, *, replace: bool) -> None:
        """Create (or with `replace` overwrite) the object from what arrives.

        Raises `TooLarge` beyond `limit` bytes, `ObjectExists`.
        """
        scratch = self._scratch / secrets.token_hex(12)
        try:
            file = await self._threaded(key, lambda _: scratch.open("xb"))
            with file:
                left = limit
                async for chunk in chunks:
                    left -= len(chunk)
                    if left < 0:
                        raise TooLarge(f"{key} is larger than the {limit} bytes that it may have")
                    await self._threaded(key, lambda _, data=chunk: file.write(data))  # type: ignore[misc]
                await self._threaded(key, lambda _: _flush(file))
            await self._threaded(key, lambda path: _place(key, path, scratch, replace=replace))
        finally:
            scratch.unlink(missing_ok=True)

    async def _threaded(self, key: str, act: Callable[[Path], T]) -> T:
        path = self._path(key)
        try:
            return await asyncio.to_thread(act, path)
        except OSError as error:
            raise self._error(error, key) from error

    def _error(self, error: OSError, key: str) -> StoreError:
        if error.errno in (errno.ENOENT, errno.EISDIR, errno.ENOTDIR):
            return ObjectMissing(f"there is no object {key} in {self.root}")
        if error.errno in _FULL:
            return StoreFull(f"no space is left in {self.root} for {key}; free some and try again")
        return StoreError(f"the folder {self.root} cannot be used for {key}: {error.strerror}")


def _head(key: str, path: Path) -> Head:
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "no such object", str(path))
    stat = path.stat()
    return Head(key, stat.st_size, type_of(key).content_type, stat.st_mtime_ns // 1_000_000)


def _read(key: str, path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise StoreError(f"the object {key} is larger than the {limit} bytes that are read at once")
    return data


def _place(key: str, path: Path, scratch: Path, *, replace: bool) -> None:
    """Let a finished file appear under its name. Raises `ObjectExists`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if replace:
        scratch.replace(path)
    else:
        try:
            os.link(scratch, path)
        except FileExistsError as error:
            raise ObjectExists(f"the object {key} exists already and is never overwritten") from error
    _sync_folder(path.parent)


def _write(path: Path, source: Path | bytes) -> None:
    with path.open("xb") as file:
        if isinstance(source, bytes):
            file.write(source)
        else:
            with source.open("rb") as origin:
                shutil.copyfileobj(origin, file, CHUNK)
        _flush(file)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
