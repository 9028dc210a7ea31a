"""The vocoder of resemble-enhance: UnivNet's location-variable convolutions, BigVGAN's anti-aliased periodic blocks.

Jang et al., "UnivNet" (2021); Zeng et al., "LVCNet" (2021); Lee et al., "BigVGAN" (2022). Layout and names are those of
the published weights (MIT).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from functions.speech_enhance.spectrum import HOP

STRIDES = (7, 5, 4, 3)
DILATIONS = (1, 3, 9, 27)
PERIODIC = (1, 3, 5)
SLOPE = 0.2
SPARE = 10
"""Frames of silence behind the features, so that the last ones have something to lean on."""
TAPS, CUTOFF, TRANSITION = 12, 0.25, 0.3
"""Of the low-pass at twice the rate, in shares of that rate."""
ALPHAS = (1e-2, 50.0)


def low_pass() -> Tensor:
    """A Kaiser-windowed sinc (1, 1, 12) that sums to one."""
    half = TAPS // 2
    attenuation = 2.285 * (half - 1) * math.pi * 4 * TRANSITION + 7.95
    beta = (
        0.1102 * (attenuation - 8.7)
        if attenuation > 50
        else 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    )
    at = torch.arange(-half, half) + 0.5
    kernel = torch.kaiser_window(TAPS, periodic=False, beta=beta) * torch.sinc(2 * CUTOFF * at)
    return (kernel / kernel.sum())[None, None]


class _Snake(nn.Module):
    """x + sin(alpha x)**2 / beta."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_alpha, self.log_beta = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        alpha, beta = (p.exp().clamp(*ALPHAS)[None, :, None] for p in (self.log_alpha, self.log_beta))
        return x + (x * alpha).sin().square() / beta


class _Filter(nn.Module):
    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", low_pass())


class _Down(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lowpass = _Filter()


class _AntiAliased(nn.Module):
    """The activation at twice the rate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = _Snake(channels)
        self.upsample, self.downsample = _Filter(), _Down()

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        pad = TAPS // 2 - 1
        kernel = self.upsample.filter.expand(channels, -1, -1)
        wide = 2 * functional.conv_transpose1d(
            functional.pad(x, (pad, pad), mode="replicate"), kernel, stride=2, groups=channels
        )
        edge = 2 * pad + (TAPS - 2) // 2
        wide = self.act(wide[..., edge : wide.shape[-1] - edge])
        wide = functional.pad(wide, (TAPS // 2 - 1, TAPS // 2), mode="replicate")
        return functional.conv1d(
            wide, self.downsample.lowpass.filter.expand(channels, -1, -1), stride=2, groups=channels
        )


class _Periodic(nn.Sequential):
    def __init__(self, channels: int) -> None:
        super().__init__(
            *(
                nn.Sequential(
                    nn.Conv1d(channels, channels, 3, padding=d, dilation=d),
                    _AntiAliased(channels),
                    nn.Conv1d(channels, channels, 3, padding=1),
                )
                for d in PERIODIC
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        made = x
        for layer in self:
            made = layer(made)
        return x + made


class _Kernels(nn.Module):
    """Predicts the kernels of each location, for one layer at a time: all at once would be the whole job's largest
    tensor.
    """

    def __init__(self, features: int, channels: int, hidden: int) -> None:
        super().__init__()
        self.channels = channels
        self.input_conv = nn.Sequential(nn.Conv1d(features, hidden, 5, padding=2), nn.LeakyReLU(SLOPE))
        self.residual_convs = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(0.0),
                nn.Conv1d(hidden, hidden, 3, padding=1),
                nn.LeakyReLU(SLOPE),
                nn.Conv1d(hidden, hidden, 3, padding=1),
                nn.LeakyReLU(SLOPE),
            )
            for _ in range(3)
        )
        layers = len(DILATIONS)
        self.kernel_conv = nn.Conv1d(hidden, channels * 2 * channels * 3 * layers, 3, padding=1)
        self.bias_conv = nn.Conv1d(hidden, 2 * channels * layers, 3, padding=1)

    def seen(self, features: Tensor) -> Tensor:
        """What all layers' kernels are made from."""
        c: Tensor = self.input_conv(features)
        for block in self.residual_convs:
            c = c + block(c)
        return c

    def of(self, layer: int, seen: Tensor) -> tuple[Tensor, Tensor]:
        """(kernels (batch, channels, 2 channels, 3, frames), biases (batch, 2 channels, frames)) of a layer."""
        n = self.channels
        made = []
        for conv, size in ((self.kernel_conv, n * 2 * n * 3), (self.bias_conv, 2 * n)):
            part = slice(layer * size, (layer + 1) * size)
            bias = None if conv.bias is None else conv.bias[part]
            made.append(functional.conv1d(seen, conv.weight[part], bias, padding=1))
        return made[0].view(len(seen), n, 2 * n, 3, -1), made[1]


class _Block(nn.Module):
    def __init__(self, channels: int, features: int, hidden: int, stride: int, hop: int) -> None:
        super().__init__()
        self.hop = hop
        self.kernel_predictor = _Kernels(features, channels, hidden)
        up = nn.ConvTranspose1d(
            channels, channels, 2 * stride, stride, padding=stride // 2 + stride % 2, output_padding=stride % 2
        )
        self.convt_pre = nn.Sequential(nn.LeakyReLU(SLOPE), up)
        self.amp_block = _Periodic(channels)
        self.conv_blocks = nn.ModuleList(
            nn.Sequential(
                nn.LeakyReLU(SLOPE), nn.Conv1d(channels, channels, 3, padding=d, dilation=d), nn.LeakyReLU(SLOPE)
            )
            for d in DILATIONS
        )

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        x = self.amp_block(self.convt_pre(x))
        seen = self.kernel_predictor.seen(features)
        for layer, conv in enumerate(self.conv_blocks):
            kernels, biases = self.kernel_predictor.of(layer, seen)
            one, other = varied(conv(x), kernels, biases, self.hop).chunk(2, dim=1)
            x = x + one.sigmoid() * other.tanh()
        return x


def varied(x: Tensor, kernels: Tensor, biases: Tensor, hop: int) -> Tensor:
    """Convolve each `hop` samples of (batch, channels, frames * hop) with the kernels of their own frame."""
    around = functional.pad(x, (1, 1)).unfold(2, hop + 2, hop).unfold(3, 3, 1)
    made = torch.einsum("bilsk,biokl->bols", around, kernels)
    return (made + biases[..., None]).flatten(2)


class Vocoder(nn.Module):
    """Features (batch, features, frames) and noise (batch, noise, frames + SPARE) to sound (batch, frames * 420)."""

    def __init__(self, channels: int, features: int, noise: int, hidden: int) -> None:
        super().__init__()
        self.noise = noise
        hops = [math.prod(STRIDES[: n + 1]) for n in range(len(STRIDES))]
        self.blocks = nn.ModuleList(
            _Block(channels, features, hidden, stride, hop) for stride, hop in zip(STRIDES, hops, strict=True)
        )
        self.conv_pre = nn.Conv1d(noise, channels, 7, padding=3, padding_mode="reflect")
        self.conv_post = nn.Sequential(
            nn.LeakyReLU(SLOPE), nn.Conv1d(channels, 1, 7, padding=3, padding_mode="reflect"), nn.Tanh()
        )

    def forward(self, features: Tensor, noise: Tensor) -> Tensor:
        """See the class."""
        padded = functional.pad(features, (0, SPARE))
        x = self.conv_pre(noise)
        for block in self.blocks:
            x = block(x, padded)
        made: Tensor = self.conv_post(x)
        return made[:, 0, : -HOP * SPARE]
