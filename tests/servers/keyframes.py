"""Jobs of the engines that make keyframes, through the real runtime: signed requests, a store in a folder."""

import hashlib
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save
from torch import Tensor

from functions.catalog import builtin
from functions.contract import keys
from functions.contract.base import Size
from functions.contract.job import InputRef, JobRequest, JobResult
from functions.contract.params import Adapter, Composition, Figure, Keyframe
from functions.runtime.children import Stop
from functions.runtime.context import Report
from functions.runtime.execute import execute
from tests.servers import jobs
from tests.servers.faces import detector_weights
from tests.servers.motion import Bench, picture

SMALL = Size(width=128, height=64)
PEOPLE = {
    "ada": Figure(id="ada", look="a woman in a red coat", at="left"),
    "bo": Figure(id="bo", look="a man with a beard", at="right", depth="fore"),
    "cy": Figure(id="cy", look="a child", at="centre", depth="back"),
}


def cast(*names: str, **values: Any) -> Composition:
    """A composition of some of `PEOPLE`."""
    return Composition(figures=tuple(PEOPLE[name] for name in names), **values)


def keyframe(*names: str, **values: Any) -> Keyframe:
    """Parameters of a small keyframe of some of `PEOPLE`."""
    given = {"prompt": "a lone rider crosses the salt flat", "negative": "blurry", "size": SMALL, "seed": 7}
    return Keyframe(**{**given, "composition": cast(*names), **values})


def worn(*names: str, scale: int = 1000) -> tuple[Adapter, ...]:
    """An adapter for each of some people, as `lora_NAME` among the inputs."""
    return tuple(Adapter(input=f"lora_{name}", figure=name, scale=scale, trigger=f"vj{name}") for name in names)


def reference(seed: int) -> bytes:
    """A reference picture, as PNG."""
    return picture(seed, (48, 64))


def adapter_file(state: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """A LoRA as a safetensors file."""
    return save({name: value.contiguous() for name, value in state.items()}, dict(metadata or {}))


def stored(data: bytes, name: str) -> InputRef:
    """A reference to these bytes: an adapter is the artifact of a training, a picture an upload."""
    if not name.startswith("lora"):
        return jobs.upload(data, "png")
    sha = hashlib.sha256(data).hexdigest()
    key = keys.artifact_key(sha, "0" * 24, "lora.safetensors")
    return InputRef(key=key, identity=f"fp:{sha}/lora.safetensors", sha256=sha, size=len(data))


def faces(root: Path) -> None:
    """Put the real weights of the face detector among the sets below `root`."""
    (root / "mediapipe-faces").mkdir()
    shutil.copy(detector_weights(), root / "mediapipe-faces/face_detection_full_range.tflite")


class Desk:
    """A worker with one keyframe engine, kept between jobs as a real one is, and the store it works on."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.bench = Bench(folder, builtin()[engine])

    def request(self, params: Keyframe, inputs: Mapping[str, bytes] | None = None, **changes: Any) -> JobRequest:
        """A signed request whose inputs lie in the store."""
        found = {name: stored(data, name) for name, data in (inputs or {}).items()}
        for name, ref in found.items():
            (self.bench.root / ref.key).parent.mkdir(parents=True, exist_ok=True)
            (self.bench.root / ref.key).write_bytes((inputs or {})[name])
        changes = {"tier": params.tier, "deadline_s": 300, "expires_at": 10**13 * 4, **changes}
        outputs = {"image.png": "image/png"}
        return jobs.request(params, manifest=self.bench.manifest, inputs=found, outputs=outputs, **changes)

    def run(
        self,
        params: Keyframe,
        inputs: Mapping[str, bytes] | None = None,
        *,
        stop: Stop | None = None,
        report: Report | None = None,
        **changes: Any,
    ) -> JobResult:
        """Run one job to its result."""
        return execute(self.request(params, inputs, **changes), self.bench.host, stop=stop, report=report)

    def picture(self, result: JobResult) -> NDArray[np.uint8]:
        """The picture of a result that is done: R'G'B' (rows, columns, 3)."""
        assert result.error is None, result.error
        data = (self.bench.root / result.outputs["image.png"].key).read_bytes()
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def make(self, params: Keyframe, inputs: Mapping[str, bytes] | None = None) -> NDArray[np.uint8]:
        """Run one job and read its picture."""
        return self.picture(self.run(params, inputs))
