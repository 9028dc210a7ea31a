"""The denoising loop of SDXL: whole pictures, and parts of known ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import ControlNetUnionModel, SchedulerMixin, UNet2DConditionModel
from torch import Tensor

from functions.contract.base import Size
from functions.keyframe_sdxl.attention import Condition
from functions.keyframe_sdxl.recipes import Control, Recipe, scheduler_of
from functions.models.sdxl.text import Words

Edge = Callable[[int, Tensor, Tensor], None]
"""Told of each step: its number from 0, the latents after it, and the estimate of the picture without noise."""


@dataclass(frozen=True)
class Known:
    """A picture of which only `mask` (1, 1, rows, columns; 1: painted) changes, in the last `strength` of the steps."""

    latents: Tensor
    mask: Tensor
    strength: float


@dataclass(frozen=True)
class Steered:
    """A ControlNet, the picture (1, 3, rows, columns; 0 to 1) that it reads and how it acts."""

    net: ControlNetUnionModel
    picture: Tensor
    how: Control


@dataclass(frozen=True)
class Run:
    """One denoising. `words` are (negative, prompt) where the recipe is guided, else (prompt); so is the batch of
    `condition`. `noise` is (1, 4, rows, columns) in fp32.
    """

    unet: UNet2DConditionModel
    recipe: Recipe
    words: Words
    condition: Condition
    noise: Tensor
    size: Size
    known: Known | None = None
    steered: Steered | None = None


def schedule(recipe: Recipe, strength: float, device: torch.device) -> tuple[SchedulerMixin, Tensor]:
    """A recipe's solver and the timesteps that are run: the last `strength` of them, at least one."""
    solver: Any = scheduler_of(recipe)
    solver.set_timesteps(recipe.steps, device=device)
    total = len(solver.timesteps)
    start = total - min(max(int(total * strength), 1), total)
    if start and hasattr(solver, "set_begin_index"):
        solver.set_begin_index(start)
    return solver, solver.timesteps[start:]


def denoise(run: Run, edge: Edge) -> Tensor:
    """The latents of the picture, fp32 on the UNet's device. Raises what `edge` raises."""
    device, kind, known = run.unet.device, run.unet.dtype, run.known
    solver: Any
    solver, timesteps = schedule(run.recipe, known.strength if known else 1.0, device)
    noise = run.noise.to(device)
    if known is None:
        latents: Tensor = noise * solver.init_noise_sigma
    else:
        latents = solver.add_noise(known.latents, noise, timesteps[:1])
    added = {"text_embeds": run.words.pooled, "time_ids": _time_ids(run)}
    signal = solver.alphas_cumprod.to(device)[timesteps.long()]
    for i, t in enumerate(timesteps):
        seen = solver.scale_model_input(latents.expand(len(run.words.pooled), -1, -1, -1), t)
        predicted = _guided(run, _predicted(run, seen.to(kind), t, i / len(timesteps), added))
        clean = _clean(signal[i], seen[:1], predicted)
        latents = solver.step(predicted, t, latents, return_dict=False)[0]
        if known is not None:
            last = i + 1 == len(timesteps)
            around = known.latents if last else solver.add_noise(known.latents, noise, timesteps[i + 1 : i + 2])
            latents = around * (1 - known.mask) + latents * known.mask
        edge(i, latents, clean)
    return latents


def _predicted(run: Run, seen: Tensor, t: Tensor, done: float, added: dict[str, Tensor]) -> Tensor:
    steered = run.steered if run.steered and done < run.steered.how.until else None
    down, middle = _residuals(run, steered, seen, t, added) if steered else (None, None)
    out: Tensor = run.unet(
        seen,
        t,
        encoder_hidden_states=run.condition,
        added_cond_kwargs=added,
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
        return_dict=False,
    )[0]
    return out.float()


def _residuals(
    run: Run, steered: Steered, seen: Tensor, t: Tensor, added: dict[str, Tensor]
) -> tuple[list[Tensor], Tensor]:
    kinds = torch.zeros(len(seen), steered.net.config.num_control_type, device=seen.device, dtype=seen.dtype)
    kinds[:, steered.how.index] = 1
    residuals: tuple[list[Tensor], Tensor] = steered.net(
        seen,
        t,
        encoder_hidden_states=run.words.states,
        controlnet_cond=[steered.picture.to(seen).expand(len(seen), -1, -1, -1)],
        control_type=kinds,
        control_type_idx=[steered.how.index],
        conditioning_scale=steered.how.scale,
        added_cond_kwargs=added,
        return_dict=False,
    )
    return residuals


def _guided(run: Run, predicted: Tensor) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022, equation 6)."""
    if not run.recipe.guided:
        return predicted
    against, toward = predicted.chunk(2)
    return against + run.recipe.guidance * (toward - against)


def _clean(kept: Tensor, seen: Tensor, predicted: Tensor) -> Tensor:
    """The picture without noise, as the predicted noise says (Song et al. 2020, "DDIM", equation 9), of which `kept` is
    the share in these latents.
    """
    return (seen - (1 - kept).sqrt() * predicted) / kept.sqrt()


def _time_ids(run: Run) -> Tensor:
    """SDXL's micro-conditioning: original size, crop, target size, each rows first."""
    row = [run.size.height, run.size.width, 0, 0, run.size.height, run.size.width]
    return torch.tensor([row] * len(run.words.pooled), device=run.unet.device, dtype=run.words.pooled.dtype)
