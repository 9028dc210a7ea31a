"""Golden outputs and teacher-forced forwards on tiny weights, and faults that must show in them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanTransformer3DModel
from torch import Tensor

from functions.models.noise import noise
from functions.models.video import to_pixels
from functions.motion_wan.adapters import Variant
from functions.motion_wan.engine import MotionWan, Work
from tests.functions.motion_wan.conftest import Worker
from tests.servers.golden import MUTANT, TOLERANCE, distance
from tests.servers.job import LocalJob
from tests.servers.motion import motion, picture, small

GOLDEN = Path(__file__).with_name("golden.json")
Fault = Callable[["Faulty", Work], Work]


class Faulty(MotionWan):
    """The engine with one thing done wrongly."""

    fault: Fault | None = None
    clean: Tensor

    def prepare(self, job: Any, params: Any) -> Work:
        work = super().prepare(job, params)
        work = replace(work, recipe=work.recipe.model_copy(update={"cache": 0.0}))
        return work if self.fault is None else type(self).fault(self, work)  # type: ignore[misc]

    def decoded(self, vae: Any, clean: Tensor) -> Iterator[Tensor]:
        self.clean = clean
        return super().decoded(vae, clean)


def clean(folder: Path, tier: str, fault: Fault | None = None) -> Tensor:
    """Latents of a job with a fault."""
    kind = type("Faulted", (Faulty,), {"fault": staticmethod(fault) if fault else None})
    (folder / "key.png").write_bytes(picture(1))
    engine = kind(small("motion-wan"))
    params = motion(16, 9, tier=tier, steps=None if tier == "draft" else 6, seed=5)
    engine.run(LocalJob(folder / "job", engine.manifest, params, ["clip.mp4"], {"image": folder / "key.png"}))
    found: Tensor = engine.clean
    return found


def swapped_channels(engine: Faulty, work: Work) -> Work:
    """Blue for red in the keyframe."""
    del engine
    return replace(work, pictures=replace(work.pictures, first=np.ascontiguousarray(work.pictures.first[..., ::-1])))


def wrong_scheduler(engine: Faulty, work: Work) -> Work:
    """Euler where UniPC is meant."""
    del engine
    sigmas = tuple(1 - n / 6 for n in range(6))
    return replace(work, recipe=work.recipe.model_copy(update={"solver": "euler", "sigmas": sigmas}))


def wrong_shift(engine: Faulty, work: Work) -> Work:
    """The published scheduler's shift."""
    del engine
    return replace(work, recipe=work.recipe.model_copy(update={"shift": 3.0}))


def wrong_boundary(engine: Faulty, work: Work) -> Work:
    """The high-noise expert works too long."""
    del engine
    return replace(work, recipe=work.recipe.model_copy(update={"boundary": 0.6}))


def dropped_adapter(engine: Faulty, work: Work) -> Work:
    """The low-noise expert without its distillation."""
    low = engine.networks().expert("low", work.made.size, work.made.frames, Variant("published"), None)
    return replace(work, experts={**work.experts, "low": low})


@pytest.fixture
def place(worker: Worker, tmp_path: Path) -> Path:
    """The folder of a test, with the environment of a worker."""
    worker()
    return tmp_path


@pytest.mark.parametrize("tier", ["draft", "standard"])
def test_latents_are_golden(place: Path, tier: str) -> None:
    assert distance(GOLDEN, tier, clean(place, tier)) < TOLERANCE


@pytest.mark.parametrize(
    ("tier", "fault"),
    [
        ("draft", swapped_channels),
        ("draft", wrong_boundary),
        ("draft", dropped_adapter),
        ("standard", wrong_scheduler),
        ("standard", wrong_shift),
        ("standard", wrong_boundary),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_fault_shows_ten_times_beyond_the_tolerance(place: Path, tier: str, fault: Fault) -> None:
    assert distance(GOLDEN, tier, clean(place, tier, fault)) > MUTANT


@pytest.mark.parametrize("part", ["transformer", "transformer_2"])
def test_single_forwards_on_given_latents_are_golden(weights: Path, part: str) -> None:
    model = WanTransformer3DModel.from_pretrained(weights / "wan2.2-i2v-a14b", subfolder=part, local_files_only=True)
    hidden, text = noise((1, 36, 3, 6, 8), 1, "initial"), noise((1, 512, 32), 2, "initial")
    for timestep in (1000.0, 937.5, 833.3333, 625.0, 100.0):
        with torch.no_grad():
            made = model(hidden, torch.tensor([timestep]), text, return_dict=False)[0]
        assert distance(GOLDEN, f"{part}@{timestep:g}", made) < TOLERANCE


def test_frames_one_late_would_show(place: Path) -> None:
    latents = clean(place, "draft")
    frames = to_pixels(latents[:, :3].repeat(1, 1, 3, 1, 1)).float()
    assert distance(GOLDEN, "frames", frames) < TOLERANCE
    late = torch.cat([frames[1:], frames[-1:]])
    assert distance(GOLDEN, "frames", late) > MUTANT
