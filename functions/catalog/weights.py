"""The weights that a recipe digest stands for: files of named sets, each with the sha256 that its publisher gives.

A file is `owner/repository@revision/path`; `!` names a member of an archive. Digests are checked against the bytes
when weights are baked or downloaded. A tier that is not listed has files whose digest is not known yet.
"""

import functools
from collections.abc import Mapping
from importlib import resources

from functions.contract.base import EngineName, Sha256, Strict, Tier
from functions.contract.canonical import digest


class WeightsLock(Strict):
    """`sets` maps a set to its files, `tiers` an engine's tier to the sets it loads."""

    sets: dict[str, dict[str, Sha256]]
    tiers: dict[EngineName, dict[Tier, tuple[str, ...]]]

    def files(self, engine: str, tier: Tier) -> Mapping[str, str]:
        """File -> sha256 of exactly what this tier loads. Raises `KeyError` where the lock has no such tier."""
        return {file: sha for name in self.tiers[engine][tier] for file, sha in self.sets[name].items()}

    def recipe_digest(self, engine: str, tier: Tier) -> str:
        """sha256 over the RFC 8785 JSON of `files`. Raises `KeyError` where the lock has no such tier."""
        return digest(dict(self.files(engine, tier)))


@functools.cache
def builtin() -> WeightsLock:
    """The lock that ships with this release."""
    text = resources.files("functions.catalog").joinpath("weights.json").read_text("utf-8")
    return WeightsLock.model_validate_json(text)
