"""Between pictures and latents of CogVideoX: (1, 1 + (frames - 1) / 4, channels, rows / 8, columns / 8)."""

from collections.abc import Iterator

import torch
from diffusers import AutoencoderKLCogVideoX
from torch import Tensor

from functions.models.video import to_pixels

SPATIAL, TEMPORAL = 8, 4
PIECE = 16
"""Frames of a decoded clip that are passed on at a time."""


def shape(channels: int, frames: int, rows: int, columns: int) -> tuple[int, int, int, int, int]:
    """Shape of a clip's latents."""
    return 1, (frames - 1) // TEMPORAL + 1, channels, rows // SPATIAL, columns // SPATIAL


def pieces(frames: int) -> int:
    """In how many pieces a clip is passed on."""
    return -(-frames // PIECE)


def encode(vae: AutoencoderKLCogVideoX, picture: Tensor, frames: int) -> Tensor:
    """The keyframe's latent (the mode of the VAE's posterior) with zeros behind it, for so many latent frames, fp32."""
    found = vae.encode(picture[:, :, None].to(vae.device, vae.dtype)).latent_dist.mode().float().transpose(1, 2)
    factor = vae.config.scaling_factor
    # The published I2V model was trained on latents divided by the factor that others multiply with.
    scaled = found / factor if vae.config.invert_scale_latents else found * factor
    return torch.cat([scaled, scaled.new_zeros(1, frames - 1, *scaled.shape[2:])], dim=1)


def decode(vae: AutoencoderKLCogVideoX, latents: Tensor) -> Iterator[Tensor]:
    """The clip as uint8 (frames, rows, columns, 3), decoded in tiles."""
    wide = (latents.transpose(1, 2) / vae.config.scaling_factor).to(vae.dtype)
    for part in torch.split(vae.decode(wide, return_dict=False)[0], PIECE, dim=2):
        yield to_pixels(part)
