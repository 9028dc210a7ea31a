"""What a training works on: words and crops, encoded before the first step."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import Dinov2Model

from functions.contract.params import TrainLora
from functions.models import noise
from functions.models.faces import Picture
from functions.models.sdxl import text, weights
from functions.models.sdxl.text import Words
from functions.models.snapshots import Snapshots
from functions.runtime.engine import Job
from functions.train_lora import identity, lessons, samples
from functions.train_lora.crops import crops
from functions.train_lora.references import Reference
from functions.train_lora.training import Lesson, Settings

PRIORS = 8
"""Pictures of the class, where prior preservation is asked for."""


@dataclass(frozen=True)
class Models:
    """What a training needs beside its text encoders, which are gone by then."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    judge: Dinov2Model


@dataclass(frozen=True)
class Studies:
    """`words` by row of the lessons, `told` of the samples (the negative prompt last), the lessons, and the references'
    heads as the judge sees them (None: no face was found).
    """

    words: Words
    told: Words
    own: tuple[Lesson, ...]
    prior: tuple[Lesson, ...]
    heads: Tensor | None


def studied(
    job: Job, params: TrainLora, own: Settings, references: Sequence[Reference], models: Models, snapshots: Snapshots
) -> Studies:
    """Everything encoded; with prior preservation, pictures of the class are drawn first."""
    told = [prompt.format(trigger=params.trigger) for prompt in samples.PROMPTS] + [samples.NEGATIVE]
    captions = [lessons.caption(params.trigger, params.captions.get(r.name, "")) for r in references]
    words = encoded([*captions, lessons.CLASS_PROMPT, *told], models.unet, snapshots)
    row = len(captions)
    learned: list[Lesson] = []
    for i, reference in enumerate(references):
        job.progress("encode", i, len(references))
        learned += lessons_of(reference, i, own.side, models.vae)
    prior: list[Lesson] = []
    if params.prior_preservation:
        job.progress("prior", 0, PRIORS)
        prior = _priors(own, words[[row] * PRIORS + [row + len(told)]], row, models)
    heads = [identity.head_of(r.pixels, r.face) for r in references if r.face is not None]
    likes = identity.embedded(models.judge, heads) if heads else None
    return Studies(words, words[list(range(row + 1, row + 1 + len(told)))], tuple(learned), tuple(prior), likes)


def encoded(texts: Sequence[str], unet: UNet2DConditionModel, snapshots: Snapshots) -> Words:
    """Through both text encoders, which are loaded for it and let go."""
    base, device = snapshots.folder(weights.BASE), str(unet.device)
    tokens = text.tokens(text.tokenizers(snapshots.folder(weights.TOKENIZERS)), texts)
    first = weights.text_encoder(base, device, unet.dtype)
    second = weights.text_encoder_2(base, device, unet.dtype)
    with torch.no_grad():
        return text.encode(tokens, first, second)


def _priors(own: Settings, words: Words, row: int, models: Models) -> list[Lesson]:
    seed = noise.derived_seed(own.seed, "class")
    pictures = samples.draw(models.unet, models.vae, words, own.side, seed, weights.schedule())
    return [lesson for p in pictures for lesson in lessons_of(Reference("class", p, None), row, own.side, models.vae)]


@torch.no_grad()
def lessons_of(reference: Reference, words: int, side: int, vae: AutoencoderKL) -> list[Lesson]:
    """Every crop of a reference, through the VAE."""
    pixels = reference.pixels
    height, width = pixels.shape[:2]
    found = []
    for crop in crops(width, height, reference.face, side):
        part = pixels[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
        scale = cv2.INTER_AREA if crop.width > crop.to_width else cv2.INTER_CUBIC
        sized: Picture = cv2.resize(part, (crop.to_width, crop.to_height), interpolation=scale).astype(np.uint8)
        batch = torch.from_numpy(sized).to(vae.device).permute(2, 0, 1)[None].float() / 127.5 - 1
        seen = vae.encode(batch).latent_dist
        grow = crop.to_width / crop.width
        ids = (round(height * grow), round(width * grow), round(crop.y * grow), round(crop.x * grow))
        mean, std = (value.float().cpu() * vae.config.scaling_factor for value in (seen.mean, seen.std))
        found.append(Lesson(mean, std, words, (*ids, crop.to_height, crop.to_width)))
    return found
