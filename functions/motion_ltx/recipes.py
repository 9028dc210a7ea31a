"""What a tier means: weights, sigmas of one pass or two, conditioning, decoding. Data in `recipes.toml`."""

import functools
import tomllib
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from functions.contract.base import Tier
from functions.contract.errors import InputError
from functions.contract.params import Motion

TEXT_ENCODER = "t5-v1.1-xxl"
UPSAMPLER = "ltx-0.9.8-latent-upsampler"
UPSAMPLER_FILE = "ltxv-spatial-upscaler-0.9.8.safetensors"
Network = Literal["2b", "13b"]


class Recipe(BaseModel):
    """How one tier samples. `file` holds transformer and autoencoder where the set has no folder of each. `crf` is the
    quality at which the keyframe is compressed before the model sees it: of a picture without a video's traces it makes
    a clip that stands still.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str
    file: str
    size: Network = "2b"
    first: Annotated[tuple[float, ...], Field(min_length=1)]
    second: tuple[float, ...] = ()
    crf: Annotated[int, Field(ge=0, le=51)] = 33
    condition_noise: float = 0.025
    decode_timestep: float = 0.05
    decode_noise: float = 0.025
    adain: float = 1.0
    tone_map: float = 0.6

    @property
    def steps(self) -> int:
        """Denoising steps of all passes."""
        return len(self.first) + len(self.second)


class Data(BaseModel):
    """All of `recipes.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    draft: Recipe
    standard: Recipe
    final: Recipe
    transformers: dict[Network, dict[str, Any]]
    vae: dict[str, Any]
    upsampler: dict[str, Any]


@functools.cache
def data() -> Data:
    """The table that ships with this release."""
    text = resources.files("functions.motion_ltx").joinpath("recipes.toml").read_text("utf-8")
    return Data.model_validate(tomllib.loads(text))


def recipe(tier: Tier) -> Recipe:
    """The recipe of a tier."""
    return {"draft": data().draft, "standard": data().standard, "final": data().final}[tier]


def resolved(params: Motion) -> Recipe:
    """The tier's recipe. Raises `InputError` where a person's own steps or guidance do not fit a distilled model."""
    found = recipe(params.tier)
    if params.steps not in (None, found.steps) or params.guidance not in (None, 1000):
        raise InputError(
            f"LTX-Video's {params.tier} tier is distilled for exactly {found.steps} steps without guidance; "
            "leave steps and guidance out"
        )
    return found
