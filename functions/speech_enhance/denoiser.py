"""The denoiser of resemble-enhance: a U-Net over magnitude and phase that predicts a mask and a turn of the phase.

Layout and names are those of the published weights (MIT); the mask's form is that of Kong et al., "Decoupling Magnitude
and Phase Estimation with Deep ResUNet for Music Source Separation" (2021).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from functions.speech_enhance.spectrum import HOP

WINDOW = 4 * HOP
GROUP = 16
"""Channels that are normalised together."""
EPSILON = 1e-7


class _Residual(nn.Sequential):
    def __init__(self, channels: int) -> None:
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.GroupNorm(channels // GROUP, channels),
                nn.GELU(),
                nn.Conv2d(channels, channels, 3, padding=1),
            ]
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made = x
        for layer in self:
            made = layer(made)
        return x + made


class _Block(nn.Module):
    def __init__(self, before: int, after: int, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.pre_conv = nn.Conv2d(before, after, 3, padding=1)
        self.res_block1, self.res_block2 = _Residual(after), _Residual(after)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(what goes on, what is passed over to the other side)."""
        if self.scale > 1:
            x = functional.interpolate(x, scale_factor=self.scale)
        x = self.pre_conv(x if skip is None else x + skip)
        x = self.res_block2(self.res_block1(x))
        return (functional.interpolate(x, scale_factor=self.scale) if self.scale < 1 else x), x


class UNet(nn.Module):
    """(batch, 3, bins, frames) to the same shape."""

    def __init__(self, width: int, depth: int, middle: int) -> None:
        super().__init__()
        widths = [width * 2**n for n in range(depth + 1)]
        self.input_proj = nn.Conv2d(3, width, 3, padding=1)
        self.encoder_blocks = nn.ModuleList(_Block(widths[n], widths[n + 1], 0.5) for n in range(depth))
        self.middle_blocks = nn.ModuleList(_Block(widths[-1], widths[-1]) for _ in range(middle))
        self.decoder_blocks = nn.ModuleList(_Block(widths[n + 1], widths[n], 2) for n in reversed(range(depth)))
        self.head = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GELU(), nn.Conv2d(width, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        bins, frames = x.shape[2:]
        grid = 2 ** len(self.encoder_blocks)
        x = self.input_proj(functional.pad(x, (0, -frames % grid, 0, -bins % grid)))
        skips = []
        for block in self.encoder_blocks:
            x, skip = block(x)
            skips.append(skip)
        for block in self.middle_blocks:
            x, _ = block(x)
        for block in self.decoder_blocks:
            x, _ = block(x, skips.pop())
        made: Tensor = self.head(x)
        return made[..., :bins, :frames]


class Denoiser(nn.Module):
    """(batch, samples) at 44.1 kHz to the same, scaled to a peak of 1."""

    window: Tensor

    def __init__(self, width: int, depth: int, middle: int) -> None:
        super().__init__()
        self.net = UNet(width, depth, middle)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        """See the class."""
        sound = peak_of_one(sound)
        framed: dict[str, Any] = {"n_fft": WINDOW, "hop_length": HOP, "win_length": WINDOW, "window": self.window}
        spectrum = torch.stft(sound, **framed, return_complex=True)[..., :-1]
        magnitude, angle = spectrum.abs(), spectrum.angle()
        cosine, sine = angle.cos(), angle.sin()
        mask, real, imaginary = self.net(torch.stack([magnitude, cosine, sine], dim=1)).unbind(1)
        real, imaginary = real.tanh(), imaginary.tanh()
        length = (real**2 + imaginary**2 + EPSILON).sqrt()
        turned = torch.complex(cosine, sine) * torch.complex(real / length, imaginary / length)
        kept = functional.pad(torch.view_as_real(magnitude * mask.sigmoid() * turned), (0, 0, 0, 1), mode="replicate")
        made = torch.istft(torch.view_as_complex(kept.contiguous()), **framed)
        return functional.pad(made, (0, sound.shape[-1] - made.shape[-1]))


def peak_of_one(sound: Tensor) -> Tensor:
    """Each row scaled to a greatest magnitude of 1."""
    return sound / (sound.abs().amax(dim=-1, keepdim=True) + EPSILON)
