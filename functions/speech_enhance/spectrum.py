"""Mel spectrograms and rate conversion, as the published network was trained on."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

RATE = 44_100
"""Samples a second of the network."""
HOP = 420
"""Samples between frames: the product of the vocoder's strides."""
MELS = 128
FFT = 2048
LEAST = 1e-4
"""Least magnitude; -80 dB."""
HEADROOM_DB = 15.0
PREEMPHASIS = 0.97
ZEROS, ROLLOFF, BETA = 64, 0.9475937167399596, 14.769656459379492
"""Zero crossings on each side, share of the band and window of the published rate conversion."""


class MelSpectrogram(nn.Module):
    """Pre-emphasised magnitudes in 128 mel bands, in dB scaled to about 0..1."""

    window: Tensor
    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)
        self.register_buffer("bands", mel_bands(), persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        """(batch, samples) to (batch, 128, samples // 420)."""
        before = functional.pad(sound, (1, 0))[..., :-1]
        spectrum = torch.stft(
            sound - PREEMPHASIS * before, FFT, HOP, FFT, self.window, pad_mode="constant", return_complex=True
        )
        mel = self.bands @ spectrum.abs()
        level = mel.clamp_min(LEAST).log10() * 20
        lowest = 20 * math.log10(LEAST)
        scaled: Tensor = (level - lowest) / (HEADROOM_DB - lowest)
        return scaled[..., :-1]


def mel_bands() -> Tensor:
    """Triangles of equal area (bands, FFT / 2 + 1) on Slaney's mel scale (Auditory Toolbox, 1998): linear to 1 kHz,
    logarithmic above.
    """
    frequency = torch.linspace(0, RATE / 2, FFT // 2 + 1, dtype=torch.float64)
    edges = _hertz(torch.linspace(0, _mel(RATE / 2), MELS + 2, dtype=torch.float64))
    rising = (frequency[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequency[None]) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (torch.minimum(rising, falling).clamp_min(0) * area[:, None]).float()


def _mel(hertz: float) -> float:
    return 15 + math.log(hertz / 1000) * 27 / math.log(6.4) if hertz >= 1000 else hertz * 3 / 200


def _hertz(mel: Tensor) -> Tensor:
    return torch.where(mel >= 15, 1000 * torch.exp((mel - 15) * math.log(6.4) / 27), mel * 200 / 3)


class Resampler(nn.Module):
    """Rate conversion by a windowed sinc, evaluated for each of the ratio's phases (J. O. Smith, "Digital Audio
    Resampling", 2002). Output sample k lies at k / new seconds, as input sample k at k / old.
    """

    kernel: Tensor

    def __init__(self, old: int, new: int) -> None:
        super().__init__()
        common = math.gcd(old, new)
        self.old, self.new = old // common, new // common
        base = min(self.old, self.new) * ROLLOFF
        self.reach = math.ceil(ZEROS * self.old / base)
        taps = torch.arange(-self.reach, self.reach + self.old, dtype=torch.float64) / self.old
        phases = torch.arange(self.new, dtype=torch.float64) / self.new
        at = ((taps[None] - phases[:, None]) * base).clamp(-ZEROS, ZEROS)
        window = torch.special.i0(BETA * (1 - (at / ZEROS) ** 2).sqrt()) / torch.special.i0(torch.tensor(BETA).double())
        kernel = torch.sinc(at) * window * base / self.old
        self.register_buffer("kernel", kernel[:, None].float(), persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        """(batch, samples) to (batch, ceil(samples * new / old))."""
        length = -(-sound.shape[-1] * self.new // self.old)
        padded = functional.pad(sound, (self.reach, self.reach + self.old))
        made = functional.conv1d(padded[:, None], self.kernel, stride=self.old)
        return made.transpose(1, 2).reshape(len(sound), -1)[:, :length]
