"""A picture of many colours, to learn from how an autoencoder's latents look."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

PATCHES = 16
"""Colours a side."""


def chart(side: int = 256) -> Tensor:
    """Soft patches of random colours, (1, 3, side, side) in 0..1; always the same."""
    colours = np.random.default_rng(0).random((1, 3, PATCHES, PATCHES), np.float32)
    wide = functional.interpolate(torch.from_numpy(colours), size=(side, side), mode="bicubic", align_corners=False)
    return wide.clamp(0, 1)
