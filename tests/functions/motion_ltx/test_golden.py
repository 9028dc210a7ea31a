"""Golden latents on tiny weights, and faults that must show in them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from functions.contract.base import Size
from functions.motion_ltx.engine import MotionLtx, Work
from tests.functions.motion_ltx.conftest import Worker
from tests.servers.golden import MUTANT, TOLERANCE, distance
from tests.servers.job import LocalJob
from tests.servers.motion import motion, picture, small

GOLDEN = Path(__file__).with_name("golden.json")
SIZE = Size(width=96, height=64)
Fault = Callable[[Work], Work]


class Faulty(MotionLtx):
    """The engine with one thing done wrongly."""

    fault: Fault | None = None
    clean: Tensor

    def prepare(self, job: Any, params: Any) -> Work:
        work = super().prepare(job, params)
        return work if self.fault is None else self.fault(work)

    def decoded(self, vae: Any, clean: Tensor, recipe: Any, draw: Any) -> Iterator[Tensor]:
        self.clean = clean
        return super().decoded(vae, clean, recipe, draw)


def clean(folder: Path, tier: str, fault: Fault | None = None) -> Tensor:
    """Latents of a job with a fault, from a first and a last frame."""
    inputs = {"image": folder / "key.png", "end_image": folder / "end.png"}
    for number, path in enumerate(inputs.values()):
        path.write_bytes(picture(number))
    engine = Faulty(small("motion-ltx", SIZE))
    engine.fault = fault
    engine.run(LocalJob(folder / "job", engine.manifest, motion(24, 17, SIZE, tier=tier, seed=5), ["clip.mp4"], inputs))
    return engine.clean


def swapped_channels(work: Work) -> Work:
    """Blue for red in the keyframe."""
    return replace(work, pictures=replace(work.pictures, first=np.ascontiguousarray(work.pictures.first[..., ::-1])))


def dropped_last(work: Work) -> Work:
    """The last frame forgotten."""
    return replace(work, pictures=replace(work.pictures, last=None))


def wrong_sigmas(work: Work) -> Work:
    """Steps at even distances."""
    even = tuple(1 - n / len(work.recipe.first) for n in range(len(work.recipe.first)))
    return replace(work, recipe=work.recipe.model_copy(update={"first": even}))


def no_statistics(work: Work) -> Work:
    """The second size without the first one's statistics."""
    return replace(work, recipe=work.recipe.model_copy(update={"adain": 0.0}))


@pytest.fixture
def place(worker: Worker, tmp_path: Path) -> Path:
    """The folder of a test, with the environment of a worker."""
    worker()
    return tmp_path


@pytest.mark.parametrize("tier", ["draft", "standard", "final"])
def test_latents_are_golden(place: Path, tier: str) -> None:
    assert distance(GOLDEN, tier, clean(place, tier)) < TOLERANCE


@pytest.mark.parametrize(
    ("tier", "fault"),
    [
        ("draft", swapped_channels),
        ("draft", dropped_last),
        ("draft", wrong_sigmas),
        ("standard", wrong_sigmas),
        ("standard", no_statistics),
    ],
)
def test_a_fault_shows_ten_times_beyond_the_tolerance(place: Path, tier: str, fault: Fault) -> None:
    assert distance(GOLDEN, tier, clean(place, tier, fault)) > MUTANT
