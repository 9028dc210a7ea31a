"""The object store as one job sees it: four operations on keys. `folder`, `bucket` and `presigned` implement it."""

import errno
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from functions.contract.errors import DiskFull, InputError, StorageError

CHUNK = 1 << 20
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Digest:
    """What was read: sha256 in lower-case hex, and bytes."""

    sha256: str
    size: int


class Storage(Protocol):
    """Every method raises `StorageError` where the store cannot be reached or refuses, `DiskFull` without space."""

    def get(self, key: str, limit: int) -> bytes | None:
        """A small object, None where there is none. Raises `StorageError` beyond `limit` bytes."""
        ...

    def fetch(self, key: str, path: Path, limit: int) -> Digest | None:
        """Stream an object into `path`, None where there is none. Raises `InputError` beyond `limit` bytes."""
        ...

    def put(self, key: str, data: bytes | Path, content_type: str) -> None:
        """Write or overwrite an object."""
        ...

    def create(self, key: str, source: bytes | Path, content_type: str, *, lasting: bool = True) -> bool:
        """Write an object that must not exist yet; False where it does. A reader never sees a part of it.

        What is not `lasting` may be lost where the machine (not the process) fails within seconds.
        """
        ...


class Sink:
    """Writes chunks to a file, hashing and bounding them."""

    def __init__(self, file: IO[bytes], key: str, limit: int) -> None:
        self.file, self.key, self.limit = file, key, limit
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Raises `InputError` when more than `limit` bytes arrive, `DiskFull` without space."""
        self.size += len(chunk)
        if self.size > self.limit:
            raise InputError(f"{self.key} is larger than the {self.limit} bytes that the request names")
        self.hash.update(chunk)
        try:
            self.file.write(chunk)
        except OSError as error:
            raise disk_error(error, self.key) from error

    def digest(self) -> Digest:
        """What was written so far."""
        return Digest(self.hash.hexdigest(), self.size)


def file_digest(path: Path) -> Digest:
    """Digest of a local file, read in chunks."""
    with path.open("rb") as file:
        return Digest(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def disk_error(error: OSError, what: str) -> StorageError:
    """The typed error of a failed file operation on `what`."""
    if error.errno in NO_SPACE:
        return DiskFull(f"no space is left to write {what}; free some and try again")
    return StorageError(f"{what}: {error.strerror or error}")
