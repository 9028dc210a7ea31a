"""An object store in a local folder: the key is the path below it.

Every path is walked from the root by open directory handles without following links, so no key and no link
planted in the tree leads outside. An object appears whole or not at all: it is written in `.tmp` and linked
(create-only) or renamed (overwrite) into place.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

from functions.contract.errors import KeyRefused, StorageError
from functions.runtime.storage import CHUNK, Digest, Sink, disk_error

PARTS = ".tmp"
SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def segments(key: str) -> list[str]:
    """The parts of a key. Raises `KeyRefused` for one that is not a plain relative path."""
    parts = key.split("/")
    if not all(SEGMENT.fullmatch(part) and ".." not in part for part in parts):
        raise KeyRefused(f"{key!r} is not a key of an object")
    return parts


class FolderStorage:
    """Implements `storage.Storage` below `root`, which must exist."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, key: str, limit: int) -> bytes | None:
        """See `Storage.get`."""
        with self._reading(key) as file:
            if file is None:
                return None
            data = file.read(limit + 1)
        if len(data) > limit:
            raise StorageError(f"{key} is larger than {limit} bytes")
        return data

    def fetch(self, key: str, path: Path, limit: int) -> Digest | None:
        """See `Storage.fetch`."""
        with self._reading(key) as file:
            if file is None:
                return None
            with path.open("wb") as target:
                sink = Sink(target, key, limit)
                while chunk := file.read(CHUNK):
                    sink.write(chunk)
        return sink.digest()

    def put(self, key: str, data: bytes | Path, content_type: str) -> None:
        """See `Storage.put`. Not flushed to the disk: what is overwritten within seconds need not survive a crash."""
        del content_type
        with contextlib.ExitStack() as stack:
            folder, name = stack.enter_context(self._parent(key, make=True))
            file = BytesIO(data) if isinstance(data, bytes) else stack.enter_context(data.open("rb"))
            parts, part = stack.enter_context(self._part(file, flush=False))
            os.rename(part, name, src_dir_fd=parts, dst_dir_fd=folder)

    def create(self, key: str, source: bytes | Path, content_type: str, *, lasting: bool = True) -> bool:
        """See `Storage.create`. What lasts is flushed to the disk before it appears."""
        del content_type
        with contextlib.ExitStack() as stack:
            folder, name = stack.enter_context(self._parent(key, make=True))
            file = BytesIO(source) if isinstance(source, bytes) else stack.enter_context(source.open("rb"))
            parts, part = stack.enter_context(self._part(file, flush=lasting))
            try:
                os.link(part, name, src_dir_fd=parts, dst_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                return False
            if lasting:
                os.fsync(folder)
            return True

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[IO[bytes] | None]:
        with contextlib.ExitStack() as stack:
            try:
                folder, name = stack.enter_context(self._parent(key, make=False))
                file = stack.enter_context(os.fdopen(os.open(name, FILE, dir_fd=folder), "rb"))
            except (FileNotFoundError, NotADirectoryError):
                yield None
                return
            yield file

    @contextlib.contextmanager
    def _parent(self, key: str, *, make: bool) -> Iterator[tuple[int, str]]:
        """The open folder of a key, and its name there. The one place where `OSError` becomes typed."""
        *folders, name = segments(key)
        try:
            handle = self._open_root()
            try:
                for part in folders:
                    handle = _descend(handle, part, make)
                yield handle, name
            finally:
                os.close(handle)
        except (FileNotFoundError, NotADirectoryError):
            if make:
                raise StorageError(f"{key}: the folder {self.root} is gone or something lies in the way") from None
            raise
        except OSError as error:
            raise disk_error(error, key) from error

    def _open_root(self) -> int:
        return os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @contextlib.contextmanager
    def _part(self, source: IO[bytes], *, flush: bool) -> Iterator[tuple[int, str]]:
        """A new file with this content in `.tmp`: (open folder, name). Gone from there afterwards."""
        name = secrets.token_hex(12)
        (self.root / PARTS).mkdir(exist_ok=True)
        folder = os.open(self.root / PARTS, FOLDER)
        try:
            with os.fdopen(os.open(name, NEW, 0o644, dir_fd=folder), "wb") as file:
                shutil.copyfileobj(source, file, CHUNK)
                file.flush()
                if flush:
                    os.fsync(file.fileno())
            yield folder, name
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            os.close(folder)


def _descend(handle: int, part: str, make: bool) -> int:
    """Open a folder below an open one, closing the upper handle."""
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, dir_fd=handle)
    below = os.open(part, FOLDER, dir_fd=handle)
    os.close(handle)
    return below
