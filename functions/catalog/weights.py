"""The weights that recipes stand for: named sets of files of one repository at one revision, each with its sha256.

The truth is `images/weights.toml`; `weights.json` beside this module is made of it by `python -m
functions.catalog.weights`, so that the Studio and every worker read the same lock without the sources. In a set, `!`
names a member of an archive. Digests are checked against the bytes when weights are baked or downloaded, and by workers
at first use.
"""

import functools
import json
import sys
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from functions.contract.base import EngineName, Sha256, Strict, Tier
from functions.contract.canonical import digest

SOURCE = Path("images/weights.toml")
LOCK = Path(__file__).with_name("weights.json")


class Converted(Strict):
    """The safetensors file that the converter makes of a published file of another format, once, at bake time."""

    path: str
    sha256: Sha256
    size: Annotated[int, Field(ge=1)]
    converter: Annotated[int, Field(ge=1)]


class LockedFile(Strict):
    """A file as published. `size` in bytes, None where nobody has said it yet."""

    sha256: Sha256
    size: Annotated[int, Field(ge=0)] | None = None
    converted: Converted | None = None


class LockedSet(Strict):
    """Files of `repository` at `revision`, with their terms. `pending` are files (or patterns of their names) whose
    digest nobody has said yet: a set that has any cannot be used. `random` marks test weights, which make noise; no
    release holds any.
    """

    repository: str
    revision: str
    licence: str
    url: str
    commercial: Literal["yes", "disputed", "no"]
    note: str = ""
    random: bool = False
    files: dict[str, LockedFile]
    pending: tuple[str, ...] = ()

    @field_validator("files")
    @classmethod
    def _inside(cls, files: dict[str, LockedFile], info: ValidationInfo) -> dict[str, LockedFile]:
        for name, file in files.items():
            for path in (name, *([file.converted.path] if file.converted else [])):
                if not path or Path(path).is_absolute() or ".." in Path(path).parts:
                    raise ValueError(f"{path!r} leaves the folder of its set")
        return files

    def published(self) -> Mapping[str, str]:
        """`owner/repository@revision/path` -> sha256."""
        return {f"{self.repository}@{self.revision}/{path}": file.sha256 for path, file in self.files.items()}


class WeightsLock(Strict):
    """`sets` by name, `tiers` an engine's tier -> the sets it loads."""

    sets: dict[str, LockedSet]
    tiers: dict[EngineName, dict[Tier, tuple[str, ...]]] = {}

    def complete(self, engine: str, tier: Tier) -> bool:
        """Whether every file that this tier loads is known. Raises `KeyError` where the lock has no such tier."""
        return not any(self.sets[name].pending for name in self.tiers[engine][tier])

    def files(self, engine: str, tier: Tier) -> Mapping[str, str]:
        """File -> sha256 of exactly what this tier loads. Raises `KeyError` where the lock has no such tier."""
        return {file: sha for name in self.tiers[engine][tier] for file, sha in self.sets[name].published().items()}

    def recipe_digest(self, engine: str, tier: Tier) -> str:
        """sha256 over the RFC 8785 JSON of `files`. Raises `KeyError` where the lock has no such tier."""
        return digest(dict(self.files(engine, tier)))


def parse(text: str) -> WeightsLock:
    """A lock from TOML. Raises `pydantic.ValidationError` or `tomllib.TOMLDecodeError`."""
    return WeightsLock.model_validate_json(json.dumps(tomllib.loads(text)))


def released(lock: WeightsLock) -> WeightsLock:
    """The lock, as a release may have it. Raises `ValueError` where it holds random weights."""
    for name, held in lock.sets.items():
        if held.random:
            raise ValueError(f"{name} is random: a release holds published weights only")
    return lock


@functools.cache
def builtin() -> WeightsLock:
    """The lock that ships with this release."""
    text = resources.files("functions.catalog").joinpath("weights.json").read_text("utf-8")
    return released(WeightsLock.model_validate_json(text))


def rendered(lock: WeightsLock) -> str:
    """The lock as `weights.json` holds it."""
    return json.dumps(lock.model_dump(mode="json", exclude_defaults=True), indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write `weights.json` anew from the TOML file given, or from `images/weights.toml`."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    LOCK.write_text(rendered(released(parse(source.read_text("utf-8")))), "utf-8")


if __name__ == "__main__":
    main()
