"""The engine `motion-ltx`: LTX-Video 0.9.8 distilled, 2B and 13B."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from diffusers import AutoencoderKLLTXVideo
from PIL import Image
from torch import Tensor

from functions.contract.base import Size
from functions.contract.job import Note
from functions.contract.params import Motion
from functions.models.clip import write_clip
from functions.models.motion import Made, MotionEngine, negative_ignored
from functions.models.noise import noise
from functions.models.preview import LinearPreview
from functions.models.staging import Model
from functions.models.steps import Denoising
from functions.models.t5 import Text
from functions.models.video import Canvas, Keyframes, Pixels, canvas, cover, keyframes, to_model
from functions.motion_ltx import latents as lat
from functions.motion_ltx.denoise import Pass, denoise
from functions.motion_ltx.models import Networks
from functions.motion_ltx.recipes import TEXT_ENCODER, UPSAMPLER, Recipe, resolved
from functions.motion_ltx.traces import compressed
from functions.runtime.engine import Job


@dataclass(frozen=True)
class Work:
    """All that one job needs, found out before any model is loaded."""

    params: Motion
    recipe: Recipe
    made: Canvas
    sizes: tuple[Size, ...]
    pictures: Keyframes
    networks: Networks
    encoder: Model
    transformer: Model
    vae: Model
    upsampler: Model | None
    notes: tuple[Note, ...]

    @property
    def models(self) -> list[Model]:
        """Every model, in the order of the stages."""
        return [self.encoder, self.vae, self.transformer, *([self.upsampler] if self.upsampler else [])]

    @property
    def weights(self) -> tuple[str, ...]:
        """The weight sets in use."""
        return (self.recipe.weights, TEXT_ENCODER, *((UPSAMPLER,) if self.upsampler else ()))


class MotionLtx(MotionEngine[Work]):
    """Step kind `motion`, at one size or at two."""

    def prepare(self, job: Job, params: Motion) -> Work:
        """See `MotionEngine.prepare`."""
        recipe = resolved(params)
        made = canvas(params, self.manifest)
        networks = self.networks(recipe)
        tokens = self.tokens(networks.tokenizer)
        tokens.check(params.prompt, "the prompt")
        sizes = passes(made.size, self.manifest.size_multiple) if recipe.second else (made.size,)
        pictures = keyframes(job, replace(made, size=sizes[-1]))
        return Work(
            params=params,
            recipe=recipe,
            made=made,
            sizes=sizes,
            pictures=pictures,
            networks=networks,
            encoder=networks.encoder(tokens.limit),
            transformer=networks.transformer(sizes[-1], made.frames),
            vae=networks.vae(sizes[-1], made.frames),
            upsampler=networks.upsampler(sizes[-1], made.frames) if recipe.second else None,
            notes=(*made.notes, *pictures.notes, *negative_ignored(params, self.manifest)),
        )

    def networks(self, recipe: Recipe) -> Networks:
        """The models of a recipe."""
        return Networks(recipe, self.snapshots, self.device, self.dtype)

    def make(self, job: Job, work: Work) -> Made:
        """See `MotionEngine.make`."""
        tokens = self.tokens(work.networks.tokenizer)
        text = self.texts(job, [work.params.prompt], tokens, work.networks.text_digest, work.encoder)[0]
        draw = partial(drawn, work.params.seed)
        clean = self._pass(job, work, text, 0, None)
        if work.upsampler is not None:
            clean = self._pass(job, work, text, 1, self._enlarged(work, work.upsampler, clean))
        recipe = work.recipe
        with self.stages.use(work.vae) as vae, torch.no_grad():
            return Made(
                write_clip(job, work.params, self.decoded(vae, clean, recipe, draw), lat.pieces(work.made.frames))
            )

    def decoded(self, vae: AutoencoderKLLTXVideo, clean: Tensor, recipe: Recipe, draw: lat.Noise) -> Iterator[Tensor]:
        """The clip in chunks of uint8 frames."""
        return lat.decode(vae, clean, recipe.decode_timestep, recipe.decode_noise, draw)

    def _pass(self, job: Job, work: Work, text: Text, number: int, earlier: Tensor | None) -> Tensor:
        """One pass: from noise, or from an earlier pass's latents with noise of the first sigma added."""
        recipe, size, frames = work.recipe, work.sizes[number], work.made.frames
        sigmas = recipe.second if number else recipe.first
        shape = lat.grid(frames, size.height, size.width)
        job.progress("picture", number, len(work.sizes))
        with self.stages.use(work.vae) as vae:
            first, last = self._conditions(vae, work, size)
        begin = noise((1, first.shape[1], *shape), work.params.seed, "initial", number).to(self.where)
        if earlier is not None:
            begin = sigmas[0] * begin + (1 - sigmas[0]) * earlier
        rate = work.params.rate.num / work.params.rate.den
        start = lat.start(begin, first, last, frames, rate)
        preview = LinearPreview.fit(first[0, :, 0], to_model(work.pictures.first)[0] / 2 + 0.5)
        progress = Denoising(job, recipe.steps, preview=preview)
        todo = Pass(sigmas, shape, len(recipe.first) if number else 0)
        with self.stages.use(work.transformer) as model:
            return denoise(
                model, todo, start, text, recipe.condition_noise, partial(drawn, work.params.seed), progress.done
            )

    @torch.no_grad()
    def _conditions(self, vae: AutoencoderKLLTXVideo, work: Work, size: Size) -> tuple[Tensor, Tensor | None]:
        pictures = [p for p in (work.pictures.first, work.pictures.last) if p is not None]
        found = [lat.encode(vae, self._seen(picture, size, work.recipe.crf)) for picture in pictures]
        return found[0], found[1] if len(found) > 1 else None

    def _seen(self, picture: Pixels, size: Size, crf: int) -> Tensor:
        """A keyframe as this pass's model gets it."""
        return to_model(compressed(resized(picture, size), crf)).to(self.where)

    @torch.no_grad()
    def _enlarged(self, work: Work, upsampler: Model, latents: Tensor) -> Tensor:
        with self.stages.use(work.vae) as vae, self.stages.use(upsampler) as network:
            return lat.enlarged(network, vae, latents, work.recipe.adain, work.recipe.tone_map)


def drawn(seed: int, shape: Sequence[int], purpose: str, number: int) -> Tensor:
    """Noise of this job."""
    return noise(shape, seed, purpose, number)


def passes(size: Size, step: int) -> tuple[Size, Size]:
    """The two sizes of a recipe in two sizes: two thirds of the canvas on the model's grid, and twice that."""
    width, height = (max(step, side * 2 // 3 // step * step) for side in (size.width, size.height))
    return Size(width=width, height=height), Size(width=2 * width, height=2 * height)


def resized(picture: Pixels, size: Size) -> Pixels:
    """A keyframe at the size of a pass."""
    if picture.shape[:2] == (size.height, size.width):
        return picture
    return cover(Image.fromarray(picture), size)[0]
