"""Latents of clean speech: an autoencoder of mel spectrograms, and a flow that leads noisy ones to clean ones.

The autoencoder is low in rank by a row of linear layers (Jing et al., "Implicit Rank-Minimizing Autoencoder", 2020).
The flow is conditional flow matching (Lipman et al., 2022) whose velocity is a WaveNet as in DiffWave (Kong et al.,
2020). Layout and names are those of the published weights (MIT).
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

GROUPS = 32
DILATIONS = (1, 2, 4, 8)
BLOCKS = 4
CYCLE = 5
"""Layers after which the WaveNet's dilation begins again."""
DECADES = 4
"""Powers of ten that the time embedding's frequencies span."""
AHEAD = 4
"""At 1 / AHEAD of the steps half of the way is gone."""


class _Residual(nn.Sequential):
    def __init__(self, channels: int) -> None:
        layers: list[nn.Module] = []
        for dilation in DILATIONS:
            conv = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
            layers += [nn.GroupNorm(GROUPS, channels), nn.GELU(), conv]
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made = x
        for layer in self:
            made = layer(made)
        return x + made


class Autoencoder(nn.Module):
    """Mel (batch, bands, frames) to latents (batch, latent, frames) within -1..1, and those to the vocoder's input."""

    def __init__(self, bands: int, width: int, latent: int, features: int, linear: int) -> None:
        super().__init__()
        rank = (nn.Conv1d(latent if n else width, latent, 1, bias=False) for n in range(linear))
        self.encoder = nn.Sequential(
            nn.Conv1d(bands, width, 3, padding=1), *(_Residual(width) for _ in range(BLOCKS)), *rank, nn.Tanh()
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(latent, width, 3, padding=1),
            *(_Residual(width) for _ in range(BLOCKS)),
            nn.Conv1d(width, features, 1),
        )


class _Layer(nn.Module):
    def __init__(self, width: int, bands: int, embedded: int, dilation: int) -> None:
        super().__init__()
        self.gconv = nn.Conv1d(embedded, width, 1)
        self.lconv = nn.Conv1d(bands, 2 * width, 1)
        self.dconv = nn.Conv1d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        self.out = nn.Conv1d(width, 2 * width, 1)

    def forward(self, z: Tensor, condition: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        one, other = (self.dconv(z + self.gconv(time)) + self.lconv(condition)).chunk(2, dim=1)
        on, skip = self.out(one.tanh() * other.sigmoid()).chunk(2, dim=1)
        return (on + z) / math.sqrt(2), skip


class Velocity(nn.Module):
    """The flow's velocity at latents `z` (batch, latent, frames), mel `condition` and a moment's embedding."""

    def __init__(self, latent: int, width: int, bands: int, embedded: int, layers: int) -> None:
        super().__init__()
        self.embedded = embedded
        self.start = nn.Conv1d(latent, width, 1)
        self.local_norm = nn.InstanceNorm1d(bands)
        self.layers = nn.ModuleList(_Layer(width, bands, embedded, 2 ** (n % CYCLE)) for n in range(layers))
        self.end = nn.Conv1d(width, latent, 1)

    def forward(self, z: Tensor, condition: Tensor, time: Tensor) -> Tensor:
        """`condition` is normalised already."""
        z = self.start(z)
        total = torch.zeros_like(z)
        for layer in self.layers:
            z, skip = layer(z, condition, time)
            total = total + skip
        made: Tensor = self.end(total / math.sqrt(len(self.layers)))
        return made

    def at(self, moment: float, like: Tensor) -> Tensor:
        """The embedding (1, embedded, 1) of a moment in 0..1."""
        powers = 10 ** torch.linspace(0, DECADES, self.embedded // 2, device=like.device, dtype=like.dtype)
        angles = torch.tensor(min(max(moment, 0.0), 1.0), device=like.device, dtype=like.dtype) * powers
        return torch.cat([angles.sin(), angles.cos()])[None, :, None]


class Flow(nn.Module):
    """Carries latents from t = 0 (noise and noisy speech) to t = 1 (clean speech)."""

    def __init__(self, velocity: Velocity) -> None:
        super().__init__()
        self.net = velocity

    def forward(self, mel: Tensor, begin: Tensor, evaluations: int, after: Callable[[int, int], None]) -> Tensor:
        """Midpoint steps of two evaluations each, or one Euler step where there is but one; `after(done, steps)`."""
        condition = self.net.local_norm(mel)
        steps = max(1, evaluations // 2)
        z = begin
        for number, (t, dt) in enumerate(moments(steps)):
            slope = self.net(z, condition, self.net.at(t, z))
            if evaluations > 1:
                slope = self.net(z + dt / 2 * slope, condition, self.net.at(t + dt / 2, z))
            z = z + dt * slope
            after(number + 1, steps)
        return z


class Latents(nn.Module):
    """The autoencoder and its flow, as the published file nests them."""

    def __init__(self, ae: Autoencoder, cfm: Flow) -> None:
        super().__init__()
        self.ae, self.cfm = ae, cfm


def moments(steps: int) -> Iterator[tuple[float, float]]:
    """(t, dt) of each step, early ones longer: t = (a**u - 1) / (a - 1) of even u, half at u = 1 / 4."""
    a = _base()
    at = [(a ** (n / steps) - 1) / (a - 1) for n in range(steps + 1)]
    return zip(at, (after - before for before, after in itertools.pairwise(at)), strict=False)


@functools.cache
def _base() -> float:
    """The base for which half the way lies at 1 / AHEAD, by bisection: the share falls as the base grows."""
    low, high = 1e-9, 1 - 1e-9
    for _ in range(200):
        middle = (low + high) / 2
        far = (middle ** (1 / AHEAD) - 1) / (middle - 1) > 0.5
        low, high = (middle, high) if far else (low, middle)
    return (low + high) / 2
