"""Between pictures and latents: what the model is conditioned on, and the clip decoded chunk by chunk.

Shapes: latents (1, z, 1 + (frames - 1) / 4, rows / s, columns / s) with s = 8 and z = 16 (A14B) or s = 16 and z = 48
(TI2V-5B), normalised by the VAE's own mean and deviation of every channel.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d, unpatchify
from torch import Tensor
from torch.backends import cudnn

from functions.models.video import to_pixels
from functions.motion_wan.encode import encode

TEMPORAL = 4
"""Frames that one latent frame after the first stands for."""
Cache = list[Tensor | str | None]


@dataclass(frozen=True)
class Condition:
    """What every forward is given beside the noise.

    A14B: `latent` is (1, 4 + z, frames, rows, columns), mask first, to be joined to the noise. TI2V-5B: the keyframe's
    latent, which replaces the noise where `mask` (1, 1, frames, rows, columns) is 0.
    """

    latent: Tensor
    mask: Tensor | None = None


def shape(vae: AutoencoderKLWan, frames: int, rows: int, columns: int) -> tuple[int, int, int, int, int]:
    """Shape of the latents of a clip."""
    scale = vae.config.scale_factor_spatial
    return 1, vae.config.z_dim, (frames - 1) // TEMPORAL + 1, rows // scale, columns // scale


def joined_condition(vae: AutoencoderKLWan, first: Tensor, last: Tensor | None, frames: int) -> Condition:
    """The condition of a model that gets mask and pictures joined to the noise. Pictures are (1, 3, rows, columns)."""
    video = _video(first, last, frames)
    encoded = normalised(vae, _encode(vae, video))
    mask = torch.zeros(1, frames, *encoded.shape[-2:], device=encoded.device)
    mask[:, 0] = 1
    if last is not None:
        mask[:, -1] = 1
    whole = torch.cat([mask[:, :1].repeat(1, TEMPORAL, 1, 1), mask[:, 1:]], dim=1)
    folded = whole.view(1, -1, TEMPORAL, *encoded.shape[-2:]).transpose(1, 2)
    return Condition(torch.cat([folded, encoded], dim=1))


def replacing_condition(vae: AutoencoderKLWan, first: Tensor, latents: tuple[int, ...]) -> Condition:
    """The condition of a model whose first latent frame is the keyframe's own."""
    encoded = normalised(vae, _encode(vae, first[:, :, None]))
    mask = torch.ones(1, 1, *latents[2:], device=encoded.device)
    mask[:, :, 0] = 0
    return Condition(encoded, mask)


def _video(first: Tensor, last: Tensor | None, frames: int) -> Tensor:
    video = first.new_zeros(1, 3, frames, *first.shape[-2:])
    video[:, :, 0] = first
    if last is not None:
        video[:, :, -1] = last
    return video


def normalised(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """A VAE's latents as the transformer knows them, fp32."""
    mean, deviation = _statistics(vae, latents)
    return (latents.float() - mean) / deviation


def _statistics(vae: AutoencoderKLWan, like: Tensor) -> tuple[Tensor, Tensor]:
    values = (vae.config.latents_mean, vae.config.latents_std)
    mean, deviation = (torch.tensor(v, device=like.device).view(1, -1, 1, 1, 1) for v in values)
    return mean, deviation


def _encode(vae: AutoencoderKLWan, video: Tensor) -> Tensor:
    """The mode of the VAE's posterior of a video (1, 3, frames, rows, columns)."""
    with algorithms(vae):
        return encode(vae, video.to(vae.device, vae.dtype))


def algorithms(vae: AutoencoderKLWan) -> AbstractContextManager[None]:
    """How cuDNN chooses: by trying, but in fp32, where the quickest took 40 GB of workspace for one clip on an H100."""
    found: AbstractContextManager[None] = cudnn.flags(enabled=True, benchmark=vae.dtype != torch.float32)
    return found


def _convolutions(module: torch.nn.Module) -> int:
    return sum(isinstance(m, WanCausalConv3d) for m in module.modules())


def decode(vae: AutoencoderKLWan, latents: Tensor) -> Iterator[Tensor]:
    """The clip as uint8 (frames, rows, columns, 3), one latent frame at a time: 1 frame first, then 4 each.

    With tiling (planned where memory is short) the clip comes whole, since tiles are blended over its whole length.
    """
    mean, deviation = _statistics(vae, latents)
    wide = (latents * deviation + mean).to(vae.dtype)
    if vae.use_tiling:
        with algorithms(vae):
            whole = vae.decode(wide, return_dict=False)[0]
        yield to_pixels(whole)
        return
    caches: Cache = [None] * _convolutions(vae.decoder)
    hidden = vae.post_quant_conv(wide)
    for number in range(hidden.shape[2]):
        part = hidden[:, :, number : number + 1]
        with algorithms(vae):
            frames = vae.decoder(part, feat_cache=caches, feat_idx=[0], first_chunk=number == 0)
        if vae.config.patch_size is not None:
            frames = unpatchify(frames, patch_size=vae.config.patch_size)
        yield to_pixels(frames.clamp(-1, 1))
