"""Golden latents of the small engine (TI2V 5B) on tiny weights, and faults that must show in them ten times beyond the
tolerance.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file
from torch import Tensor

from functions.contract.base import Size
from functions.contract.params import Adapter
from functions.motion_wan import latents as lat
from functions.motion_wan.engine import MotionWan, Work
from tests.functions.motion_wan.conftest import Worker
from tests.servers.checkpoints import wan
from tests.servers.golden import MUTANT, TOLERANCE, distance
from tests.servers.job import LocalJob
from tests.servers.motion import motion, picture, small

GOLDEN = Path(__file__).with_name("small.json")
SQUARE = Size(width=64, height=64)
LORA = "lora_mira"
Fault = Callable[["Faulty", Work], Work]


class Faulty(MotionWan):
    """The small engine with one thing done wrongly."""

    fault: Fault | None = None
    late = False
    clean: Tensor

    def prepare(self, job: Any, params: Any) -> Work:
        work = super().prepare(job, params)
        return work if self.fault is None else self.fault(self, work)

    def _condition(self, vae: Any, work: Work, shape: tuple[int, ...]) -> lat.Condition:
        made = super()._condition(vae, work, shape)
        assert made.mask is not None
        return replace(made, mask=made.mask.roll(1, 2)) if self.late else made

    def decoded(self, vae: Any, clean: Tensor) -> Iterator[Tensor]:
        self.clean = clean
        return super().decoded(vae, clean)


def clean(folder: Path, fault: Fault | None = None) -> Tensor:
    """Latents behind the keyframe's own of a job in a LoRA, with a fault."""
    inputs = {"image": folder / "key.png", LORA: folder / "lora.safetensors"}
    inputs["image"].write_bytes(picture(1))
    save_file(wan.adapter(seed=6), inputs[LORA])
    engine = Faulty(small("motion-wan-small", SQUARE))
    engine.fault = fault
    params = motion(24, 9, SQUARE, steps=4, seed=5, adapters=(Adapter(input=LORA),))
    engine.run(LocalJob(folder / "job", engine.manifest, params, ["clip.mp4"], inputs))
    return engine.clean[:, :, 1:]


def swapped_channels(engine: Faulty, work: Work) -> Work:
    """Blue for red in the keyframe."""
    del engine
    return replace(work, pictures=replace(work.pictures, first=np.ascontiguousarray(work.pictures.first[..., ::-1])))


def wrong_shift(engine: Faulty, work: Work) -> Work:
    """The published scheduler's shift."""
    del engine
    return replace(work, recipe=work.recipe.model_copy(update={"shift": 3.0}))


def wrong_scheduler(engine: Faulty, work: Work) -> Work:
    """Euler where UniPC is meant."""
    del engine
    return replace(work, recipe=work.recipe.model_copy(update={"solver": "euler", "sigmas": (1.0, 0.75, 0.5, 0.25)}))


def dropped_adapter(engine: Faulty, work: Work) -> Work:
    """The person's LoRA forgotten."""
    job = LocalJob(Path(), engine.manifest, work.params, [], {})
    bare = work.params.model_copy(update={"adapters": ()})
    return replace(work, experts=engine._experts(job, bare, work.recipe, work.made))


def keyframe_late(engine: Faulty, work: Work) -> Work:
    """The keyframe held in the second latent frame."""
    engine.late = True
    return work


@pytest.fixture
def place(worker: Worker, tmp_path: Path) -> Path:
    """The folder of a test, with the environment of a worker."""
    worker("motion-wan-small", size=SQUARE)
    return tmp_path


def test_latents_are_golden(place: Path) -> None:
    assert distance(GOLDEN, "clip", clean(place)) < TOLERANCE


@pytest.mark.parametrize("fault", [swapped_channels, wrong_shift, wrong_scheduler, dropped_adapter, keyframe_late])
def test_a_fault_shows_ten_times_beyond_the_tolerance(place: Path, fault: Fault) -> None:
    assert distance(GOLDEN, "clip", clean(place, fault)) > MUTANT
