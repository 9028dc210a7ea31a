"""The engines of one worker process: imported at first use, built once, kept."""

import importlib
from collections.abc import Callable

from functions.catalog import Catalog
from functions.contract.errors import EngineError
from functions.contract.manifest import EngineManifest
from functions.runtime.engine import Engine
from functions.runtime.gpu import check_gpu

Check = Callable[[EngineManifest], None]


class Engines:
    """Builds engines from the `entry` (`package.module:Class`) of their manifests, where `check` finds the hardware."""

    def __init__(self, catalog: Catalog, check: Check = check_gpu) -> None:
        self._catalog, self._check = catalog, check
        self._built: dict[str, Engine] = {}
        self._checked: set[str] = set()

    def get(self, name: str) -> Engine:
        """The engine of this name, to run a job with. Raises `EngineError` where it has no code or cannot be loaded,
        `GpuBroken` where it needs a GPU and there is none that works.
        """
        if name not in self._checked:
            self._check(self._catalog[name])
            self._checked.add(name)
        return self.load(name)

    def load(self, name: str) -> Engine:
        """The engine of this name, whether its hardware is there yet or not. Raises `EngineError`."""
        if name not in self._built:
            self._built[name] = self._build(name)
        return self._built[name]

    def _build(self, name: str) -> Engine:
        manifest = self._catalog[name]
        module, _, attribute = manifest.entry.partition(":")
        if not attribute:
            raise EngineError(f"this release has no code for {name}")
        try:
            engine: Engine = getattr(importlib.import_module(module), attribute)(manifest)
        except (ImportError, AttributeError, OSError, RuntimeError) as error:
            raise EngineError(f"{name} could not be loaded: {error}") from error
        return engine
