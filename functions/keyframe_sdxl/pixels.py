"""Between pictures of bytes and what the VAE and ControlNet read."""

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from functions.contract.base import Size
from functions.keyframe_sdxl.regions import Box, Mask

Picture = NDArray[np.uint8]
"""R'G'B' (rows, columns, 3)."""


def encode(picture: Picture, vae: AutoencoderKL) -> Tensor:
    """Latents (1, 4, rows / 8, columns / 8) in fp32: the mode, which needs no noise."""
    pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].to(vae.device, vae.dtype) / 127.5 - 1
    mode: Tensor = vae.encode(pixels).latent_dist.mode()
    return mode.float() * float(vae.config.scaling_factor)


def decode(latents: Tensor, vae: AutoencoderKL) -> Picture:
    """The picture of latents (1, 4, rows, columns). Where half precision overflows, which would come out black, it is
    decoded once more in single precision.
    """
    scaled = latents / vae.config.scaling_factor
    out = vae.decode(scaled.to(vae.dtype), return_dict=False)[0]
    if not torch.isfinite(out).all():
        half = vae.dtype
        out = vae.float().decode(scaled.float(), return_dict=False)[0]
        vae.to(half)
    rounded = (out[0].float() / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.asarray(rounded.permute(1, 2, 0).cpu().numpy(), np.uint8)


def fitted(picture: Image.Image, size: Size) -> Picture:
    """A picture scaled to cover `size` and cropped about its centre."""
    return np.asarray(ImageOps.fit(picture, (size.width, size.height), Image.Resampling.LANCZOS))


def cut(picture: Picture, box: Box, size: Size) -> Picture:
    """A part of a picture at another size."""
    part = Image.fromarray(np.ascontiguousarray(picture[box.rows, box.columns]))
    return np.asarray(part.resize((size.width, size.height), Image.Resampling.LANCZOS))


def pasted(onto: Picture, made: Picture, box: Box, mask: Mask) -> Picture:
    """`made` laid into `box` of a picture as far as `mask` (rows, columns of the whole; 0 to 1) lets it: where it is 0,
    every byte stays.
    """
    out = onto.astype(np.float32)
    small = Image.fromarray(made).resize((box.width, box.height), Image.Resampling.LANCZOS)
    weight = mask[box.rows, box.columns, None]
    out[box.rows, box.columns] += (np.asarray(small, np.float32) - out[box.rows, box.columns]) * weight
    return np.asarray(np.clip(np.rint(out), 0, 255), np.uint8)


def reduced(mask: Mask, rows: int, columns: int) -> Tensor:
    """A mask at the size of latents: (rows, columns), means of what falls on each."""
    return torch.from_numpy(np.asarray(cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA), np.float32))


def edges(picture: Picture) -> Picture:
    """Canny's edges, white on black, as ControlNet Union was trained with."""
    found = cv2.Canny(np.ascontiguousarray(picture), 100, 200)
    return np.repeat(found[:, :, None], 3, axis=2).astype(np.uint8)


def relief(depth: Tensor, size: Size) -> Picture:
    """A depth map (rows, columns; near is large) as grey, stretched to the whole range."""
    low, high = depth.min(), depth.max()
    grey = ((depth - low) / (high - low).clamp(min=1e-6) * 255).round().to(torch.uint8).cpu().numpy()
    wide = cv2.resize(grey, (size.width, size.height), interpolation=cv2.INTER_CUBIC)
    return np.repeat(wide[:, :, None], 3, axis=2).astype(np.uint8)
