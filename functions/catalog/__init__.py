"""The catalog: one TOML manifest an engine, read as data by the Studio and by doors."""

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from functions.contract.base import StepKind
from functions.contract.canonical import digest
from functions.contract.manifest import EngineManifest


class Catalog:
    """An immutable set of manifests, named by its digest."""

    def __init__(self, engines: Mapping[str, EngineManifest]) -> None:
        self.engines = MappingProxyType(dict(sorted(engines.items())))

    def __getitem__(self, name: str) -> EngineManifest:
        return self.engines[name]

    def __contains__(self, name: str) -> bool:
        return name in self.engines

    @functools.cached_property
    def sha256(self) -> str:
        """Digest of all manifests: what a render keeps as its snapshot."""
        return digest({name: m.model_dump(mode="json") for name, m in self.engines.items()})

    def of_kind(self, kind: StepKind) -> tuple[EngineManifest, ...]:
        """Engines that make this kind of step, those that run in this release first."""
        found = [m for m in self.engines.values() if kind in m.kinds]
        return tuple(sorted(found, key=lambda m: (not m.entry, m.name)))


def parse(text: str) -> EngineManifest:
    """A manifest from TOML. Raises `pydantic.ValidationError` or `tomllib.TOMLDecodeError`."""
    import json

    return EngineManifest.model_validate_json(json.dumps(tomllib.loads(text)))


@functools.cache
def builtin() -> Catalog:
    """The manifests that ship with this release."""
    folder = resources.files("functions.catalog")
    found = [parse(f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".toml")]
    return Catalog({m.name: m for m in found})


def read_folder(folder: Path) -> Catalog:
    """The manifests (`*.toml`) in a folder. Raises as `parse`, and `OSError`."""
    found = [parse(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]
    return Catalog({m.name: m for m in found})
