"""The solvers, built from explicit numbers: a checkpoint's own scheduler settings are never read, since the published
ones carry another shift than the model was made with.
"""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

from functions.motion_wan.recipes import Expert, Recipe

TRAIN_STEPS = 1000


@dataclass(frozen=True)
class Step:
    """One denoising step: its timestep (0 to 1000), the expert that works, and its guidance."""

    timestep: float
    expert: Expert
    guidance: float


class Schedule:
    """A solver with its timesteps set; one a job, since solvers keep what they saw."""

    def __init__(self, recipe: Recipe, device: torch.device | str = "cpu") -> None:
        self._solver: Any = _solver(recipe, device)
        self.timesteps: torch.Tensor = self._solver.timesteps
        self.steps = tuple(_step(recipe, float(t)) for t in self.timesteps)

    def step(self, number: int, prediction: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """The latents after step `number`, in fp32."""
        following: torch.Tensor = self._solver.step(
            prediction.float(), self.timesteps[number], latents, return_dict=False
        )[0]
        return following


def _step(recipe: Recipe, timestep: float) -> Step:
    expert = recipe.expert(timestep)
    return Step(timestep, expert, recipe.strength(expert))


def _solver(recipe: Recipe, device: torch.device | str) -> Any:
    if recipe.solver == "euler":
        # With the steps' number alone this solver would space 4 steps as 1000, 910, 717, 24.
        euler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=TRAIN_STEPS, shift=recipe.shift)
        euler.set_timesteps(sigmas=list(recipe.sigmas), device=device)
        return euler
    unipc = UniPCMultistepScheduler(
        num_train_timesteps=TRAIN_STEPS,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=recipe.shift,
        solver_order=2,
        solver_type="bh2",
        predict_x0=True,
        lower_order_final=True,
        final_sigmas_type="zero",
    )
    unipc.set_timesteps(recipe.steps, device=device)
    return unipc
