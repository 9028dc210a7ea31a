"""Pictures, latents and the rows of tokens that the transformer reads.

A token is a patch of two by two latents, normalised with the statistics that the VAE keeps. Its place is (picture, row,
column, position in the text): the picture that is made is 0, references are 10, 20 and so on.
"""

import math

import numpy as np
import torch
from diffusers import AutoencoderKLFlux2
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

PATCH = 16
"""Pixels of a token's side."""
APART = 10
"""Between the first coordinates of two pictures."""


def encode(picture: Image.Image, vae: AutoencoderKLFlux2, most: int) -> Tensor:
    """Patches (1, channels, rows, columns) of a picture of at most `most` pixels, cropped to whole patches."""
    shrink = math.sqrt(most / (picture.width * picture.height))
    if shrink < 1:
        size = int(picture.width * shrink), int(picture.height * shrink)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    width, height = picture.width // PATCH * PATCH, picture.height // PATCH * PATCH
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    pixels = np.array(picture.crop((left, top, left + width, top + height)), np.uint8)
    values = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(vae.device, vae.dtype) / 127.5 - 1
    patches = functional.pixel_unshuffle(vae.encode(values).latent_dist.mode(), 2)
    mean, std = _statistics(vae, patches)
    return (patches - mean) / std


def latents_of(patches: Tensor, vae: AutoencoderKLFlux2) -> Tensor:
    """Latents of patches (1, channels, rows, columns), twice as large, as the VAE decodes them."""
    mean, std = _statistics(vae, patches)
    return functional.pixel_shuffle(patches * std + mean, 2)


def decode(patches: Tensor, vae: AutoencoderKLFlux2) -> NDArray[np.uint8]:
    """The picture: R'G'B' (rows, columns, 3)."""
    out = vae.decode(latents_of(patches, vae).to(vae.dtype), return_dict=False)[0]
    rounded = (out[0].float() / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.asarray(rounded.permute(1, 2, 0).cpu().numpy(), np.uint8)


def tokens(patches: Tensor) -> Tensor:
    """Patches as a row of tokens, (1, rows * columns, channels)."""
    return patches.flatten(2).transpose(1, 2)


def patches_of(row: Tensor, rows: int, columns: int) -> Tensor:
    """A row of tokens as patches, (1, channels, rows, columns)."""
    return row.transpose(1, 2).reshape(len(row), -1, rows, columns)


def places(rows: int, columns: int, picture: int = 0) -> Tensor:
    """Places of a picture's tokens, (1, rows * columns, 4); `picture` counts from 0, the one that is made."""
    return torch.cartesian_prod(
        torch.tensor([APART * picture]), torch.arange(rows), torch.arange(columns), torch.tensor([0])
    )[None]


def text_places(length: int) -> Tensor:
    """Places of a text's tokens, (1, length, 4)."""
    zero = torch.tensor([0])
    return torch.cartesian_prod(zero, zero, zero, torch.arange(length))[None]


def _statistics(vae: AutoencoderKLFlux2, like: Tensor) -> tuple[Tensor, Tensor]:
    mean = vae.bn.running_mean.view(1, -1, 1, 1).to(like)
    std = torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1) + vae.config.batch_norm_eps).to(like)
    return mean, std
