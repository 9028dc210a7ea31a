"""A video that mostly stands still through Wan's causal encoder, without doing the same work again and again.

Four frames go in at a time, after a first one alone, and layers keep the end of what they saw. Where a layer's input
and what it keeps are those of four frames before, bit for bit, so is its output: it is taken from there. Behind a
keyframe lies one grey without end, so layer after layer settles, the widest first, and the result is exactly the same.
"""

from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import CACHE_T, WanCausalConv3d, patchify
from torch import Tensor

CHUNK = 4
"""Frames that go in at a time."""
Kept = list[Tensor | None]
Run = Callable[[Tensor, Kept], Tensor]
"""A layer: gets its input and what it kept, and replaces that."""


class _Layer:
    """One layer with what it keeps; `runs` counts how often it was worked out."""

    def __init__(self, run: Run, caches: int) -> None:
        self._run, self._kept = run, list[Tensor | None]([None] * caches)
        self._made: Tensor | None = None
        self._settled, self.runs = False, 0

    def __call__(self, given: Tensor, same: bool) -> tuple[Tensor, bool]:
        """(output, whether it is that of the chunk before). `same`: the input is that of the chunk before."""
        if same and self._settled and self._made is not None:
            return self._made, True
        before, made = list(self._kept), self._run(given, self._kept)
        alike = same and self._made is not None and torch.equal(made, self._made)
        self._settled = same and all(_equal(a, b) for a, b in zip(before, self._kept, strict=True))
        self._made, self.runs = made, self.runs + 1
        return made, alike


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    return one is other or (
        one is not None and other is not None and one.shape == other.shape and torch.equal(one, other)
    )


def encode(vae: AutoencoderKLWan, video: Tensor) -> Tensor:
    """The mode of the VAE's posterior of a video (1, 3, 4n + 1, rows, columns) of the VAE's device and type."""
    if vae.use_tiling or video.shape[2] <= 1 + CHUNK:
        found: Tensor = vae.encode(video).latent_dist.mode()
        return found
    return encoded(vae, video, layers(vae))


def encoded(vae: AutoencoderKLWan, video: Tensor, through: list[_Layer]) -> Tensor:
    """The same by these layers, never in tiles."""
    if vae.config.patch_size is not None:
        video = patchify(video, patch_size=vae.config.patch_size)
    parts, made = [video[:, :, :1], *torch.split(video[:, :, 1:], CHUNK, dim=2)], []
    for number, part in enumerate(parts):
        same = number > 1 and torch.equal(part, parts[number - 1])
        states = part
        for layer in through:
            states, same = layer(states, same)
        made.append(states)
    mode: Tensor = vae.quant_conv(torch.cat(made, dim=2)).chunk(2, dim=1)[0]
    return mode


def layers(vae: AutoencoderKLWan) -> list[_Layer]:
    """The encoder's layers, fresh."""
    encoder: Any = vae.encoder

    def head(given: Tensor, kept: Kept) -> Tensor:
        return _convolved(encoder.conv_in, given, kept)

    def tail(given: Tensor, kept: Kept) -> Tensor:
        return _convolved(encoder.conv_out, encoder.nonlinearity(encoder.norm_out(given)), kept)

    inner = [_layer(module) for module in (*encoder.down_blocks, encoder.mid_block)]
    return [_Layer(head, 1), *inner, _Layer(tail, 1)]


def _layer(module: Any) -> _Layer:
    def run(given: Tensor, kept: Kept) -> Tensor:
        made: Tensor = module(given, feat_cache=kept, feat_idx=[0])
        return made

    return _Layer(run, sum(isinstance(part, WanCausalConv3d) for part in module.modules()))


def _convolved(convolution: Any, given: Tensor, kept: Kept) -> Tensor:
    """A causal convolution over its input and the frames before it."""
    before, end = kept[0], given[:, :, -CACHE_T:].clone()
    if before is not None and end.shape[2] < CACHE_T:
        end = torch.cat([before[:, :, -1:], end], dim=2)
    made: Tensor = convolution(given, before)
    kept[0] = end
    return made
