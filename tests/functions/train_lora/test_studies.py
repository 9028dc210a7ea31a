"""What a lesson is made of: the crop that the VAE is shown, its words and its ids; and faults that must show in it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from functions.models.faces import Picture
from functions.models.sdxl import weights
from functions.train_lora.references import Reference
from functions.train_lora.studies import lessons_of
from tests.servers.faces import astronaut
from tests.servers.golden import MUTANT, TOLERANCE

SIDE = 128


@pytest.fixture(scope="module")
def vae(snapshots: dict[str, str]) -> AutoencoderKL:
    return weights.vae(Path(snapshots["VIVIJURE_WEIGHTS"]) / weights.VAE, "cpu", torch.float32)


def view() -> Picture:
    """A square view of a photograph, twice the size that is learned at."""
    return np.ascontiguousarray(cv2.resize(astronaut()[:400, :400], (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_AREA))


@torch.no_grad()
def shown(vae: AutoencoderKL, picture: Picture) -> Tensor:
    """Latents of the whole view at the size that is learned at, by the library alone."""
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255 * 2 - 1
    mean: Tensor = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
    return mean


def test_a_lesson_is_the_crop_as_the_library_encodes_it(vae: AutoencoderKL) -> None:
    (lesson,) = lessons_of(Reference("a", view(), None), 3, SIDE, vae)
    assert (lesson.words, lesson.ids) == (3, (SIDE, SIDE, 0, 0, SIDE, SIDE))
    assert float((lesson.mean - shown(vae, view())).abs().max()) < TOLERANCE


FAULTS: dict[str, Callable[[Picture], Picture]] = {
    "red for blue": lambda picture: np.ascontiguousarray(picture[..., ::-1]),
    "another range": lambda picture: (picture.astype(float) * 219 / 255 + 16).round().astype(np.uint8),
    "one pixel aside": lambda picture: np.roll(picture, 2, axis=1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_ten_times_beyond_the_tolerance(vae: AutoencoderKL, name: str) -> None:
    (lesson,) = lessons_of(Reference("a", view(), None), 3, SIDE, vae)
    assert float((lesson.mean - shown(vae, FAULTS[name](view()))).abs().max()) > MUTANT
