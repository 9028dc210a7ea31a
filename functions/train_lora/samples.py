"""What the character looks like so far: a few pictures from fixed words and noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from functions.models import noise
from functions.models.sdxl.text import Words

PROMPTS = (
    "close-up portrait of {trigger}, soft window light",
    "{trigger} laughing, outdoors, golden hour",
    "full body photo of {trigger} walking in a city street",
    "{trigger} in profile, dark room, one lamp",
)
NEGATIVE = "lowres, blurry, deformed, text, watermark"
STEPS, GUIDANCE = 12, 6.0
CELL = 512
"""Pixels of a cell's side in the grid."""


@torch.no_grad()
def draw(
    unet: UNet2DConditionModel, vae: AutoencoderKL, words: Words, side: int, seed: int, schedule: dict[str, object]
) -> list[NDArray[np.uint8]]:
    """One R'G'B' picture (side, side, 3) for each text but the last, which is the negative prompt."""
    told = list(range(words.pooled.shape[0] - 1))
    both = words[[*told, *[-1] * len(told)]]
    ids = torch.tensor([[side, side, 0, 0, side, side]] * 2 * len(told), device=unet.device, dtype=both.states.dtype)
    more = {"text_embeds": both.pooled, "time_ids": ids}
    solver = EulerDiscreteScheduler(**schedule)
    solver.set_timesteps(STEPS, device=unet.device)
    shape = (1, unet.config.in_channels, side // 8, side // 8)
    latents = torch.cat([noise.noise(shape, seed, "sample", i) for i in told]).to(unet.device) * solver.init_noise_sigma
    for t in solver.timesteps:
        given = solver.scale_model_input(torch.cat([latents, latents]), t).to(both.states.dtype)
        found = unet(given, t, both.states, added_cond_kwargs=more, return_dict=False)[0]
        wanted, unwanted = found.float().chunk(2)
        latents = solver.step(unwanted + GUIDANCE * (wanted - unwanted), t, latents, return_dict=False)[0]
    return [_decoded(vae, one[None]) for one in latents]


def _decoded(vae: AutoencoderKL, latents: Tensor) -> NDArray[np.uint8]:
    values = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype), return_dict=False)[0][0]
    pixels: NDArray[np.uint8] = ((values.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))


def grid(pictures: Sequence[NDArray[np.uint8]], path: Path) -> None:
    """Write two rows of cells as PNG or JPEG, by the path's suffix."""
    across = -(-len(pictures) // 2)
    sheet = Image.new("RGB", (across * CELL, 2 * CELL))
    for i, picture in enumerate(pictures):
        cell = Image.fromarray(picture).resize((CELL, CELL), Image.Resampling.LANCZOS)
        sheet.paste(cell, (i % across * CELL, i // across * CELL))
    sheet.save(path, compress_level=1, quality=88)
