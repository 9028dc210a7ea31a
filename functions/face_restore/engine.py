"""The engine `face-restore-gfpgan`: the faces of a clip restored, streamed from decoder to encoder."""

import functools
import time
from collections.abc import Iterator
from importlib import metadata
from typing import Final

import torch

from functions.contract.errors import ContractError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.params import FaceRestore
from functions.face_restore.network import Network, load
from functions.face_restore.restorer import Restorer, first
from functions.face_restore.stages import Preparation, Seen
from functions.media.ahead import Ahead
from functions.media.encoders import choose
from functions.media.frames import Frames
from functions.media.source import Clip, input_clip
from functions.media.writer import ClipWriter
from functions.models import offline
from functions.models.device import detect
from functions.models.faces import FaceDetector
from functions.models.mesh import FaceMesh
from functions.models.record import measured_memory
from functions.models.residency import Residency
from functions.models.snapshots import Snapshots
from functions.models.tracks import DETECTOR, MESH, Tracker, face_models
from functions.runtime.engine import Job, Outcome

WEIGHTS = "gfpgan-1.4"
SETS: Final = (WEIGHTS, DETECTOR, MESH)
QUALITY: Final = "final"
"""Of the encoder: what was restored is not to be lost again."""
AHEAD = 16
"""Pictures that are decoded, and that are prepared, before they are wanted."""
LIBRARIES = ("av", "spandrel", "torch")
WHY = {
    "no_face": "no face was seen",
    "face_small": "every face was narrower than 32 pixels",
    "face_turned": "the face was turned away by more than 60 degrees",
    "face_cut": "more than half of the face lay outside of the picture",
    "face_large": "the face was larger than the network makes it",
    "no_strength": "a strength of 0 was asked for",
}


class FaceRestorer:
    """Step kind `face_restore`. Keeps the network, and how many faces fit at once, between jobs."""

    def __init__(self, manifest: EngineManifest) -> None:
        offline.enforce()
        self.manifest = manifest
        self.device = detect()
        self.where = torch.device(self.device.torch_device)
        self.snapshots = Snapshots.from_environment()
        self.networks = Residency(self.device.vram_bytes // 2 or self.device.ram_bytes // 4)
        self.batch = first(self.device)
        torch.backends.cudnn.benchmark = True

    def run(self, job: Job) -> Outcome:
        """Make `clip.mp4` with the clip's frames, rate, size and sound. What lies outside of the faces keeps its code
        values until it is encoded; frames without a face that can be restored pass as they are.

        Raises `ContractError` for another kind, `InputError` for a clip that cannot be read, `EngineError` for weights
        that are missing, altered or restore nothing, `OutputRefused` for faces that are not numbers, `OutOfMemory`
        where a single face does not fit, `DiskFull`.
        """
        params = job.params
        if not isinstance(params, FaceRestore):
            raise ContractError(
                f"{self.manifest.title} restores faces, it makes no '{params.kind}'; choose another engine"
            )
        clip = input_clip(job)
        with self.networks.guard(), measured_memory() as memory:
            begun = time.monotonic()
            network = self.network()
            loaded = time.monotonic() - begun
            made = self._made(job, params, clip, network)
        made.load_s, made.peak_vram_bytes = loaded, memory.peak_bytes
        return made

    def network(self) -> Network:
        """The network, loaded at first use. Raises `EngineError`."""
        folder = self.snapshots.folder(WEIGHTS)
        nbytes = 2 * sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        return self.networks.get(WEIGHTS, nbytes, functools.partial(load, folder, self.where))

    @functools.cached_property
    def faces(self) -> tuple[FaceDetector, FaceMesh]:
        """What finds and follows faces. Raises `EngineError`."""
        return face_models(self.snapshots)

    def _made(self, job: Job, params: FaceRestore, clip: Clip, network: Network) -> Outcome:
        frames, encoder = Frames(clip), choose(QUALITY, gpu=self.where.type == "cuda")
        todo = Preparation(clip.size, params.strength / 1000, Tracker(*self.faces))
        restorer = Restorer(network, self.batch)
        tick = functools.partial(job.progress, "restore")
        with (
            Ahead(iter(frames), AHEAD) as pictures,
            Ahead(todo.of(pictures), AHEAD, lambda: tick(0, clip.frames)) as prepared,
            ClipWriter(job.output("clip.mp4"), clip.size, clip.rate, clip.frames, encoder, clip) as out,
        ):
            tick(0, clip.frames)
            for picture in restorer.run(prepared):
                out.write(picture)
                tick(out.frames, clip.frames)
        self.batch = restorer.batch
        return Outcome(
            notes=[*clip.notes, *frames.damage.notes(clip.what), *restorer.notes, *_told(todo.seen, params)],
            provenance=self._provenance(network, encoder.summary),
            encode_s=round(out.waited, 3),
            random=self.snapshots.random(WEIGHTS),
        )

    def _provenance(self, network: Network, encoder: str) -> Provenance:
        return Provenance(
            engine_version=self.manifest.version,
            weights={name: self.snapshots.digest(name) for name in SETS},
            gpu=self.device.name,
            plan=f"{network.architecture} in fp32, {self.batch} faces at once; {encoder}",
            libraries={name: metadata.version(name) for name in LIBRARIES},
        )


def _told(seen: Seen, params: FaceRestore) -> Iterator[Note]:
    """How much was restored, or why nothing was."""
    if not seen.faces:
        nothing = "no_strength" if not params.strength else "no_face"
        code = seen.let_be.most_common(1)[0][0] if seen.let_be else nothing
        yield Note(code=code, detail=f"No face was restored, since {WHY[code]}; the clip passed through as it was.")
        return
    share = seen.touched / seen.frames
    detail = f"{seen.faces} faces in {seen.touched} of {seen.frames} frames were restored."
    yield Note(code="faces_restored", detail=detail, value=round(share, 3))
