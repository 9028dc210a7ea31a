"""`python -m functions.models.lock FOLDER` prints the files of a fetched set as lines of images/weights.toml.

So a set whose digests nobody has said yet is completed from what was fetched; compare them with the publisher's pages.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path


def lines(folder: Path) -> Iterator[str]:
    """`"path" = { sha256 = "...", size = n }` of every file below a folder, in order; hidden files are left out."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder)
        if not any(part.startswith(".") for part in name.parts):
            with path.open("rb") as file:
                yield line(name.as_posix(), hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def line(name: str, sha256: str, size: int) -> str:
    """How images/weights.toml has a file."""
    return f'"{name}" = {{ sha256 = "{sha256}", size = {size} }}'


def main() -> None:
    """See the module's text."""
    for line in lines(Path(sys.argv[1])):
        print(line)


if __name__ == "__main__":
    main()
