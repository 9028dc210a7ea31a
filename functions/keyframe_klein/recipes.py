"""The tiers as data (`recipes.toml`)."""

import functools
import tomllib
from importlib import resources

from pydantic import BaseModel, ConfigDict

from functions.contract.base import Tier


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recipe(_Data):
    """How one tier denoises."""

    steps: int


class Text(_Data):
    """Most tokens of a prompt in its chat template, and the encoder's layers that are read."""

    tokens: int
    layers: tuple[int, ...]


class References(_Data):
    """Most pictures that are read, most pixels of each, least pixels a side, and most that it is longer than wide."""

    most: int
    pixels: int
    least: int
    aspect: int


class Recipes(_Data):
    """The whole file."""

    tiers: dict[Tier, Recipe]
    text: Text
    references: References


@functools.cache
def builtin() -> Recipes:
    """The recipes of this release."""
    text = resources.files("functions.keyframe_klein").joinpath("recipes.toml").read_text("utf-8")
    return Recipes.model_validate(tomllib.loads(text))
