"""What ends a job of the engine early, and faults that must show in its numbers."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from torch import Tensor

from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress
from functions.models.noise import noise
from functions.motion_cogvideox import latents as lat
from functions.motion_cogvideox.denoise import Prompts, denoise, rotary, scheduler
from functions.motion_cogvideox.recipes import WEIGHTS, Recipe
from functions.runtime.children import Stop
from tests.functions.motion_cogvideox.conftest import SIZE, Worker
from tests.servers.checkpoints.cogvideox import COLUMNS, FRAMES, ROWS
from tests.servers.checkpoints.ltx import WIDTH
from tests.servers.golden import MUTANT, TOLERANCE, distance
from tests.servers.memory import OutOfMemoryAt
from tests.servers.motion import motion

GOLDEN = Path(__file__).with_name("faults.json")
SHAPE = lat.shape(4, FRAMES, ROWS, COLUMNS)
TIMESTEPS = (999, 799, 599, 399, 199)
SHORT = Recipe(steps=4, guidance=6.0)


@pytest.fixture(scope="module")
def model(weights: Path) -> CogVideoXTransformer3DModel:
    found: CogVideoXTransformer3DModel = CogVideoXTransformer3DModel.from_pretrained(
        weights / WEIGHTS, subfolder="transformer", local_files_only=True
    )
    return found.eval()


def test_a_cancelled_job_stops_within_a_step_and_the_next_equals_a_fresh_one(worker: Worker) -> None:
    bench, stop, told = worker(), Stop(), []
    params = motion(8, 9, SIZE, seed=2, steps=4)
    fresh = bench.run(params)

    def report(progress: JobProgress) -> None:
        if progress.stage == "denoise":
            told.append(progress.done)
            stop.set(Cancelled("enough"))

    stopped = bench.run(params, stop=stop, report=report)
    assert stopped.error is not None
    assert (stopped.error.code, max(told) <= 2) == ("cancelled", True)
    assert bench.run(params).outputs["clip.mp4"].sha256 == fresh.outputs["clip.mp4"].sha256


@pytest.mark.parametrize("stage", ["picture", "denoise"])
def test_out_of_memory_is_made_again_once_one_plan_smaller(worker: Worker, stage: str) -> None:
    with OutOfMemoryAt(stage) as memory:
        result = worker().run(motion(8, 9, SIZE, steps=2), report=memory.report)
    assert result.error is None, result.error
    assert "replanned" in {note.code for note in result.notes}


@pytest.mark.parametrize("part", ["transformer", "vae"])
def test_a_missing_or_altered_weight_file_is_named(weights: Path, worker: Worker, part: str) -> None:
    bench, params = worker(), motion(8, 9, SIZE, steps=2)
    path = next((weights / WEIGHTS / part).glob("*.safetensors"))
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        altered = bench.run(params).error
        path.unlink()
        missing = bench.run(params).error
    finally:
        path.write_bytes(whole)
    assert altered is not None
    assert missing is not None
    assert (altered.code, path.name in altered.message) == ("engine_failed", True), altered.message
    assert "missing" in missing.message


def test_single_forwards_on_given_latents_are_golden(model: CogVideoXTransformer3DModel) -> None:
    hidden, words = noise((1, SHAPE[1], 8, SHAPE[3], SHAPE[4]), 1, "golden"), noise((1, 226, WIDTH), 2, "golden")
    turns = rotary(model.config, SHAPE[1], SHAPE[3], SHAPE[4], torch.device("cpu"))
    for timestep in TIMESTEPS:
        with torch.no_grad():
            made = model(
                hidden_states=hidden,
                encoder_hidden_states=words,
                timestep=torch.tensor([timestep]),
                image_rotary_emb=turns,
                return_dict=False,
            )[0]
        assert distance(GOLDEN, f"{timestep}", made) < TOLERANCE


def denoised(model: CogVideoXTransformer3DModel) -> Tensor:
    """Latents of four steps from given noise."""
    texts = Prompts(*(noise((1, 226, WIDTH), seed, "golden") for seed in (2, 3)))
    draw, picture = noise(SHAPE, 1, "golden"), noise(SHAPE, 4, "golden") * 0.1
    return denoise(model, SHORT, draw, picture, texts, lambda n: torch.Generator().manual_seed(n), lambda *_: None)


def test_latents_of_four_steps_are_golden(model: CogVideoXTransformer3DModel) -> None:
    assert distance(GOLDEN, "latents", denoised(model)) < TOLERANCE


def test_another_solver_shows_ten_times_beyond_the_tolerance(
    model: CogVideoXTransformer3DModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(scheduler(SHORT, torch.device("cpu")))
    plain: Any = inspect.getattr_static(kind, "__init__")

    def leading(self: Any, *args: Any, **values: Any) -> None:
        plain(self, *args, **{**values, "timestep_spacing": "leading"})

    monkeypatch.setattr(kind, "__init__", leading)
    assert distance(GOLDEN, "latents", denoised(model)) > MUTANT


@pytest.fixture(scope="module")
def frames(weights: Path) -> Tensor:
    """A decoded clip, one row a frame."""
    vae = AutoencoderKLCogVideoX.from_pretrained(weights / WEIGHTS, subfolder="vae", local_files_only=True).eval()
    with torch.no_grad():
        return torch.cat(list(lat.decode(vae, noise(SHAPE, 5, "golden")))).flatten(1).float()


def test_decoded_frames_are_golden(frames: Tensor) -> None:
    assert len(frames) == FRAMES
    assert distance(GOLDEN, "frames", frames[:, :1]) < TOLERANCE


def test_frames_one_late_would_show(frames: Tensor) -> None:
    assert distance(GOLDEN, "frames", torch.cat([frames[1:], frames[-1:]])[:, :1]) > MUTANT
