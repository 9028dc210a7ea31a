"""Trains an SDXL LoRA of one character."""

import hashlib
import json
from collections.abc import Sequence

import torch

from functions.contract.errors import ContractError, OutOfMemory
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.params import TrainLora
from functions.models import offline
from functions.models.device import detect
from functions.models.faces import FaceDetector
from functions.models.replan import out_of_memory
from functions.models.residency import empty_cache
from functions.models.sdxl import weights
from functions.models.snapshots import Snapshots
from functions.runtime.engine import Job, Outcome
from functions.train_lora import identity, lessons
from functions.train_lora.course import Course
from functions.train_lora.references import Reference, read_references
from functions.train_lora.studies import Models, studied
from functions.train_lora.training import Settings

offline.enforce()
FACES, FACE_FILE = "mediapipe-faces", "face_detection_full_range.tflite"
LIKENESS = "dinov2-small"
ROOMY = 40 * 10**9
"""Bytes of VRAM from which activations of a 1024-pixel step are kept instead of computed again. An estimate."""


class TrainLoraEngine:
    """See `functions.runtime.engine.Engine`. Nothing stays loaded between jobs: each begins with a pristine UNet."""

    def __init__(self, manifest: EngineManifest) -> None:
        self._manifest = manifest
        self._weights = Snapshots.from_environment()
        self._device = detect()
        self._dtype = torch.float32 if self._device.vram_bytes == 0 else torch.bfloat16

    def run(self, job: Job) -> Outcome:
        """Outputs `lora.safetensors` and `samples.png`. Raises `InputError`, `OutOfMemory`, `OutputRefused`."""
        params = job.params
        if not isinstance(params, TrainLora):
            raise ContractError(f"this engine trains LoRAs and makes no '{params.kind}'; choose another engine")
        job.progress("read")
        detector = FaceDetector(self._weights.folder(FACES) / FACE_FILE)
        references, notes = read_references(job.inputs, detector.find)
        steps = lessons.step_count(params.steps, len(references))
        if steps < params.steps:
            detail = f"{len(references)} pictures carry {steps} steps; more would teach them by heart"
            notes = (*notes, Note(code="fewer_steps", detail=detail, value=steps))
        roomy = self._device.vram_bytes == 0 or self._device.vram_bytes >= ROOMY
        own = Settings(steps, params.rank, params.resolution, params.seed, frugal=not roomy)
        return self._outcome([*notes, *self._trained(job, params, own, references, detector)])

    def _trained(
        self, job: Job, params: TrainLora, own: Settings, references: Sequence[Reference], detector: FaceDetector
    ) -> list[Note]:
        """Train; where memory does not suffice, once again with less."""
        try:
            return self._train(job, params, own, references, detector)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            said = str(error)
            if own.frugal:
                raise OutOfMemory(f"out of memory: {said}; use a larger device or a lower resolution") from error
        empty_cache()
        note = Note(code="replanned", detail=f"Out of memory ({said}): activations were computed again for gradients.")
        return [note, *self._trained(job, params, own.thriftier(), references, detector)]

    def _train(
        self, job: Job, params: TrainLora, own: Settings, references: Sequence[Reference], detector: FaceDetector
    ) -> list[Note]:
        job.progress("load")
        device = self._device.torch_device
        models = Models(
            weights.unet(self._weights.folder(weights.BASE), device, self._dtype),
            weights.vae(self._weights.folder(weights.VAE), device, torch.float32),
            identity.embedder(self._weights.folder(LIKENESS), device),
        )
        studies = studied(job, params, own, references, models, self._weights)
        course = Course(job, params, own, studies, models, detector, self._digest(params, references))
        course.run()
        return course.notes()

    def _outcome(self, notes: list[Note]) -> Outcome:
        sets = (weights.BASE, weights.VAE, weights.TOKENIZERS, LIKENESS, FACES)
        digests = {name: self._weights.digest(name) for name in sets}
        return Outcome(notes=notes, provenance=Provenance(weights=digests, gpu=self._device.name))

    def _digest(self, params: TrainLora, references: Sequence[Reference]) -> str:
        said = json.dumps([params.model_dump(mode="json"), self._weights.digest(weights.BASE)], sort_keys=True)
        sha = hashlib.sha256(said.encode())
        for reference in references:
            sha.update(reference.name.encode() + reference.pixels.tobytes())
        return sha.hexdigest()
