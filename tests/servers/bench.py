"""A worker with one engine and its store, for engines of any kind: real runtime, signed requests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from functions.catalog import Catalog
from functions.contract.job import JobRequest, JobResult
from functions.contract.manifest import EngineManifest
from functions.contract.params import Params
from functions.runtime.children import Stop
from functions.runtime.context import Report
from functions.runtime.engine import Engine
from functions.runtime.engines import Engines
from functions.runtime.execute import Host, execute
from functions.runtime.stores import Stores
from functions.runtime.verify import Trust
from tests.servers import jobs


class Worker:
    """Keeps its engine between jobs as a real worker does. `outputs` are names and content types."""

    def __init__(self, folder: Path, manifest: EngineManifest, outputs: Mapping[str, str]) -> None:
        self.manifest, self.outputs, self.root = manifest, outputs, folder / "store"
        for part in (self.root, folder / "scratch", folder / "cache"):
            part.mkdir(parents=True)
        catalog = Catalog({manifest.name: manifest})
        self.engines = Engines(catalog, check=lambda _: None)
        self.host = Host(
            trust=Trust(door=jobs.DOOR, keys=(jobs.STUDIO.verify_key,), catalog=catalog, bucket=True),
            engines=self.engines,
            storage=Stores(str(self.root)),
            scratch=folder / "scratch",
            cache=folder / "cache",
        )

    @property
    def engine(self) -> Engine:
        """The engine itself."""
        return self.engines.load(self.manifest.name)

    def request(self, params: Params, inputs: Mapping[str, Path], **changes: Any) -> JobRequest:
        """A signed request whose inputs lie in the store; changes by name."""
        found = {}
        for name, path in inputs.items():
            data = path.read_bytes()
            found[name] = ref = jobs.upload(data, path.suffix.removeprefix("."))
            (self.root / ref.key).parent.mkdir(parents=True, exist_ok=True)
            (self.root / ref.key).write_bytes(data)
        values = {"tier": "standard", "deadline_s": 900, "max_bytes": 10**9, "expires_at": 10**13 * 4, **changes}
        return jobs.request(params, manifest=self.manifest, inputs=found, outputs=self.outputs, **values)

    def run(
        self,
        params: Params,
        inputs: Mapping[str, Path],
        *,
        stop: Stop | None = None,
        report: Report | None = None,
        **changes: Any,
    ) -> JobResult:
        """Run one job to its result."""
        return execute(self.request(params, inputs, **changes), self.host, stop=stop, report=report)

    def output(self, result: JobResult, name: str) -> Path:
        """Where an output of a result lies."""
        return self.root / result.outputs[name].key
