"""The whole network of resemble-enhance, its sizes read off the weights' shapes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from functions.speech_enhance.denoiser import Denoiser, peak_of_one
from functions.speech_enhance.latent import Autoencoder, Flow, Latents, Velocity
from functions.speech_enhance.spectrum import HOP, MelSpectrogram
from functions.speech_enhance.vocoder import SPARE, Vocoder

TAIL = 441
"""Samples of silence behind a sound, so that its last frame is whole."""
LONGEST_S, SHORTER_S = 20, 8
"""Seconds of sound that one pass takes: as a rule, and where memory is short."""
Shapes = Mapping[str, tuple[int, ...]]
Noise = Callable[[tuple[int, ...], str], Tensor]
"""Standard normal numbers of a shape for a purpose."""
After = Callable[[int, int], None]


@dataclass(frozen=True)
class Settings:
    """`z_scale` scales the latents for the flow, `tau` is the share of noise it begins with."""

    z_scale: float = 6.0
    tau: float = 0.5


@dataclass(frozen=True)
class Asked:
    """`strength` is the share of the denoised spectrogram that guides the flow (0..1), `evaluations` how often its
    velocity is worked out.
    """

    strength: float
    evaluations: int


class _Normalizer(nn.Module):
    running_mean_unsafe: Tensor
    running_var_unsafe: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_mean_unsafe", torch.zeros(()))
        self.register_buffer("running_var_unsafe", torch.ones(()))

    def forward(self, mel: Tensor) -> Tensor:
        return (mel - self.running_mean_unsafe) / (self.running_var_unsafe + 1e-9).sqrt()


class Enhancer(nn.Module):
    """Denoises, and restores what a recording has lost. Sound is (batch, samples) at 44.1 kHz."""

    def __init__(self, shapes: Shapes, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        width, bands, _ = shapes["lcfm.ae.encoder.0.weight"]
        latent = shapes["lcfm.ae.decoder.0.weight"][1]
        features = shapes["lcfm.ae.decoder.5.weight"][0]
        linear = sum(f"lcfm.ae.encoder.{n}.weight" in shapes for n in range(5, 20))
        flow, embedded = shapes["lcfm.cfm.net.layers.0.gconv.weight"][:2]
        layers = _count(shapes, "lcfm.cfm.net.layers")
        self.normalizer, self.mel = _Normalizer(), MelSpectrogram()
        self.denoiser = Denoiser(
            shapes["denoiser.net.input_proj.weight"][0],
            _count(shapes, "denoiser.net.encoder_blocks"),
            _count(shapes, "denoiser.net.middle_blocks"),
        )
        self.lcfm = Latents(
            Autoencoder(bands, width, latent, features, linear), Flow(Velocity(latent, flow, bands, embedded, layers))
        )
        channels, noise, _ = shapes["vocoder.conv_pre.weight"]
        hidden = shapes["vocoder.blocks.0.kernel_predictor.input_conv.0.weight"][0]
        self.vocoder = Vocoder(channels, features, noise, hidden)
        self.longest_s = LONGEST_S

    def enable_tiling(self) -> None:
        """Take shorter pieces from now on."""
        self.longest_s = SHORTER_S

    def disable_tiling(self) -> None:
        """Take pieces as long as they are best."""
        self.longest_s = LONGEST_S

    def denoised(self, sound: Tensor) -> Tensor:
        """The sound without its noise, at its own peak."""
        peak = sound.abs().amax(dim=-1, keepdim=True).clamp_min(1e-7)
        made: Tensor = self.denoiser(functional.pad(sound / peak, (0, TAIL)))
        return made[:, : sound.shape[-1]] * peak

    def enhanced(self, sound: Tensor, asked: Asked, noise: Noise, after: After) -> Tensor:
        """The sound restored, at its own peak; `after(done, steps)` is called behind each step of the flow."""
        peak = sound.abs().amax(dim=-1, keepdim=True).clamp_min(1e-7)
        made = self.vocoder(*self._features(functional.pad(sound / peak, (0, TAIL)), asked, noise, after))
        restored: Tensor = made[:, : sound.shape[-1]] * peak
        return restored

    def _features(self, sound: Tensor, asked: Asked, noise: Noise, after: After) -> tuple[Tensor, Tensor]:
        sound = peak_of_one(sound)
        mel = self.normalizer(self.mel(sound))
        guide = mel
        if asked.strength > 0:
            clean = self.normalizer(self.mel(self.denoiser(sound)))
            guide = asked.strength * clean + (1 - asked.strength) * mel
        settings = self.settings
        start = settings.z_scale * self.lcfm.ae.encoder(mel)
        drawn = noise(tuple(start.shape), "prior").to(start)
        start = settings.tau * drawn + (1 - settings.tau) * start
        latents = self.lcfm.cfm(guide, start, asked.evaluations, after) / settings.z_scale
        features = self.lcfm.ae.decoder(latents)
        shape = (len(features), self.vocoder.noise, features.shape[-1] + SPARE)
        return features, noise(shape, "vocoder").to(features)


def frames(samples: int) -> int:
    """Frames of so many samples."""
    return (samples + TAIL) // HOP


def _count(shapes: Shapes, name: str) -> int:
    return len({key[len(name) + 1 :].partition(".")[0] for key in shapes if key.startswith(f"{name}.")})
