"""`python -m functions.models.publisher SET` asks the hub about the pending files of a set of images/weights.toml.

It prints the lines that the lock lacks. A revision is the hash of all that it holds, so what the hub says of the locked
one is what was published then. Nothing large is fetched. Workers never do this: they load what the lock names.
"""

import argparse
import hashlib
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Annotated, Literal
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from functions.catalog.weights import LockedSet, builtin
from functions.contract.base import Sha256
from functions.contract.errors import EngineError
from functions.models.lock import line

HUB = "https://huggingface.co"
SMALL = 64 << 20
"""Bytes of a file that is read to know its digest, at most: larger ones have theirs in the repository."""


class _Pointer(BaseModel):
    oid: Sha256


class _File(BaseModel):
    """An entry of a tree; `lfs` is there for files that are kept outside of the repository."""

    type: Literal["file", "directory"]
    path: str
    oid: str
    size: Annotated[int, Field(ge=0)] = 0
    lfs: _Pointer | None = None


_ENTRIES = TypeAdapter(list[_File])


def lines(held: LockedSet, hub: str = HUB) -> Iterator[str]:
    """`"path" = { sha256 = "...", size = n }` of the pending files of a set, as the hub has them at its revision.

    Raises `EngineError` for a pattern that no file has, for a file that is not the one that the revision names, and
    where the hub does not answer.
    """
    with httpx2.Client(base_url=hub, follow_redirects=True, timeout=60) as client:
        try:
            files = list(_tree(client, held))
            for pattern in held.pending:
                found = [file for file in files if fnmatch(file.path, pattern)]
                if not found:
                    raise EngineError(f"{held.repository} has no {pattern} at {held.revision}: mend the lock")
                for file in sorted(found, key=lambda each: each.path):
                    yield line(file.path, file.lfs.oid if file.lfs else _read(client, held, file), file.size)
        except (httpx2.HTTPError, ValidationError) as error:
            raise EngineError(
                f"{hub} does not tell of {held.repository} ({error}): ask again, or another hub"
            ) from error


def _tree(client: httpx2.Client, held: LockedSet) -> Iterator[_File]:
    url: str | None = f"/api/models/{held.repository}/tree/{held.revision}?recursive=true"
    while url:
        answer = client.get(url).raise_for_status()
        yield from (entry for entry in _ENTRIES.validate_json(answer.content) if entry.type == "file")
        url = answer.links.get("next", {}).get("url")


def _read(client: httpx2.Client, held: LockedSet, file: _File) -> str:
    """sha256 of a file that lies in the repository itself, checked against its name there (git's own hash)."""
    if file.size > SMALL:
        raise EngineError(f"{file.path} of {held.repository} has {file.size} bytes and no digest: fetch the set")
    url = f"/{held.repository}/resolve/{held.revision}/{quote(file.path)}"
    data = client.get(url).raise_for_status().content
    named = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if named != file.oid:
        raise EngineError(f"{url} is not the file that {held.revision} names: ask again, or another hub")
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m functions.models.publisher")
    parser.add_argument("set", choices=sorted(builtin().sets))
    parser.add_argument("--hub", default=HUB, help="another hub of the same form")
    asked = parser.parse_args()
    try:
        for said in lines(builtin().sets[asked.set], asked.hub):
            print(said)
    except EngineError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
