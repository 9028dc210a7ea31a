"""Known values of a few steps of training on the tiny UNet, and mutants that must miss them by far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from functions.models.noise import noise
from functions.models.sdxl import weights
from functions.models.sdxl.text import Words
from functions.train_lora import lora
from functions.train_lora.training import Lesson, Trainer
from tests.servers.checkpoints.sdxl import FIRST, SECOND, tiny_unet
from tests.servers.golden import MUTANT, TOLERANCE, distance

GOLDEN = Path(__file__).with_name("golden.json")
STEPS = 3
IDS = (64, 64, 0, 0, 64, 64)


@dataclass
class Set:
    """What is trained on, for mutants to change."""

    rows: tuple[int, int] = (0, 1)
    ids: tuple[int, int, int, int, int, int] = IDS
    schedule: dict[str, Any] = field(default_factory=weights.schedule)
    shown: Callable[[Tensor], Tensor] = lambda latents: latents


Mutant = Callable[[Set], None]


def measured(given: Set) -> dict[str, Tensor]:
    """Losses of a few steps, the pairs after them, and what the UNet then says of given latents."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    unet: UNet2DConditionModel = tiny_unet().requires_grad_(False)
    words = Words(noise((2, 77, FIRST + SECOND), 0, "golden"), noise((2, SECOND), 0, "golden", 1))
    learning = lora.attach(unet, 4, 1)
    latents = [given.shown(noise((1, 4, 8, 8), seed, "golden")) for seed in (4, 5)]
    own = [
        Lesson(mean, torch.full_like(mean, 0.1), row, given.ids) for mean, row in zip(latents, given.rows, strict=True)
    ]
    teacher, optimiser = Trainer(unet, words, own, (), given.schedule, seed=5), torch.optim.SGD(learning, lr=0.5)
    losses = []
    for step in range(STEPS):
        losses.append(teacher.loss(step))
        optimiser.step()
        optimiser.zero_grad()
    more = {"text_embeds": words.pooled[:1], "time_ids": torch.tensor([IDS], dtype=torch.float32)}
    with torch.no_grad():
        told = [
            unet(noise((1, 4, 8, 8), t, "golden"), t, words.states[:1], added_cond_kwargs=more, return_dict=False)[0]
            for t in (999, 749, 499, 249, 20)
        ]
    pairs = torch.cat([value.flatten() for _, value in sorted(lora.learned(unet).items())])
    return {"losses": torch.tensor(losses), "pairs": pairs, "forwards": torch.cat(told)}


def test_the_values_are_the_known_ones() -> None:
    far = {name: distance(GOLDEN, name, made) for name, made in measured(Set()).items()}
    assert max(far.values()) < TOLERANCE, far


def swapped_channels(given: Set) -> None:
    """The first two latent channels in each other's place."""
    given.shown = lambda latents: latents[:, [1, 0, 2, 3]]


def swapped_captions(given: Set) -> None:
    """Each picture learned with the other's words."""
    given.rows = 1, 0


def wrong_schedule(given: Set) -> None:
    """Betas that rise evenly."""
    given.schedule = {**given.schedule, "beta_schedule": "linear"}


def wrong_crop(given: Set) -> None:
    """A crop that says it lies elsewhere."""
    given.ids = (64, 64, 32, 32, 64, 64)


@pytest.mark.parametrize("mutant", [swapped_channels, swapped_captions, wrong_schedule, wrong_crop])
def test_a_mutant_misses_by_more_than_ten_times_the_tolerance(mutant: Mutant) -> None:
    given = Set()
    mutant(given)
    assert distance(GOLDEN, "losses", measured(given)["losses"]) > MUTANT
