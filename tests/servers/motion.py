"""Jobs of the engines that move keyframes, through the real runtime: signed requests, a store in a folder."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from functions.catalog import Catalog, builtin
from functions.contract.base import Rate, Size
from functions.contract.job import JobRequest, JobResult
from functions.contract.manifest import DurationGrid, EngineManifest
from functions.contract.params import Motion
from functions.runtime.children import Stop
from functions.runtime.context import Report
from functions.runtime.engine import Engine
from functions.runtime.engines import Engines
from functions.runtime.execute import Host, execute
from functions.runtime.folder import FolderStorage
from functions.runtime.stores import Stores
from functions.runtime.verify import Trust
from tests.servers import jobs

SMALL = Size(width=64, height=48)


def small(engine: str, size: Size = SMALL, **changes: Any) -> EngineManifest:
    """The manifest of an engine with one small size of its own."""
    return builtin()[engine].model_copy(update={"sizes": (size,), **changes})


def picture(seed: int = 0, size: tuple[int, int] = (128, 96)) -> bytes:
    """A smooth picture as PNG: gradients of each channel that depend on the seed."""
    columns, rows = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    waves = [np.sin(3 * (k + 1) * columns + seed) * np.cos((k + 2) * rows - seed) for k in range(3)]
    codes = (np.stack(waves, axis=-1) * 100 + 128).clip(0, 255).astype(np.uint8)
    made = io.BytesIO()
    Image.fromarray(codes).save(made, "PNG")
    return made.getvalue()


class Bench:
    """A worker with one engine, kept between jobs as a real one is, and the store it works on."""

    def __init__(self, folder: Path, manifest: EngineManifest) -> None:
        self.manifest, self.root = manifest, folder / "store"
        for part in (self.root, folder / "scratch", folder / "cache"):
            part.mkdir()
        self.storage = FolderStorage(self.root)
        catalog = Catalog({manifest.name: manifest})
        self.engines = Engines(catalog, check=lambda _: None)
        trust = Trust(door=jobs.DOOR, keys=(jobs.STUDIO.verify_key,), catalog=catalog, bucket=True)
        self.host = Host(
            trust=trust,
            engines=self.engines,
            storage=Stores(str(self.root)),
            scratch=folder / "scratch",
            cache=folder / "cache",
        )

    @property
    def engine(self) -> Engine:
        """The engine itself."""
        return self.engines.load(self.manifest.name)

    def request(self, params: Motion, inputs: Mapping[str, bytes] | None = None, **changes: Any) -> JobRequest:
        """A signed request whose inputs lie in the store; a keyframe is there unless `inputs` says otherwise."""
        found = {}
        for name, data in ({"image": picture()} if inputs is None else inputs).items():
            found[name] = ref = jobs.upload(data, "bin" if name.startswith("lora") else "png")
            (self.root / ref.key).parent.mkdir(parents=True, exist_ok=True)
            (self.root / ref.key).write_bytes(data)
        outputs = {"clip.mp4": "video/mp4", "last.png": "image/png"}
        changes = {"tier": params.tier, "deadline_s": 300, "expires_at": 10**13 * 4, **changes}
        return jobs.request(params, manifest=self.manifest, inputs=found, outputs=outputs, **changes)

    def run(
        self,
        params: Motion,
        inputs: Mapping[str, bytes] | None = None,
        *,
        stop: Stop | None = None,
        report: Report | None = None,
        **changes: Any,
    ) -> JobResult:
        """Run one job to its result."""
        return execute(self.request(params, inputs, **changes), self.host, stop=stop, report=report)

    def output(self, result: JobResult, name: str = "clip.mp4") -> Path:
        """Where an output of a result lies."""
        return self.root / result.outputs[name].key


def motion(rate: int, frames: int, size: Size = SMALL, **values: Any) -> Motion:
    """Parameters of a short clip."""
    return Motion(**{"prompt": "a rider crosses", "size": size, "frames": frames, "rate": Rate(num=rate), **values})


def grid(manifest: EngineManifest, longest: int) -> EngineManifest:
    """The manifest with another longest clip."""
    durations = DurationGrid(**{**manifest.durations.model_dump(), "longest": longest})
    return manifest.model_copy(update={"durations": durations})
