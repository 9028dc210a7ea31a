"""Golden latents on tiny weights, and faults that must show in them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from functions.contract.manifest import DurationGrid
from functions.motion_cogvideox.engine import MotionCogVideoX, Work
from tests.functions.motion_cogvideox.conftest import SIZE, Worker
from tests.servers.golden import MUTANT, TOLERANCE, distance
from tests.servers.job import LocalJob
from tests.servers.motion import motion, picture, small

GOLDEN = Path(__file__).with_name("golden.json")
Fault = Callable[[Work], Work]


class Faulty(MotionCogVideoX):
    """The engine with one thing done wrongly."""

    fault: Fault | None = None
    clean: Tensor

    def prepare(self, job: Any, params: Any) -> Work:
        work = super().prepare(job, params)
        return work if self.fault is None else self.fault(work)

    def decoded(self, vae: Any, clean: Tensor) -> Iterator[Tensor]:
        self.clean = clean
        return super().decoded(vae, clean)


def clean(folder: Path, fault: Fault | None = None) -> Tensor:
    """Latents of a job with a fault."""
    (folder / "key.png").write_bytes(picture(1))
    engine = Faulty(small("motion-cogvideox", SIZE, durations=DurationGrid(base=9, shortest=9, longest=9)))
    engine.fault = fault
    params = motion(8, 9, SIZE, steps=5, seed=5)
    engine.run(LocalJob(folder / "job", engine.manifest, params, ["clip.mp4"], {"image": folder / "key.png"}))
    return engine.clean


def swapped_channels(work: Work) -> Work:
    """Blue for red in the keyframe."""
    return replace(work, pictures=replace(work.pictures, first=np.ascontiguousarray(work.pictures.first[..., ::-1])))


def wrong_guidance(work: Work) -> Work:
    """Less guidance than asked for."""
    return replace(work, recipe=work.recipe.model_copy(update={"guidance": 1.0}))


def swapped_prompts(work: Work) -> Work:
    """The negative prompt left out."""
    return replace(work, negative="a rider crosses")


@pytest.fixture
def place(worker: Worker, tmp_path: Path) -> Path:
    """The folder of a test, with the environment of a worker."""
    worker()
    return tmp_path


def test_latents_are_golden(place: Path) -> None:
    assert distance(GOLDEN, "clip", clean(place)) < TOLERANCE


@pytest.mark.parametrize("fault", [swapped_channels, wrong_guidance, swapped_prompts])
def test_a_fault_shows_ten_times_beyond_the_tolerance(place: Path, fault: Fault) -> None:
    assert distance(GOLDEN, "clip", clean(place, fault)) > MUTANT
