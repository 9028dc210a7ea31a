"""One place where a failed write becomes a typed error."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from functions.contract.errors import DiskFull, StorageError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while `path` is written into `DiskFull` or `StorageError`."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(f"no space left while writing {path.name}: free some disk space and try again") from error
        raise StorageError(f"{path.name} could not be written: {error}") from error
