"""The engine `motion-cogvideox`: CogVideoX 5B I2V, 49 frames of 720x480."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from diffusers import AutoencoderKLCogVideoX
from torch import Tensor

from functions.contract.job import Note
from functions.contract.params import Motion
from functions.models.clip import write_clip
from functions.models.motion import Made, MotionEngine
from functions.models.noise import generator, noise
from functions.models.preview import LinearPreview
from functions.models.staging import Model
from functions.models.steps import Denoising
from functions.models.video import Canvas, Keyframes, canvas, keyframes, to_model
from functions.motion_cogvideox import latents as lat
from functions.motion_cogvideox.denoise import Prompts, denoise
from functions.motion_cogvideox.models import Networks
from functions.motion_cogvideox.recipes import WEIGHTS, Recipe, resolved
from functions.runtime.engine import Job


@dataclass(frozen=True)
class Work:
    """All that one job needs, found out before any model is loaded."""

    params: Motion
    recipe: Recipe
    made: Canvas
    pictures: Keyframes
    negative: str
    networks: Networks
    encoder: Model
    transformer: Model
    vae: Model
    notes: tuple[Note, ...]
    weights: tuple[str, ...] = (WEIGHTS,)

    @property
    def models(self) -> list[Model]:
        """Every model, in the order of the stages."""
        return [self.encoder, self.vae, self.transformer]


class MotionCogVideoX(MotionEngine[Work]):
    """Step kind `motion`, on the model's one grid."""

    def networks(self) -> Networks:
        """The models of this engine."""
        return Networks(self.snapshots, self.device, self.dtype)

    def prepare(self, job: Job, params: Motion) -> Work:
        """See `MotionEngine.prepare`. Another length than the model's own is refused: it comes out as noise."""
        recipe, made, networks = resolved(params), canvas(params, self.manifest), self.networks()
        negative = params.negative or self.manifest.prompting.negative
        tokens = self.tokens(networks.folder / "tokenizer", masked=False)
        tokens.check(params.prompt, "the prompt")
        tokens.check(negative, "the negative prompt")
        pictures = keyframes(job, made)
        return Work(
            params=params,
            recipe=recipe,
            made=made,
            pictures=pictures,
            negative=negative,
            networks=networks,
            encoder=networks.encoder(tokens.limit),
            transformer=networks.transformer(made.size, made.frames),
            vae=networks.vae(made.size, made.frames),
            notes=(*made.notes, *pictures.notes),
        )

    def make(self, job: Job, work: Work) -> Made:
        """See `MotionEngine.make`."""
        tokens = self.tokens(work.networks.folder / "tokenizer", masked=False)
        texts = self.texts(job, [work.params.prompt, work.negative], tokens, work.networks.digest, work.encoder)
        job.progress("picture", 0, 1)
        with self.stages.use(work.vae) as vae:
            picture = self._condition(vae, work)
        progress = Denoising(job, work.recipe.steps, preview=self._preview(picture, work))
        progress.begin()
        seed = work.params.seed
        start = noise(picture.shape, seed, "initial").to(self.where)
        with self.stages.use(work.transformer) as model:
            draw = partial(generator, seed, "sde")
            clean = denoise(
                model, work.recipe, start, picture, Prompts(*(t.states for t in texts)), draw, progress.done
            )
        with self.stages.use(work.vae) as vae, torch.no_grad():
            return Made(write_clip(job, work.params, self.decoded(vae, clean), lat.pieces(work.made.frames)))

    def _preview(self, picture: Tensor, work: Work) -> LinearPreview:
        """A small decoder, fitted to the keyframe and its latent as it is where a clip is decoded from."""
        latent = picture[0, 0] * work.networks.generated
        return LinearPreview.fit(latent, to_model(work.pictures.first)[0] / 2 + 0.5)

    def decoded(self, vae: AutoencoderKLCogVideoX, clean: Tensor) -> Iterator[Tensor]:
        """The clip in chunks of uint8 frames."""
        return lat.decode(vae, clean)

    @torch.no_grad()
    def _condition(self, vae: AutoencoderKLCogVideoX, work: Work) -> Tensor:
        first = to_model(work.pictures.first).to(self.where)
        return lat.encode(vae, first, (work.made.frames - 1) // lat.TEMPORAL + 1)
