"""What a tier means: steps and guidance. Data in `recipes.toml`."""

import functools
import math
import tomllib
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from functions.contract.base import Tier
from functions.contract.errors import InputError
from functions.contract.params import Motion

WEIGHTS = "cogvideox-5b-i2v"
MOST_STEPS = 200


class Recipe(BaseModel):
    """How one tier samples. `guidance` is the most that the dynamic guidance reaches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    guidance: Annotated[float, Field(ge=1)]

    def guidance_at(self, timestep: float) -> float:
        """Guidance at a timestep of 0 to 1000: a power cosine from 1 up, as the model was sampled by its makers.

        Their formula counts training timesteps against inference steps, and is kept as it is.
        """
        share = ((self.steps - timestep) / self.steps) ** 5
        return 1 + self.guidance * (1 - math.cos(math.pi * share)) / 2


@functools.cache
def _recipes() -> dict[str, Recipe]:
    text = resources.files("functions.motion_cogvideox").joinpath("recipes.toml").read_text("utf-8")
    return {tier: Recipe.model_validate(values) for tier, values in tomllib.loads(text).items()}


def recipe(tier: Tier) -> Recipe:
    """The recipe of a tier."""
    return _recipes()[tier]


def resolved(params: Motion) -> Recipe:
    """The tier's recipe with the person's own steps and guidance. Raises `InputError` for steps out of range."""
    found = recipe(params.tier)
    steps = found.steps if params.steps is None else params.steps
    guidance = found.guidance if params.guidance is None else params.guidance / 1000
    if not 1 <= steps <= MOST_STEPS or guidance < 1:
        raise InputError(
            f"{steps} steps with guidance {guidance:g} cannot be done: ask for 1 to {MOST_STEPS}, and for 1 or more"
        )
    return Recipe(steps=steps, guidance=guidance)
