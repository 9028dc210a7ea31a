"""The engine `speech-enhance-resemble`: resemble-enhance where a voice is, plain filters elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import OutputRefused
from functions.contract.job import Note
from functions.contract.manifest import EngineManifest
from functions.models import offline
from functions.models.device import detect
from functions.models.noise import noise
from functions.models.plan import ModelSize, Plan, make_plan
from functions.models.record import measured_memory, provenance
from functions.models.replan import run_planned
from functions.models.snapshots import Snapshots
from functions.models.staging import Model, Stages, stored_bytes
from functions.runtime.engine import Job, Outcome
from functions.speech_enhance import weights
from functions.speech_enhance.hearing import agreement
from functions.speech_enhance.likeness import Likeness, compared
from functions.speech_enhance.network import LONGEST_S, SHORTER_S, Asked, Enhancer
from functions.speech_enhance.pieces import CONTEXT, Piece, pieces, put
from functions.speech_enhance.spectrum import RATE, Resampler
from functions.speech_enhance.work import Work, filtered, finished, heard, measured

WORKING = 150_000_000
"""Bytes that the network works in for each second of a piece: its last block's windows, six copies of them."""
FLOAT = 4


@dataclass(frozen=True)
class Converters:
    """To the network's rate and back, on the CPU: a GPU convolves in TF32, whose error would be heard."""

    down: Resampler
    up: Resampler


class SpeechRestore:
    """Step kind `speech_enhance`. The network stays loaded between jobs."""

    def __init__(self, manifest: EngineManifest) -> None:
        offline.enforce()
        self.manifest = manifest
        self.device = detect()
        self.where = torch.device(self.device.torch_device)
        self.stages = Stages(self.device)
        self.snapshots = Snapshots.from_environment()
        self.converters = Converters(Resampler(SAMPLE_RATE, RATE), Resampler(RATE, SAMPLE_RATE))

    def run(self, job: Job) -> Outcome:
        """Make `line.wav`. Where no words are heard no network is loaded.

        Raises `ContractError` for another kind, `InputError` for a sound or a strength that cannot be used,
        `EngineError` for weights that are missing or altered, `OutputRefused` for sound that is not numbers,
        `OutOfMemory` after one replay, `DiskFull`.
        """
        with self.stages.guard(), measured_memory() as memory, heard(job, self.manifest.title) as work:
            outcome = self._made(job, work) if work.spans else self._plain(job, work)
        outcome.peak_vram_bytes = memory.peak_bytes
        return outcome

    def _plain(self, job: Job, work: Work) -> Outcome:
        filtered(job, work, 0.0)
        outcome = finished(job, work)
        outcome.notes.append(
            Note(code="no_speech", detail="No words were heard: the sound was filtered, not restored.")
        )
        return outcome

    def _made(self, job: Job, work: Work) -> Outcome:
        model = self.model()
        device = self.device
        plan = make_plan([model.size], device.vram_bytes, device.ram_bytes, device.pinnable_bytes, "bf16")
        followed, replayed = run_planned(plan, lambda p: self._attempt(job, work, model, p))
        alike = self._likeness(work)
        random = self.snapshots.random(weights.WEIGHTS)
        degraded = self._refused(job, work, alike, random)
        outcome = finished(job, work)
        outcome.notes += [*replayed, *_told(alike, random)]
        outcome.degraded += degraded
        outcome.random = random
        outcome.provenance = provenance(device, followed, self.snapshots, [weights.WEIGHTS])
        return outcome

    def model(self) -> Model:
        """The network, with what it takes to work on a piece."""
        folder = self.snapshots.folder(weights.WEIGHTS)
        size = ModelSize(
            "network",
            stored_bytes([folder / weights.FILE], FLOAT),
            LONGEST_S * WORKING,
            tiled_bytes=SHORTER_S * WORKING,
        )
        key = (self.snapshots.digest(weights.WEIGHTS), "network")
        return Model(key, size, lambda where: weights.load(folder, where))

    def _attempt(self, job: Job, work: Work, model: Model, plan: Plan) -> Plan:
        filtered(job, work, work.strength)
        self.stages.follow(plan)
        with self.stages.use(model) as network, torch.inference_mode():
            parts = pieces(work.spans, work.recording.levels.powers, network.longest_s * SAMPLE_RATE)
            for number, part in enumerate(parts):
                put(work.made, part, self.restored(job, work, network, part, (number, len(parts))))
        return plan

    def restored(
        self, job: Job, work: Work, network: Enhancer, part: Piece, place: tuple[int, int]
    ) -> NDArray[np.float32]:
        """A piece as the network makes it, mono at 48 kHz, of the piece's own length."""
        number, count = place
        begin, end = part.start - CONTEXT, part.end + CONTEXT
        sound = work.recording.sound.read(begin, end - begin).mean(axis=1)
        given = self.converters.down(torch.from_numpy(sound)[None]).to(self.where)
        job.progress("restore", number * work.params.steps, count * work.params.steps)

        def after(done: int, steps: int) -> None:
            job.progress("restore", number * steps + done, count * steps)

        made = self.passed(network, given, work, number, after)
        if not torch.isfinite(made).all():
            raise OutputRefused(
                f"the restored speech holds values that are not numbers in piece {number + 1} of {count}"
            )
        back = self.converters.up(made.cpu())[0, CONTEXT : CONTEXT + part.end - part.start]
        return np.asarray(back.numpy(), np.float32)

    def passed(
        self, network: Enhancer, given: Tensor, work: Work, number: int, after: Callable[[int, int], None]
    ) -> Tensor:
        """(1, samples) at 44.1 kHz through the network; `number` of the piece seeds its noise."""
        if work.params.mode == "denoise":
            after(1, 1)
            return work.strength * network.denoised(given) + (1 - work.strength) * given

        def drawn(shape: Sequence[int], purpose: str) -> Tensor:
            return noise(shape, work.params.seed, f"speech-{purpose}", number)

        return network.enhanced(given, Asked(work.strength, work.params.steps), drawn, after)

    def _likeness(self, work: Work) -> Likeness:
        again = work.made.speech(measured(work.made).peak)
        return compared(work.recording.sound, work.made, work.spans, agreement(work.probability, again))

    def _refused(self, job: Job, work: Work, alike: Likeness, random: bool) -> list[Note]:
        """Where what was restored is not what was said, the plain filters' sound stands in for it."""
        if not alike.fault or random:
            return []
        filtered(job, work, work.strength)
        detail = f"The restored speech was not used: {alike.fault}. The line was filtered only."
        return [Note(code="speech_changed", detail=detail)]


def _told(alike: Likeness, random: bool) -> list[Note]:
    detail = (
        f"Envelopes correlate by {alike.correlation:.2f}, {100 * alike.agreement:.0f} % of the speech detector agrees."
    )
    notes = [Note(code="likeness", detail=detail, value=round(alike.correlation, 3))]
    if random and alike.fault:
        notes.append(Note(code="not_enforced", detail=f"random weights made it: {alike.fault}"))
    return notes
