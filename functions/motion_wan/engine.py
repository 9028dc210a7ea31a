"""The engines `motion-wan` (Wan 2.2 I2V A14B, two experts) and `motion-wan-small` (Wan 2.2 TI2V 5B)."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from functions.contract.job import Note
from functions.contract.manifest import EngineManifest
from functions.contract.params import Motion
from functions.models.adapters import read_lora
from functions.models.clip import write_clip
from functions.models.motion import Made, MotionEngine, negative_ignored
from functions.models.noise import noise
from functions.models.preview import LinearPreview
from functions.models.staging import Model
from functions.models.steps import Denoising
from functions.models.video import Canvas, Keyframes, canvas, keyframes, to_model
from functions.motion_wan import latents as lat
from functions.motion_wan.adapters import Variant, own
from functions.motion_wan.colour import ColourLead
from functions.motion_wan.denoise import Denoiser, Prompts
from functions.motion_wan.models import Networks
from functions.motion_wan.recipes import Expert, Recipe, family, resolved
from functions.motion_wan.schedule import Schedule
from functions.runtime.engine import Job

EXPERTS: tuple[Expert, ...] = ("high", "low")
DRIFT = 2.0
"""Codes of 255 from which a shift of colour is said."""


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
    weights: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def models(self) -> list[Model]:
        """Every model, in the order of the stages."""
        return [self.encoder, self.vae, *self.experts.values()]


class MotionWan(MotionEngine[Work]):
    """Step kind `motion`, with one expert or two."""

    def __init__(self, manifest: EngineManifest) -> None:
        super().__init__(manifest)
        self._family = family(manifest.name)
        self._networks = self.networks()

    def networks(self) -> Networks:
        """The models of this engine."""
        return Networks(self._family, self.snapshots, self.device, self.dtype)

    def prepare(self, job: Job, params: Motion) -> Work:
        """See `MotionEngine.prepare`."""
        recipe = resolved(self._family.tier(params.tier), params)
        made = canvas(params, self.manifest)
        negative = params.negative or self.manifest.prompting.negative
        tokens = self.tokens(self._networks.folder / "tokenizer")
        tokens.check(params.prompt, "the prompt")
        tokens.check(negative, "the negative prompt")
        pictures = keyframes(job, made)
        ignored = [] if recipe.guided else negative_ignored(params, self.manifest)
        distilled = (recipe.distilled.weights,) if recipe.distilled else ()
        return Work(
            params=params,
            recipe=recipe,
            made=made,
            pictures=pictures,
            negative=negative,
            encoder=self._networks.encoder(tokens.limit),
            vae=self._networks.vae(made.size, made.frames, recipe.vae),
            experts=self._experts(job, params, recipe, made),
            weights=(*self._networks.sets, *distilled),
            notes=(*made.notes, *pictures.notes, *ignored),
        )

    def _experts(self, job: Job, params: Motion, recipe: Recipe, made: Canvas) -> dict[Expert, Model]:
        single = self._networks.single
        given = own(params.adapters, job.inputs, self._networks.shapes("high"), single) if params.adapters else []
        found: dict[Expert, Model] = {}
        for name in EXPERTS[:1] if single else EXPERTS:
            variant = self._variant(recipe, name)
            for adapter, parts in given:
                if name in parts:
                    digest = hashlib.sha256(job.inputs[adapter.input].read_bytes()).hexdigest()
                    variant = variant.over(digest, parts[name], adapter.scale / 1000)
            found[name] = self._networks.expert(name, made.size, made.frames, variant, recipe.distilled)
        return found

    def _variant(self, recipe: Recipe, expert: Expert) -> Variant:
        published, distilled = Variant("published"), recipe.distilled
        if distilled is None or distilled.form != "adapters":
            return published
        path = self._networks.whole(distilled, expert)
        lora = read_lora(path, self._networks.shapes(expert))
        return published.over(f"{distilled.weights}/{path.name}", lora, distilled.strength[expert == "low"])

    def make(self, job: Job, work: Work) -> Made:
        """See `MotionEngine.make`."""
        prompts = self._prompts(job, work)
        job.progress("picture", 0, 1)
        with self.stages.use(work.vae) as vae:
            shape = lat.shape(vae, work.made.frames, work.made.size.height, work.made.size.width)
            condition = self._condition(vae, work, shape)
        schedule = Schedule(work.recipe, self.where)
        progress = Denoising(job, len(schedule.steps), preview=self._preview(condition, work))
        progress.begin()
        start = noise(shape, work.params.seed, "initial").to(self.where)
        uses = {name: partial(self.stages.use, model) for name, model in work.experts.items()}
        clean = Denoiser(uses, schedule, condition, prompts, progress.done, work.recipe.cache).run(start)
        lead = ColourLead(work.recipe.colour_match)
        with self.stages.use(work.vae) as vae, torch.no_grad():
            chunks = self.decoded(vae, clean)
            waited = write_clip(job, work.params, lead.led(chunks) if self._networks.single else chunks, shape[2])
        return Made(waited, _drifted(lead.drift))

    def _preview(self, condition: lat.Condition, work: Work) -> LinearPreview:
        """A small decoder, fitted to the keyframe and its own latent."""
        latent = condition.latent[0, -self._channels(condition) :, 0]
        return LinearPreview.fit(latent, to_model(work.pictures.first)[0] / 2 + 0.5)

    def _channels(self, condition: lat.Condition) -> int:
        return condition.latent.shape[1] - (0 if self._networks.single else lat.TEMPORAL)

    def decoded(self, vae: AutoencoderKLWan, clean: Tensor) -> Iterator[Tensor]:
        """The clip in chunks of uint8 frames."""
        return lat.decode(vae, clean)

    def _prompts(self, job: Job, work: Work) -> Prompts:
        texts = [work.params.prompt, *([work.negative] if work.recipe.guided else [])]
        tokens = self.tokens(self._networks.folder / "tokenizer")
        found = self.texts(job, texts, tokens, self._networks.digest, work.encoder)
        # Wan was trained with rows of zeros behind the text, not with the encoder's padding.
        return Prompts(*((text.states * text.mask[..., None]).to(self.dtype) for text in found))

    @torch.no_grad()
    def _condition(self, vae: AutoencoderKLWan, work: Work, shape: tuple[int, ...]) -> lat.Condition:
        first = to_model(work.pictures.first).to(self.where)
        if self._networks.single:
            return lat.replacing_condition(vae, first, shape)
        last = None if work.pictures.last is None else to_model(work.pictures.last).to(self.where)
        return lat.joined_condition(vae, first, last, work.made.frames)


def _drifted(drift: float) -> tuple[Note, ...]:
    if drift < DRIFT:
        return ()
    detail = f"the colours of the first frames differ by up to {drift:.1f} of 255 from the keyframe's"
    return (Note(code="colour_drift", detail=detail, value=round(drift, 1)),)
