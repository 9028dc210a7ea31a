"""The denoising loop: DPM-Solver++ with noise (SDE), dynamic guidance.

Latents are (1, frames, channels, rows, columns), frames before channels, as this model has them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import CogVideoXDPMScheduler, CogVideoXTransformer3DModel
from diffusers.models.embeddings import get_3d_rotary_pos_embed
from torch import Tensor

from functions.motion_cogvideox.recipes import Recipe

TRAIN_STEPS = 1000


@dataclass(frozen=True)
class Prompts:
    """States of prompt and negative prompt, each (1, tokens, width)."""

    prompt: Tensor
    negative: Tensor


def scheduler(recipe: Recipe, device: torch.device) -> Any:
    """The solver, built from explicit numbers: linear-in-root betas with zero terminal SNR, trailing timesteps."""
    made = CogVideoXDPMScheduler(
        num_train_timesteps=TRAIN_STEPS,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=0,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
        snr_shift_scale=1.0,
    )
    made.set_timesteps(recipe.steps, device=device)
    return made


def rotary(config: Any, frames: int, rows: int, columns: int, device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Rotary embedding of the latents' own grid (this model has no other size), None where the model has none."""
    if not config.use_rotary_positional_embeddings:
        return None
    grid = (rows // config.patch_size, columns // config.patch_size)
    found: tuple[Tensor, Tensor] = get_3d_rotary_pos_embed(
        embed_dim=config.attention_head_dim,
        crops_coords=((0, 0), grid),
        grid_size=grid,
        temporal_size=frames,
        device=device,
    )
    return found


@torch.no_grad()
def denoise(
    model: CogVideoXTransformer3DModel,
    recipe: Recipe,
    latents: Tensor,
    picture: Tensor,
    prompts: Prompts,
    generator: Callable[[int], torch.Generator],
    after: Callable[[int, Tensor], None],
) -> Tensor:
    """Clean latents from noise. `picture` is the keyframe's latent and zeros behind it, of the latents' shape.

    `generator` gives each step's random numbers; `after` gets each step's number and latents, and may raise.
    """
    solver = scheduler(recipe, latents.device)
    turns = rotary(model.config, latents.shape[1], latents.shape[3], latents.shape[4], latents.device)
    earlier, before = None, None
    for number, timestep in enumerate(solver.timesteps):
        hidden = torch.cat([latents, picture], dim=2).to(prompts.prompt.dtype)
        prediction, without = (
            model(
                hidden_states=hidden,
                encoder_hidden_states=states,
                timestep=timestep.expand(1),
                image_rotary_emb=turns,
                return_dict=False,
            )[0].float()
            for states in (prompts.prompt, prompts.negative)
        )
        guided = without + recipe.guidance_at(float(timestep)) * (prediction - without)
        drawn = {"generator": generator(number), "return_dict": False}
        latents, earlier = solver.step(guided, earlier, timestep, before, latents, **drawn)
        before = timestep
        after(number, latents.transpose(1, 2))
    return latents
