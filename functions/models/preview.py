"""A picture of latents without their decoder: the linear map from latent channels to RGB that fits best.

The map is fitted by least squares to one picture and the latents that the model's own encoder makes of it, so it
needs no table and holds for any autoencoder.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

FRAMES = 4
"""Most latent frames that a preview shows, side by side."""
WIDTH = 512
"""Pixels of a preview across, at most."""
RIDGE = 1e-3
"""Weight of the penalty that keeps the map tame where there are more channels than the picture can tell apart."""


@dataclass(frozen=True)
class LinearPreview:
    """RGB in 0..1 is `latents @ weights + bias`; weights (channels, 3), bias (3,), fp32 on the CPU."""

    weights: torch.Tensor
    bias: torch.Tensor

    @classmethod
    def fit(cls, latents: torch.Tensor, picture: torch.Tensor) -> "LinearPreview":
        """From latents (channels, rows, columns) of a picture (3, rows, columns) in 0..1, of any size."""
        rows, columns = latents.shape[-2:]
        target = functional.adaptive_avg_pool2d(picture.detach().float().cpu(), (rows, columns)).flatten(1).T
        known = latents.detach().float().cpu().flatten(1).T
        middle, mean = known.mean(0), target.mean(0)
        x, y = known - middle, target - mean
        gram = x.T @ x + RIDGE * len(x) * torch.eye(x.shape[1])
        weights = torch.linalg.solve(gram, x.T @ y)
        return cls(weights, mean - middle @ weights)

    def decode(self, latents: torch.Tensor) -> NDArray[np.uint8]:
        """Pictures of latents (1, channels, rows, columns) or (1, channels, frames, rows, columns): up to four frames
        side by side, (rows, columns, 3), at the latents' own size.
        """
        frames = latents[0].detach().float().cpu()
        frames = frames.unsqueeze(1) if frames.ndim == 3 else frames
        picks = np.unique(np.linspace(0, frames.shape[1] - 1, FRAMES).round().astype(int))
        rgb = torch.einsum("cfhw,cr->fhwr", frames[:, picks], self.weights) + self.bias
        return np.concatenate(list((rgb.clamp(0, 1) * 255).round().to(torch.uint8).numpy()), axis=1)

    def write(self, latents: torch.Tensor, folder: Path) -> None:
        """Leave `preview.jpg` in `folder`, whole at once."""
        picture = Image.fromarray(self.decode(latents))
        scale = max(1, WIDTH // picture.width)
        part = folder / "preview.part"
        picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BILINEAR).save(part, "JPEG")
        part.rename(folder / "preview.jpg")
