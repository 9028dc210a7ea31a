"""What a tier means: solver, steps, shift, guidance, boundary, distillation, cache. Data in `recipes.toml`."""

import functools
import tomllib
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from functions.contract.base import Tier
from functions.contract.errors import EngineError, InputError
from functions.contract.params import Motion

Expert = Literal["high", "low"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Distilled(_Data):
    """Weights that need few steps: adapters laid over the experts at `strength`, or whole experts in their place."""

    weights: str
    form: Literal["adapters", "experts"]
    high: str
    low: str
    strength: tuple[float, float] = (1.0, 1.0)


class Recipe(_Data):
    """How one tier samples. `boundary` is the share of the 1000 training steps from which the high-noise expert works
    (0: one expert does all); `cache` the threshold of the first-block cache, 0 for none; `vae` the autoencoder's
    precision on a GPU.
    """

    solver: Literal["euler", "unipc"]
    steps: Annotated[int, Field(ge=1, le=200)]
    shift: Annotated[float, Field(gt=0)]
    guidance: Annotated[tuple[float, ...], Field(min_length=1, max_length=2)]
    sigmas: tuple[float, ...] = ()
    boundary: Annotated[float, Field(ge=0, lt=1)] = 0.0
    cache: Annotated[float, Field(ge=0, lt=1)] = 0.0
    distilled: Distilled | None = None
    vae: Literal["bf16", "fp32"] = "fp32"
    colour_match: bool = False

    @property
    def guided(self) -> bool:
        """Whether any expert is run twice a step, with and without the prompt."""
        return max(self.guidance) > 1

    def expert(self, timestep: float) -> Expert:
        """Which expert works at a timestep of 0 to 1000."""
        return "high" if timestep >= self.boundary * 1000 else "low"

    def strength(self, expert: Expert) -> float:
        """Guidance of an expert."""
        return self.guidance[0] if expert == "high" else self.guidance[-1]


class Native(_Data):
    """Published experts as one file each in Wan's own names, with the transformer's configuration."""

    weights: str
    high: str
    low: str
    transformer: dict[str, Any]


class Family(_Data):
    """The weights of an engine, with one expert or two, and its tiers."""

    weights: str
    experts: Literal[1, 2]
    native: Native | None = None
    draft: Recipe
    standard: Recipe
    final: Recipe

    def tier(self, tier: Tier) -> Recipe:
        """The recipe of a tier."""
        return {"draft": self.draft, "standard": self.standard, "final": self.final}[tier]


@functools.cache
def families() -> dict[str, Family]:
    """Every engine of this room by name."""
    text = resources.files("functions.motion_wan").joinpath("recipes.toml").read_text("utf-8")
    values: dict[str, Any] = tomllib.loads(text)
    return {name: Family.model_validate(value) for name, value in values.items()}


def family(engine: str) -> Family:
    """The family of an engine. Raises `EngineError` for one that this room does not know."""
    try:
        return families()[engine]
    except KeyError as error:
        raise EngineError(f"motion_wan has no recipe for {engine}; use {' or '.join(families())}") from error


def resolved(recipe: Recipe, params: Motion) -> Recipe:
    """The recipe with the person's own steps and guidance. Raises `InputError` where a distilled one forbids them."""
    if recipe.sigmas:
        if params.steps not in (None, recipe.steps) or params.guidance not in (None, 1000):
            raise InputError(
                f"the {params.tier} tier is distilled for exactly {recipe.steps} steps without guidance; "
                "leave steps and guidance out, or choose another tier"
            )
        return recipe
    changes: dict[str, Any] = {}
    if params.steps is not None:
        if not 1 <= params.steps <= 200:
            raise InputError(f"{params.steps} steps are outside of 1 to 200; choose a number within")
        changes["steps"] = params.steps
    if params.guidance is not None:
        changes["guidance"] = (params.guidance / 1000,) * len(recipe.guidance)
    return recipe.model_copy(update=changes)
