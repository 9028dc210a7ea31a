"""What the engine refuses, and what it survives."""

from pathlib import Path
from typing import Any

import pytest
import torch

from functions.contract.base import Size
from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress
from functions.models.plan import ModelSize, make_plan
from functions.motion_ltx.engine import MotionLtx, passes
from functions.runtime.children import Stop
from tests.functions.motion_ltx.conftest import Worker
from tests.servers.motion import motion, picture

SIZE = Size(width=96, height=64)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": "a lone rider crosses the salt flat at dawn " * 60}, "256"),
        ({"steps": 20}, "exactly 8 steps"),
        ({"guidance": 3000}, "without guidance"),
        ({"rate": 16}, "frames a second"),
        ({"frames": 300}, "257"),
    ],
)
def test_what_it_cannot_do_is_refused(worker: Worker, values: dict[str, Any], said: str) -> None:
    rate, frames = values.pop("rate", 24), values.pop("frames", 9)
    result = worker().run(motion(rate, frames, SIZE, **values))
    assert result.error is not None
    assert (result.error.code, said in result.error.message) == ("bad_input", True), result.error.message


def test_a_last_frame_and_an_odd_length_are_taken(worker: Worker) -> None:
    bench = worker()
    plain = bench.run(motion(24, 14, SIZE))
    both = bench.run(motion(24, 14, SIZE), {"image": picture(), "end_image": picture(2)})
    assert plain.outputs["clip.mp4"].media.frames == both.outputs["clip.mp4"].media.frames == 14
    assert plain.outputs["clip.mp4"].sha256 != both.outputs["clip.mp4"].sha256
    assert "frames_snapped" in {note.code for note in plain.notes}


def test_a_cancelled_job_stops_within_a_step_and_the_next_equals_a_fresh_one(worker: Worker) -> None:
    bench, stop, told = worker(), Stop(), []
    fresh = bench.run(motion(24, 9, SIZE, seed=2))

    def report(progress: JobProgress) -> None:
        if progress.stage == "denoise":
            told.append(progress.done)
            stop.set(Cancelled("enough"))

    stopped = bench.run(motion(24, 9, SIZE, seed=2), stop=stop, report=report)
    assert stopped.error is not None
    assert (stopped.error.code, max(told) <= 2) == ("cancelled", True)
    assert bench.run(motion(24, 9, SIZE, seed=2)).outputs["clip.mp4"].sha256 == fresh.outputs["clip.mp4"].sha256


def test_out_of_memory_is_made_again_once_one_plan_smaller(worker: Worker) -> None:
    bench = worker()
    bench.run(motion(24, 9, SIZE, prompt="first"))
    engine = bench.engine
    assert isinstance(engine, MotionLtx)
    failed: list[bool] = []

    def once(*_: object) -> None:
        if not failed:
            failed.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory")

    for key, held in engine.stages.onboard._held.items():
        if key[0][1] == "transformer":  # type: ignore[index]
            held.value.register_forward_pre_hook(once)
    result = bench.run(motion(24, 9, SIZE))
    assert result.error is None
    assert "replanned" in {note.code for note in result.notes}


def test_latents_that_are_not_numbers_are_refused_and_the_next_job_is_well(worker: Worker) -> None:
    bench = worker()
    bench.run(motion(24, 9, SIZE))
    engine = bench.engine
    assert isinstance(engine, MotionLtx)
    for key, held in engine.stages.onboard._held.items():
        if key[0][1] == "transformer":  # type: ignore[index]
            held.value.proj_out.bias.data.fill_(float("nan"))
    result = bench.run(motion(24, 9, SIZE))
    assert result.error is not None
    assert (result.error.code, "step 1 " in result.error.message) == ("output_refused", True), result.error.message
    assert bench.run(motion(24, 9, SIZE)).error is None


def test_a_missing_or_altered_weight_file_is_named(weights: Path, worker: Worker) -> None:
    bench = worker()
    path = next((weights / "ltxv-2b-0.9.8-distilled").glob("*.safetensors"))
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        altered = bench.run(motion(24, 9, SIZE)).error
        path.unlink()
        missing = bench.run(motion(24, 9, SIZE)).error
    finally:
        path.write_bytes(whole)
    assert altered is not None
    assert missing is not None
    assert (altered.code, path.name in altered.message) == ("engine_failed", True), altered.message
    assert "missing" in missing.message
    assert bench.run(motion(24, 9, SIZE)).error is None


def test_the_two_sizes_are_two_thirds_and_twice_that() -> None:
    assert passes(Size(width=704, height=512), 32) == (Size(width=448, height=320), Size(width=896, height=640))
    assert passes(Size(width=1216, height=704), 32) == (Size(width=800, height=448), Size(width=1600, height=896))


@pytest.mark.parametrize("vram", [12, 10.8])
def test_the_2b_model_has_a_plan_on_a_12_gb_card(vram: float) -> None:
    pixels, tokens = 704 * 512, 16 * 704 * 512 // 1024
    models = [
        ModelSize("text_encoder", 9_500_000_000, 256 * (10240 * 3 + 4096 * 8) * 2),
        ModelSize("vae", 1_250_000_000, 121 * pixels * 48 * 2, tiled_bytes=121 * (512 * 512 * 48 * 2 + pixels * 9 * 2)),
        ModelSize("transformer", 3_850_000_000, tokens * 2048 * 24 * 2, quantisable=True),
    ]
    plan = make_plan(models, int(vram * 1e9), 48 * 10**9, 40 * 10**9, "bf16")
    assert plan.peak_vram_bytes <= vram * 1e9
