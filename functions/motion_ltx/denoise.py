"""The denoising loop: Euler over explicit sigmas, conditions held in place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor

from functions.models.t5 import Text
from functions.motion_ltx.latents import Grid, Noise, Start, unpack


@dataclass(frozen=True)
class Pass:
    """One pass: sigmas (ending before 0), the size of its latents, and the number of its first step among all."""

    sigmas: Sequence[float]
    size: Grid
    number: int = 0


@torch.no_grad()
def denoise(
    model: LTXVideoTransformer3DModel,
    todo: Pass,
    begin: Start,
    text: Text,
    condition_noise: float,
    noise: Noise,
    after: Callable[[int, Tensor], None],
) -> Tensor:
    """Clean latents from the tokens of `begin`. `after` gets each step's number and the clip's latents; it may raise.

    Before each step the conditions are given noise of `condition_noise` times the squared sigma, which keeps what moves
    moving; none of them is denoised.
    """
    tokens, fixed = begin.tokens, begin.fixed[..., None] > 0.5
    following = [*todo.sigmas[1:], 0.0]
    for step, (sigma, then) in enumerate(zip(todo.sigmas, following, strict=True)):
        number = todo.number + step
        if condition_noise:
            added = noise(tokens.shape, "condition", number).to(tokens.device)
            tokens = torch.where(fixed, begin.tokens + condition_noise * added * sigma**2, tokens)
        times = torch.where(begin.fixed > 0.5, 0.0, sigma * 1000)
        prediction = model(
            hidden_states=tokens.to(text.states.dtype),
            encoder_hidden_states=text.states,
            timestep=times,
            encoder_attention_mask=text.mask.bool(),
            video_coords=begin.places,
            return_dict=False,
        )[0].float()
        tokens = torch.where(fixed, tokens, tokens + (then - sigma) * prediction)
        after(number, unpack(tokens[:, begin.extra :], todo.size))
    return unpack(tokens[:, begin.extra :], todo.size)
