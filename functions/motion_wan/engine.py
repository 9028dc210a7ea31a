"""The engines `motion-wan` (Wan 2.2 I2V A14B, two experts) and `motion-wan-small` (Wan 2.2 TI2V 5B)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import diffusers
import torch
import transformers
from torch import Tensor

from functions.contract.errors import ContractError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.params import Motion
from functions.models import offline
from functions.models.adapters import read_lora
from functions.models.device import detect
from functions.models.noise import noise
from functions.models.plan import Plan, make_plan
from functions.models.replan import run_planned
from functions.models.snapshots import Snapshots
from functions.models.staging import Model, Stages
from functions.models.steps import Denoising
from functions.models.t5 import Texts, Tokens
from functions.models.video import Canvas, Keyframes, canvas, keyframes, to_model, write_clip
from functions.motion_wan import latents as lat
from functions.motion_wan.denoise import Denoiser, Prompts
from functions.motion_wan.models import Networks, Variant
from functions.motion_wan.recipes import Expert, Recipe, family, resolved
from functions.motion_wan.schedule import Schedule
from functions.runtime.engine import Job, Outcome


@dataclass(frozen=True)
class Work:
    """All that one job needs, found out before any model is loaded."""

    params: Motion
    recipe: Recipe
    made: Canvas
    pictures: Keyframes
    negative: str
    encoder: Model
    vae: Model
    experts: Mapping[Expert, Model]
    notes: tuple[Note, ...]

    @property
    def models(self) -> list[Model]:
        """Every model, in the order of the stages."""
        return [self.encoder, self.vae, *self.experts.values()]


class MotionWan:
    """Step kind `motion`. Keeps its models between jobs within the device's memory."""

    def __init__(self, manifest: EngineManifest) -> None:
        offline.enforce()
        self._manifest, self._family = manifest, family(manifest.name)
        self._device = detect()
        self._stages = Stages(self._device)
        self._networks = Networks(self._family, Snapshots.from_environment(), self._device)

    def run(self, job: Job) -> Outcome:
        """Make `clip.mp4`, and `last.png` where it is asked for.

        Raises `ContractError` for another kind, `InputError` for a picture, prompt, adapter or length that cannot be
        used, `EngineError` for weights that are missing or altered, `OutOfMemory` after one replay.
        """
        params = job.params
        if not isinstance(params, Motion):
            raise ContractError(f"{job.manifest.title} makes motion, not '{params.kind}'; choose another engine")
        with self._stages.guard():
            work = self._prepare(job, params)
            plan = self._plan(work)
            waited, replayed = run_planned(plan, lambda p: self._make(job, work, p))
        return Outcome(notes=[*work.notes, *replayed], provenance=self._provenance(), encode_s=waited)

    def _prepare(self, job: Job, params: Motion) -> Work:
        recipe = resolved(self._family.tier(params.tier), params)
        made = canvas(params, job.manifest)
        negative = params.negative or job.manifest.prompting.negative
        tokens = self._tokens(job.manifest)
        tokens.check(params.prompt, "prompt")
        tokens.check(negative, "negative prompt")
        pictures = keyframes(job, made)
        return Work(
            params=params,
            recipe=recipe,
            made=made,
            pictures=pictures,
            negative=negative,
            encoder=self._networks.encoder(tokens.limit),
            vae=self._networks.vae(made.size, made.frames),
            experts=self._experts(recipe, made),
            notes=(*made.notes, *pictures.notes, *_ignored(params, recipe, job.manifest)),
        )

    def _tokens(self, manifest: EngineManifest) -> Tokens:
        return Tokens.of(self._networks.folder / "tokenizer", manifest.prompting.tokens)

    def _experts(self, recipe: Recipe, made: Canvas) -> dict[Expert, Model]:
        names: tuple[Expert, ...] = ("high",) if self._networks.single else ("high", "low")
        return {
            name: self._networks.expert(name, made.size, made.frames, self._variant(recipe, name), recipe.distilled)
            for name in names
        }

    def _variant(self, recipe: Recipe, expert: Expert) -> Variant:
        distilled = recipe.distilled
        if distilled is None or distilled.form != "adapters":
            return Variant("published")
        path = self._networks.whole(distilled, expert)
        strength = distilled.strength[expert == "low"]
        lora = read_lora(path, self._networks.shapes(expert))
        return Variant(f"{distilled.weights}/{path.name}*{strength}", ((lora, strength),))

    def _plan(self, work: Work) -> Plan:
        device = self._device
        sizes = [model.size for model in work.models]
        return make_plan(sizes, device.vram_bytes, device.ram_bytes, device.pinnable_bytes, "bf16")

    def _make(self, job: Job, work: Work, plan: Plan) -> float:
        self._stages.follow(plan)
        prompts = self._prompts(job, work)
        with self._stages.use(work.vae) as vae:
            condition = self._condition(vae, work)
            shape = lat.shape(vae, work.made.frames, work.made.size.height, work.made.size.width)
        schedule = Schedule(work.recipe, self._device.torch_device)
        progress = Denoising(job, len(schedule.steps))
        progress.begin()
        start = noise(shape, work.params.seed, "initial").to(self._device.torch_device)
        clean = Denoiser(self._uses(work), schedule, condition, prompts, progress.done).run(start)
        with self._stages.use(work.vae) as vae, torch.no_grad():
            return write_clip(job, work.params, lat.decode(vae, clean), shape[2])

    def _uses(self, work: Work) -> dict[Expert, Callable[[], AbstractContextManager[torch.nn.Module]]]:
        def use(model: Model) -> Callable[[], AbstractContextManager[torch.nn.Module]]:
            return lambda: self._stages.use(model)

        return {name: use(model) for name, model in work.experts.items()}

    def _prompts(self, job: Job, work: Work) -> Prompts:
        job.progress("text", 0, 1)
        texts = [work.params.prompt, *([work.negative] if work.recipe.guided else [])]
        cache = Texts(job.cache, f"{self._networks.digest}/{self._networks.dtype}", self._tokens(job.manifest))
        with self._stages.use(work.encoder) as encoder:
            found = cache.encode(texts, lambda: encoder)
        # Wan was trained with rows of zeros behind the text, not with the encoder's padding.
        states = [(t.states * t.mask[..., None]).to(self._device.torch_device, self._networks.dtype) for t in found]
        return Prompts(*states)

    @torch.no_grad()
    def _condition(self, vae: diffusers.AutoencoderKLWan, work: Work) -> lat.Condition:
        first = to_model(work.pictures.first).to(self._device.torch_device)
        if self._networks.single:
            size = work.made.size
            return lat.replacing_condition(vae, first, lat.shape(vae, work.made.frames, size.height, size.width))
        last: Tensor | None = None
        if work.pictures.last is not None:
            last = to_model(work.pictures.last).to(self._device.torch_device)
        return lat.joined_condition(vae, first, last, work.made.frames)

    def _provenance(self) -> Provenance:
        libraries = {"torch": torch.__version__, "diffusers": diffusers.__version__}
        return Provenance(
            engine_version=self._manifest.version,
            weights={self._family.weights: self._networks.digest},
            gpu=self._device.name,
            attention=self._device.attention,
            libraries={**libraries, "transformers": transformers.__version__},
        )


def _ignored(params: Motion, recipe: Recipe, manifest: EngineManifest) -> list[Note]:
    """A note where a person's negative prompt has no effect."""
    if recipe.guided or params.negative in ("", manifest.prompting.negative):
        return []
    return [
        Note(
            code="negative_ignored",
            detail=f"the {params.tier} tier runs without guidance: the negative prompt has "
            "no effect; choose another tier to use it",
        )
    ]
