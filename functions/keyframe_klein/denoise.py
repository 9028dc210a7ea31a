"""The denoising loop of FLUX.2 klein: the picture's tokens change, those of references stand beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Flux2Transformer2DModel
from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu
from torch import Tensor

from functions.keyframe_klein.latents import patches_of, places, text_places, tokens

Edge = Callable[[int, Tensor, Tensor], None]
"""Told of each step: its number from 0, the patches after it, and the estimate of the picture without noise."""


@dataclass(frozen=True)
class Run:
    """One denoising. `noise` is (1, channels, rows, columns) of patches in fp32, `references` are patches likewise."""

    transformer: Flux2Transformer2DModel
    scheduler: FlowMatchEulerDiscreteScheduler
    steps: int
    words: Tensor
    noise: Tensor
    references: Sequence[Tensor]


def timesteps(run: Run) -> Tensor:
    """The scheduler's timesteps for this many tokens."""
    solver: Any = run.scheduler
    sigmas = np.linspace(1.0, 1 / run.steps, run.steps)
    mu = compute_empirical_mu(image_seq_len=run.noise.shape[2] * run.noise.shape[3], num_steps=run.steps)
    solver.set_timesteps(sigmas=sigmas, device=run.transformer.device, mu=mu)
    solver.set_begin_index(0)
    found: Tensor = solver.timesteps
    return found


def denoise(run: Run, edge: Edge) -> Tensor:
    """The patches of the picture, fp32 on the transformer's device. Raises what `edge` raises."""
    device, rows, columns = run.transformer.device, run.noise.shape[2], run.noise.shape[3]
    solver: Any = run.scheduler
    row = tokens(run.noise.to(device))
    beside = [tokens(r.to(device, run.transformer.dtype)) for r in run.references]
    sites = [places(rows, columns), *(places(r.shape[2], r.shape[3], i) for i, r in enumerate(run.references, 1))]
    where, text_where = torch.cat(sites, dim=1).to(device), text_places(run.words.shape[1]).to(device)
    for i, t in enumerate(timesteps(run)):
        out = run.transformer(
            hidden_states=torch.cat([row.to(run.transformer.dtype), *beside], dim=1),
            timestep=(t.expand(1) / 1000).to(run.transformer.dtype),
            guidance=None,
            encoder_hidden_states=run.words,
            txt_ids=text_where,
            img_ids=where,
            return_dict=False,
        )[0]
        velocity = out[:, : row.shape[1]].float()
        clean = row - solver.sigmas[i] * velocity
        row = solver.step(velocity, t, row, return_dict=False)[0]
        edge(i, patches_of(row, rows, columns), patches_of(clean, rows, columns))
    return patches_of(row, rows, columns)
