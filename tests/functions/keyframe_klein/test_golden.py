"""Known values of the tiny FLUX.2 klein, and mutants that must miss them by far."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2Transformer2DModel
from PIL import Image
from torch import Tensor

from functions.keyframe_klein import latents
from functions.keyframe_klein.denoise import Run, denoise
from functions.models.noise import noise
from tests.servers.golden import MUTANT, TOLERANCE, distance
from tests.servers.motion import picture

GOLDEN = Path(__file__).with_name("golden.json")
TIMESTEPS = (1.0, 0.96738, 0.90814, 0.7672, 0.1)
"""Of the four steps, and one more near the end."""
SIZE = 128, 64
WORDS = 12


@dataclass
class Parts:
    """The networks, and what a mutant does to what they are given."""

    transformer: Flux2Transformer2DModel
    vae: AutoencoderKLFlux2
    scheduler: FlowMatchEulerDiscreteScheduler
    shown: Callable[[Image.Image], Image.Image] = lambda picture: picture
    kept: int = 2


Mutant = Callable[[Parts], None]


@pytest.fixture
def parts(weights: Path) -> Parts:
    """The published layout, read anew for each test."""
    folder = weights / "flux2-klein-4b"
    return Parts(
        Flux2Transformer2DModel.from_pretrained(folder / "transformer").eval(),
        AutoencoderKLFlux2.from_pretrained(folder / "vae").eval(),
        FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
    )


@torch.no_grad()
def measured(parts: Parts) -> dict[str, Tensor]:
    """Patches of references, single forwards on given patches, latents of a picture with references and without."""
    shown = [Image.open(io.BytesIO(picture(seed, (64, 80)))).convert("RGB") for seed in (1, 2)]
    references = [latents.encode(parts.shown(each), parts.vae, 2**20) for each in shown][: parts.kept]
    words = noise((1, WORDS, 48), 0, "golden")
    drawn = noise((1, 16, SIZE[1] // latents.PATCH, SIZE[0] // latents.PATCH), 0, "initial")
    made = [denoise(Run(parts.transformer, parts.scheduler, 4, words, drawn, r), _ignored) for r in ([], references)]
    return {
        "references": torch.cat([each.flatten() for each in references]),
        "forward": _forwards(parts, words, drawn),
        "plain": made[0],
        "shown": made[1],
    }


def _forwards(parts: Parts, words: Tensor, drawn: Tensor) -> Tensor:
    rows, columns = drawn.shape[2:]
    return torch.cat(
        [
            parts.transformer(
                hidden_states=latents.tokens(noise(tuple(drawn.shape), i, "golden")),
                timestep=torch.tensor([t]),
                guidance=None,
                encoder_hidden_states=words,
                txt_ids=latents.text_places(WORDS),
                img_ids=latents.places(rows, columns),
                return_dict=False,
            )[0]
            for i, t in enumerate(TIMESTEPS)
        ]
    )


def _ignored(*_: object) -> None:
    return None


def test_the_values_are_the_known_ones(parts: Parts) -> None:
    far = {name: distance(GOLDEN, name, made) for name, made in measured(parts).items()}
    assert max(far.values()) < TOLERANCE, far


def swapped_colours(parts: Parts) -> None:
    """Blue for red in what the model is shown."""
    parts.shown = lambda picture: Image.merge("RGB", picture.split()[::-1])


def swapped_channels(parts: Parts) -> None:
    """The first two channels of a token in each other's place."""
    weight = parts.transformer.x_embedder.weight
    weight.data = weight.data[:, [1, 0, *range(2, weight.shape[1])]]


def dropped_reference(parts: Parts) -> None:
    """The second picture forgotten."""
    parts.kept = 1


def wrong_scheduler(parts: Parts) -> None:
    """The base model's even steps."""
    parts.scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=False)


def no_statistics(parts: Parts) -> None:
    """Patches as the autoencoder gives them, without the statistics that it keeps."""
    bn: Any = parts.vae.bn
    bn.running_mean.zero_()
    bn.running_var.fill_(1.0)


@pytest.mark.parametrize(
    ("mutant", "moved"),
    [
        (swapped_colours, ("references", "shown")),
        (swapped_channels, ("forward", "plain", "shown")),
        (dropped_reference, ("shown",)),
        (wrong_scheduler, ("plain", "shown")),
        (no_statistics, ("references", "shown")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_mutant_misses_by_more_than_ten_times_the_tolerance(
    parts: Parts, mutant: Mutant, moved: tuple[str, ...]
) -> None:
    mutant(parts)
    made = measured(parts)
    far = {name: distance(GOLDEN, name, made[name]) for name in moved}
    assert min(far.values()) > MUTANT, far
