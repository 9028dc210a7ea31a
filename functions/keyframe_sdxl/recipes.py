"""The tiers as data (`recipes.toml`), and what a job makes of them."""

import functools
import tomllib
from importlib import resources
from typing import Any

import diffusers
from diffusers import SchedulerMixin
from pydantic import BaseModel, ConfigDict

from functions.contract.base import Tier
from functions.contract.errors import InputError
from functions.contract.params import Keyframe, ShotSize
from functions.models.sdxl import weights


class Data(BaseModel):
    """A part of the file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Distilled(Data):
    """A step-distilling LoRA: `file` of the weight set `weights`."""

    weights: str
    file: str


class Recipe(Data):
    """How one tier denoises. `guidance` of 1 or less means that the negative prompt is not run."""

    steps: int
    scheduler: str
    options: dict[str, Any]
    guidance: float
    guidance_range: tuple[float, float]
    step_range: tuple[int, int] | None = None
    adapter: Distilled | None = None

    @property
    def guided(self) -> bool:
        """Whether each step also runs the negative prompt."""
        return self.guidance > 1


class References(Data):
    """Which IP-Adapter acts how strongly; `most` pictures of each figure are read."""

    scale: float
    file: str
    face_file: str
    face_sizes: tuple[ShotSize, ...]
    most: int


class Regions(Data):
    """`text`: share of a figure's own words inside its region."""

    text: float


class Passes(Data):
    """A figure's masked pass. `margin` and `feather` are shares of its region's longer side."""

    strength: float
    margin: float
    feather: float
    strength_by_size: dict[ShotSize, float]

    def strength_at(self, size: ShotSize) -> float:
        """Part of the noise schedule that a pass in a shot of this size runs, 0 to 1."""
        return self.strength_by_size.get(size, self.strength)


class Control(Data):
    """`index` of the ControlNet's kind, its `scale`, and the part of the steps that it acts in."""

    index: int
    scale: float
    until: float


class Recipes(Data):
    """The whole file."""

    tiers: dict[Tier, Recipe]
    references: References
    regions: Regions
    passes: Passes
    control: dict[str, Control]


@functools.cache
def builtin() -> Recipes:
    """The recipes of this release."""
    text = resources.files("functions.keyframe_sdxl").joinpath("recipes.toml").read_text("utf-8")
    return Recipes.model_validate(tomllib.loads(text))


def recipe_of(params: Keyframe) -> Recipe:
    """The tier's recipe with the job's own steps and guidance. Raises `InputError` where they do not fit the tier."""
    recipe = builtin().tiers[params.tier]
    steps = recipe.steps if params.steps is None else params.steps
    least, most = recipe.step_range or (recipe.steps, recipe.steps)
    if not least <= steps <= most:
        raise InputError(f"The {params.tier} tier runs {_range(least, most)} steps, not {steps}; choose another tier.")
    guidance = recipe.guidance if params.guidance is None else params.guidance / 1000
    low, high = recipe.guidance_range
    if not low <= guidance <= high:
        raise InputError(f"The {params.tier} tier takes guidance {_range(low, high)}, not {guidance:g}; leave it out.")
    return recipe.model_copy(update={"steps": steps, "guidance": guidance})


def scheduler_of(recipe: Recipe) -> SchedulerMixin:
    """The solver of a recipe, before `set_timesteps`."""
    found: SchedulerMixin = getattr(diffusers, recipe.scheduler)(**weights.schedule(), **recipe.options)
    return found


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
