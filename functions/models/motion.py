"""The frame of every engine that moves a keyframe: prepare without a model, plan, make with one replay, report."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

import torch

from functions.contract.errors import ContractError, EngineError, OutOfMemory
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.params import Motion
from functions.models import offline
from functions.models.device import detect
from functions.models.plan import Numerics, Plan, make_plan
from functions.models.replan import run_planned
from functions.models.snapshots import Snapshots
from functions.models.staging import Model, Stages
from functions.models.t5 import Text, Texts, Tokens
from functions.runtime.engine import Job, Outcome

LIBRARIES = ("torch", "diffusers", "transformers")


class Prepared(Protocol):
    """What a job needs, found out before any model is loaded."""

    @property
    def models(self) -> Sequence[Model]:
        """Every model of the job."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the person should know."""
        ...

    @property
    def weights(self) -> tuple[str, ...]:
        """The weight sets that the job uses."""
        ...


W = TypeVar("W", bound=Prepared)


@dataclass(frozen=True)
class Made:
    """What came of making a clip: seconds that encoding took longer than decoding, and notes."""

    waited_s: float
    notes: tuple[Note, ...] = ()


class MotionEngine(ABC, Generic[W]):
    """Step kind `motion`. Keeps its models between jobs within the device's memory."""

    def __init__(self, manifest: EngineManifest) -> None:
        offline.enforce()
        self.manifest = manifest
        self.device = detect()
        self.where = torch.device(self.device.torch_device)
        self.dtype = torch.bfloat16 if self.device.vram_bytes else torch.float32
        self.stages = Stages(self.device)
        torch.backends.cudnn.benchmark = True
        self.snapshots = Snapshots.from_environment()

    @abstractmethod
    def prepare(self, job: Job, params: Motion) -> W:
        """Find out all that the job needs; refuse here what can be refused. Loads no model."""

    @abstractmethod
    def make(self, job: Job, work: W) -> Made:
        """Write the outputs with the models where the current plan places them."""

    def run(self, job: Job) -> Outcome:
        """Make `clip.mp4`, and `last.png` where it is asked for.

        Raises `ContractError` for another kind, `InputError` for a picture, prompt, adapter or length that cannot be
        used, `EngineError` for weights that are missing or altered or numerics that the device has not, `OutputRefused`
        for latents that are proven wrong, `OutOfMemory` after one replay.
        """
        params = job.params
        if not isinstance(params, Motion):
            raise ContractError(f"{self.manifest.title} makes motion, not '{params.kind}'; choose another engine")
        if self.where.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with self.stages.guard():
            work = self.prepare(job, params)
            plan, planned = self._plan(work, params)
            (made, followed), replayed = run_planned(plan, lambda p: (self._attempt(job, work, p), p))
        notes = [*work.notes, *planned, *replayed, *made.notes]
        peak = torch.cuda.max_memory_allocated() if self.where.type == "cuda" else None
        random = any(self.snapshots.random(name) for name in work.weights)
        return Outcome(
            notes=notes,
            provenance=self._provenance(work, followed),
            encode_s=made.waited_s,
            random=random,
            peak_vram_bytes=peak,
        )

    def _attempt(self, job: Job, work: W, plan: Plan) -> Made:
        self.stages.follow(plan)
        return self.make(job, work)

    def _plan(self, work: W, params: Motion) -> tuple[Plan, list[Note]]:
        """The plan in the tier's numerics; where the person leaves them open, another class with a note."""
        wanted = self._numerics(params)
        able = self.device.fp8 or wanted == "bf16"
        if able:
            try:
                return self._planned(work, wanted), []
            except OutOfMemory:
                if params.numerics != "any":
                    raise
        elif params.numerics != "any":
            raise EngineError(f"8-bit numerics were asked for and {self.device.name} has none; ask for bf16 or any")
        plan = self._planned(work, "any" if able else "bf16")
        detail = f"the {params.tier} tier is {wanted} by its recipe and was made in {plan.precision} here"
        return plan, [Note(code="numerics", detail=detail, value=plan.precision)]

    def _planned(self, work: W, numerics: Numerics) -> Plan:
        device = self.device
        sizes = [model.size for model in work.models]
        return make_plan(sizes, device.vram_bytes, device.ram_bytes, device.pinnable_bytes, numerics)

    def _numerics(self, params: Motion) -> Literal["bf16", "8bit"]:
        asked = params.numerics if params.numerics != "any" else self.manifest.tiers[params.tier].numerics
        return "8bit" if asked == "8bit" else "bf16"

    def tokens(self, folder: Path, *, masked: bool = True) -> Tokens:
        """The tokenizer of the engine's text encoder, and its limit; `masked`: padding is not attended to."""
        return _tokens(folder, self.manifest.prompting.tokens, masked)

    def texts(self, job: Job, texts: Sequence[str], tokens: Tokens, digest: str, encoder: Model) -> list[Text]:
        """The texts encoded, on the device; the encoder is alone there, and only where a text is not known yet."""
        job.progress("text", 0, 1)
        kept = Texts(job.cache, f"{digest}/{self.dtype}", tokens)
        if missing := kept.missing(texts):
            with self.stages.use(encoder) as module:
                kept.encode(missing, module)
        return [kept.get(text).on(self.where, self.dtype) for text in texts]

    def _provenance(self, work: W, plan: Plan) -> Provenance:
        return Provenance(
            engine_version=self.manifest.version,
            weights={name: self.snapshots.digest(name) for name in work.weights},
            gpu=self.device.name,
            attention=self.device.attention,
            plan=f"{plan.why}; {str(self.dtype).removeprefix('torch.')}",
            libraries={name: metadata.version(name) for name in LIBRARIES},
        )


@functools.cache
def _tokens(folder: Path, limit: int, masked: bool) -> Tokens:
    return Tokens.of(folder, limit, masked)


def negative_ignored(params: Motion, manifest: EngineManifest) -> list[Note]:
    """A note where a tier without guidance is given a person's own negative prompt."""
    if params.negative in ("", manifest.prompting.negative):
        return []
    detail = f"the {params.tier} tier has no guidance, so the negative prompt has no effect; choose another tier for it"
    return [Note(code="negative_ignored", detail=detail)]
