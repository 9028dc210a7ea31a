"""The engine `lipsync-musetalk`: mouths follow their lines, streamed from decoder to encoder."""

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor

from functions.contract.errors import ContractError, OutputRefused
from functions.contract.job import Note
from functions.contract.manifest import EngineManifest
from functions.contract.params import Lipsync
from functions.lipsync import networks
from functions.lipsync.features import Hearing
from functions.lipsync.measure import Sync, sharpness
from functions.lipsync.networks import BATCH, SMALL_BATCH, Mouths
from functions.lipsync.patch import blended, shown
from functions.lipsync.speech import Spoken, lines
from functions.lipsync.stages import Mouth, Preparation, Seen, Todo
from functions.media.ahead import Ahead
from functions.media.encoders import choose
from functions.media.frames import Frames, Packed
from functions.media.source import Clip, input_clip
from functions.media.writer import ClipWriter
from functions.models import offline
from functions.models.device import detect
from functions.models.faces import FaceDetector
from functions.models.mesh import FaceMesh
from functions.models.patches import colours, laid
from functions.models.plan import Plan, make_plan
from functions.models.record import measured_memory, provenance
from functions.models.replan import run_planned
from functions.models.snapshots import Snapshots
from functions.models.staging import Stages
from functions.models.tracks import DETECTOR, MESH, face_mesh, face_models
from functions.runtime.engine import Job, Outcome

SETS = (networks.UNET, networks.VAE, networks.WHISPER, DETECTOR, MESH)
AHEAD = 16
"""Pictures that are decoded, and that are prepared, before they are wanted."""
HELD = 64
"""Pictures that wait for a batch at most."""
FEW = 0.5
"""Share of the spoken frames below which it is said that a face was missing."""
WHY = {
    "no_face": "no face was seen",
    "face_small": "the face was smaller than 64 pixels",
    "face_turned": "the face was turned away by more than 60 degrees",
    "face_cut": "the face lay over the picture's edge",
}


@dataclass
class Made:
    """What came of one attempt."""

    seen: Seen
    notes: list[Note]
    waited: float
    encoder: str
    syncs: dict[str, Sync] = field(default_factory=dict)


class LipsyncMuseTalk:
    """Step kind `lipsync`. Networks and face models stay loaded between jobs."""

    def __init__(self, manifest: EngineManifest) -> None:
        offline.enforce()
        self.manifest = manifest
        self.device = detect()
        self.where = torch.device(self.device.torch_device)
        self.dtype = torch.float16 if self.device.vram_bytes else torch.float32
        self.stages = Stages(self.device)
        self.snapshots = Snapshots.from_environment()
        torch.backends.cudnn.benchmark = True

    def run(self, job: Job) -> Outcome:
        """Make `clip.mp4` with the clip's frames, rate and sound. Frames in which nobody speaks or no face can be used
        pass as they are; where that is all of them, the result is degraded.

        Raises `ContractError` for another kind, `InputError` for a clip or a line that cannot be read, `EngineError`
        for weights that are missing or altered, `OutputRefused` for faces that are not numbers, `OutOfMemory` after one
        replay, `DiskFull`.
        """
        params = job.params
        if not isinstance(params, Lipsync):
            raise ContractError(
                f"{self.manifest.title} moves mouths, it makes no '{params.kind}'; choose another engine"
            )
        clip, spoken = input_clip(job), lines(job, params)
        with self.stages.guard(), measured_memory() as memory:
            parts = self.parts()
            device = self.device
            sizes = [model.size for model in parts.models]
            plan = make_plan(sizes, device.vram_bytes, device.ram_bytes, device.pinnable_bytes, "bf16")
            (made, followed), replayed = run_planned(
                plan, lambda p: (self._attempt(job, params, clip, spoken, parts, p), p)
            )
        random = self.snapshots.random(networks.UNET)
        told = provenance(device, followed, self.snapshots, SETS)
        return Outcome(
            notes=[
                *clip.notes,
                *made.notes,
                *replayed,
                *_lengths(clip, spoken),
                *_partly(made.seen),
                *self._synced(made, clip),
            ],
            degraded=_degraded(made.seen, spoken),
            provenance=told.model_copy(update={"plan": f"{told.plan}; {made.encoder}"}),
            encode_s=round(made.waited, 3),
            random=random,
            peak_vram_bytes=memory.peak_bytes,
        )

    def parts(self) -> networks.Parts:
        """The networks. Raises `EngineError`."""
        return networks.parts(self.snapshots, self.device, self.dtype)

    @functools.cached_property
    def faces(self) -> tuple[FaceDetector, FaceMesh, FaceMesh]:
        """The detector and the mesh of the preparing thread, the mesh of the measuring one. Raises `EngineError`."""
        return *face_models(self.snapshots), face_mesh(self.snapshots)

    def _attempt(
        self, job: Job, params: Lipsync, clip: Clip, spoken: list[Spoken], parts: networks.Parts, plan: Plan
    ) -> Made:
        self.stages.follow(plan)
        batch = SMALL_BATCH if plan.tiling else BATCH
        detector, mesh, watching = self.faces
        frames, encoder = Frames(clip), choose(params.tier, gpu=self.where.type == "cuda")
        todo = Preparation(clip, spoken, detector, mesh)
        tick = functools.partial(job.progress, "speak")
        with (
            self.stages.use(parts.unet) as unet,
            self.stages.use(parts.vae) as vae,
            self.stages.use(parts.whisper) as whisper,
            Ahead(iter(frames), AHEAD) as pictures,
            Ahead(todo.of(pictures), AHEAD, lambda: tick(0, clip.frames)) as prepared,
            ClipWriter(job.output("clip.mp4"), clip.size, clip.rate, clip.frames, encoder, clip) as out,
        ):
            extract = networks.extractor(self.snapshots.folder(networks.WHISPER))
            hearing = Hearing(whisper, extract, self.where, self.dtype)
            with Speaker(Mouths(unet, vae), hearing, self.where, clip, watching) as speaker:
                for picture in speaker.run(prepared, batch):
                    out.write(picture)
                    tick(out.frames, clip.frames)
        notes = frames.damage.notes(clip.what)
        return Made(todo.seen, notes, out.waited, encoder.summary, speaker.syncs)

    def _synced(self, made: Made, clip: Clip) -> Iterator[Note]:
        for figure, sync in sorted(made.syncs.items()):
            yield from sync.notes(figure, clip.step)


class Speaker:
    """Moves the mouths of prepared pictures, several at a time, and measures what came of it."""

    def __init__(self, mouths: Mouths, hearing: Hearing, where: torch.device, clip: Clip, mesh: FaceMesh) -> None:
        self._mouths, self._hearing, self._where, self._clip = mouths, hearing, where, clip
        self._mesh, self.syncs = mesh, dict[str, Sync]()
        self._watcher = ThreadPoolExecutor(1, thread_name_prefix="watch")
        self._watching: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._watcher.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for watched in self._watching:
                watched.result()

    def run(self, prepared: Iterable[Todo], batch: int) -> Iterator[Packed]:
        """Pictures in order, those with no mouth to move as they came."""
        waiting: list[Todo] = []
        count = 0
        for todo in prepared:
            waiting.append(todo)
            count += len(todo.mouths)
            if count >= batch or len(waiting) >= HELD or not count:
                yield from self._spoken(waiting)
                waiting, count = [], 0
        yield from self._spoken(waiting)

    def _spoken(self, waiting: Sequence[Todo]) -> Iterator[Packed]:
        mouths = [mouth for todo in waiting for mouth in todo.mouths]
        made = iter(self._made(mouths) if mouths else ())
        for todo in waiting:
            picture = todo.picture.copy() if todo.mouths else todo.picture
            for mouth in todo.mouths:
                laid(picture, mouth.face.box, next(made))
            yield picture
            for mouth in todo.mouths:
                self._watch(mouth, todo.picture, picture)

    @torch.inference_mode()
    def _made(self, mouths: Sequence[Mouth]) -> list[Packed]:
        parts = [torch.from_numpy(mouth.part).to(self._where) for mouth in mouths]
        faces = torch.stack([shown(part) for part in parts])
        heard = torch.stack([self._hearing.at(mouth.line, mouth.moment) for mouth in mouths])
        made = self._mouths.spoken(faces, heard)
        if not torch.isfinite(made).all():
            raise OutputRefused("the faces that were made hold values that are not numbers: submit the step again")
        return [self._blended(part, face, mouth) for part, face, mouth in zip(parts, made, mouths, strict=True)]

    def _blended(self, part: Tensor, face: Tensor, mouth: Mouth) -> Packed:
        mask = torch.from_numpy(mouth.face.mask).to(self._where) * mouth.weight
        return np.asarray(blended(part, face, mask).cpu().numpy(), np.uint8)

    def _watch(self, mouth: Mouth, before: Packed, after: Packed) -> None:
        """Measure a mouth beside the next batch."""
        sync = self.syncs.setdefault(mouth.line.figure, Sync())
        if mouth.weight < 1 or sync.full:
            return
        while len(self._watching) >= HELD:
            self._watching.popleft().result()
        self._watching.append(self._watcher.submit(self._measure, sync, mouth, before, after))

    def _measure(self, sync: Sync, mouth: Mouth, before: Packed, after: Packed) -> None:
        given, made = colours(before), colours(after)
        sync.add(mouth.line.energy(mouth.moment, self._clip.step), self._mesh.find(made, mouth.mesh.look))
        sync.sharpness.append((sharpness(made, mouth.mesh), sharpness(given, mouth.mesh)))


def _degraded(seen: Seen, spoken: Sequence[Spoken]) -> list[Note]:
    """Why no mouth moved at all, where none did."""
    if sum(seen.moved.values()):
        return []
    if all(line.begins == line.ends for line in spoken):
        return [Note(code="no_speech", detail="The lines are silent: the clip passed through as it was.")]
    if not sum(seen.wanted.values()):
        return [Note(code="no_speech", detail="No line is heard while the clip lasts: it passed through as it was.")]
    code = seen.let_be.most_common(1)[0][0]
    return [Note(code=code, detail=f"No mouth was moved, since {WHY[code]}; the clip passed through as it was.")]


def _partly(seen: Seen) -> list[Note]:
    """Figures whose face could not be used much of the time."""
    found = []
    for figure, wanted in sorted(seen.wanted.items()):
        share = seen.moved[figure] / wanted
        if 0 < share < FEW:
            detail = f"The mouth of {figure} moved in {100 * share:.0f} % of the frames in which it speaks."
            found.append(Note(code="faces_missing", detail=detail, value=round(share, 3)))
    return found


def _lengths(clip: Clip, spoken: Sequence[Spoken]) -> list[Note]:
    """Lines that go on when the clip is over."""
    end = clip.frames * clip.step
    late = max((float(line.ends - end) for line in spoken), default=0.0)
    if late <= float(clip.step):
        return []
    return [Note(code="line_cut", detail=f"A line goes on {late:.2f} s after the clip's end.", value=round(late, 3))]
