"""Latents of LTX-Video: tokens and their places, conditions, the second size, and the clip decoded.

Latents are (1, channels, 1 + (frames - 1) / 8, rows / 32, columns / 32), normalised; tokens (1, n, channels).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor

from functions.models.video import to_pixels

SPATIAL, TEMPORAL = 32, 8
PIECE = 16
"""Frames of a decoded clip that are passed on at a time."""
Noise = Callable[[Sequence[int], str, int], Tensor]
"""Standard normal noise by shape, purpose and number."""
Grid = tuple[int, int, int]
"""Latent frames, rows and columns."""


def grid(frames: int, rows: int, columns: int) -> Grid:
    """The latents' size of a clip."""
    return (frames - 1) // TEMPORAL + 1, rows // SPATIAL, columns // SPATIAL


def pieces(frames: int) -> int:
    """In how many pieces a clip is passed on."""
    return -(-frames // PIECE)


def pack(latents: Tensor) -> Tensor:
    """Latents as tokens, frame by frame, row by row."""
    return latents.flatten(2).transpose(1, 2)


def unpack(tokens: Tensor, size: Grid) -> Tensor:
    """Tokens as latents."""
    return tokens.transpose(1, 2).reshape(1, -1, *size)


def places(size: Grid, frame: int = 0) -> Tensor:
    """(1, 3, tokens): first frame, row and column of each token in the clip; the clip's first latent frame is one frame
    long. `frame` is where a condition of its own lies.
    """
    axes = torch.meshgrid(*(torch.arange(n) for n in size), indexing="ij")
    found = torch.stack(axes).flatten(1) * torch.tensor([TEMPORAL, SPATIAL, SPATIAL])[:, None]
    found[0] = (found[0] + 1 - TEMPORAL).clamp(min=0) + frame
    return found[None].float()


@dataclass(frozen=True)
class Start:
    """Tokens to be denoised, those of conditions beside the clip first. `fixed` (1, n) is 1 for conditions, `places`
    (1, 3, n) in seconds and pixels, `extra` how many of the first tokens are no part of the clip.
    """

    tokens: Tensor
    fixed: Tensor
    places: Tensor
    extra: int


def start(latents: Tensor, first: Tensor, last: Tensor | None, frames: int, rate: float) -> Start:
    """The clip's latents with the first picture's latent in place, and the last one's as tokens beside them."""
    size: Grid = (latents.shape[2], latents.shape[3], latents.shape[4])
    latents = torch.cat([first, latents[:, :, 1:]], dim=2)
    tokens, where = pack(latents), places(size)
    fixed = torch.zeros(1, *size)
    fixed[:, 0] = 1
    fixed = fixed.flatten(1)
    extra = 0
    if last is not None:
        beside = pack(last)
        extra = beside.shape[1]
        tokens = torch.cat([beside, tokens], dim=1)
        where = torch.cat([places((1, *size[1:]), frames - 1), where], dim=2)
        fixed = torch.cat([torch.ones(1, extra), fixed], dim=1)
    where[:, 0] /= rate
    return Start(tokens, fixed.to(tokens.device), where.to(tokens.device), extra)


def encode(vae: AutoencoderKLLTXVideo, picture: Tensor) -> Tensor:
    """Normalised latent of one picture (1, 3, rows, columns): the mode of the VAE's posterior, fp32."""
    found = vae.encode(picture[:, :, None].to(vae.device, vae.dtype)).latent_dist.mode()
    return normalised(vae, found.float())


def normalised(vae: AutoencoderKLLTXVideo, latents: Tensor) -> Tensor:
    """A VAE's latents as the transformer knows them."""
    mean, deviation = _statistics(vae, latents)
    return (latents - mean) * float(vae.config.scaling_factor) / deviation


def plain(vae: AutoencoderKLLTXVideo, latents: Tensor) -> Tensor:
    """The transformer's latents as the VAE knows them."""
    mean, deviation = _statistics(vae, latents)
    return latents * deviation / float(vae.config.scaling_factor) + mean


def _statistics(vae: AutoencoderKLLTXVideo, like: Tensor) -> tuple[Tensor, Tensor]:
    mean, deviation = (t.view(1, -1, 1, 1, 1).to(like.device, like.dtype) for t in (vae.latents_mean, vae.latents_std))
    return mean, deviation


def enlarged(
    upsampler: torch.nn.Module, vae: AutoencoderKLLTXVideo, latents: Tensor, adain: float, tone_map: float
) -> Tensor:
    """Latents of twice the rows and columns, with the statistics of each channel kept and large values compressed."""
    small = plain(vae, latents)
    large: Tensor = upsampler(small.to(next(upsampler.parameters()).dtype)).float()
    return normalised(vae, tone_mapped(matched(large, small, adain), tone_map))


def matched(latents: Tensor, like: Tensor, share: float) -> Tensor:
    """Adaptive instance normalisation: each channel gets the mean and deviation that it has in `like`."""
    over = (2, 3, 4)
    deviation, mean = torch.std_mean(latents, dim=over, keepdim=True)
    wanted, middle = torch.std_mean(like, dim=over, keepdim=True)
    return torch.lerp(latents, (latents - mean) / deviation * wanted + middle, share)


def tone_mapped(latents: Tensor, compression: float) -> Tensor:
    """Values far from 0 drawn in by a sigmoid, `compression` 0 (none) to 1."""
    scale = compression * 0.75
    return latents * (1 - 0.8 * scale * torch.sigmoid(4 * scale * (latents.abs() - 1)))


def decode(
    vae: AutoencoderKLLTXVideo, latents: Tensor, timestep: float, share: float, noise: Noise
) -> Iterator[Tensor]:
    """The clip as uint8 (frames, rows, columns, 3); the decoder takes out the `share` of noise that is added."""
    wide = plain(vae, latents).to(vae.dtype)
    when = None
    if vae.config.timestep_conditioning:
        added = noise(wide.shape, "decode", 0).to(wide.device, wide.dtype)
        wide = (1 - share) * wide + share * added
        when = torch.tensor([timestep], device=wide.device, dtype=wide.dtype)
    # In tiles of a plan for little memory, and of time as well: few frames are worked out at once.
    vae.use_framewise_decoding = vae.use_tiling
    for part in torch.split(vae.decode(wide, when, return_dict=False)[0], PIECE, dim=2):
        yield to_pixels(part)
