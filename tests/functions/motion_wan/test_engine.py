"""Whole jobs through the real runtime, on tiny weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save

from functions.contract.base import Size, Tier
from functions.contract.errors import Cancelled
from functions.contract.job import JobResult
from functions.contract.params import Adapter
from functions.media.probe import video_luma
from functions.motion_wan.engine import MotionWan
from tests.functions.motion_wan.conftest import Worker
from tests.servers.checkpoints import wan
from tests.servers.job import LocalJob
from tests.servers.motion import Bench, motion, picture

SQUARE = Size(width=64, height=64)
STEPS: dict[Tier, int | None] = {"draft": None, "standard": 5, "final": 6}


def done(result: JobResult) -> JobResult:
    """A result that has all it should."""
    assert result.error is None, result.error
    assert result.status == "done"
    return result


def codes(result: JobResult) -> set[str]:
    """Codes of the notes of a result."""
    return {note.code for note in result.notes}


def failure(result: JobResult) -> tuple[str, str]:
    """Code and message of a refusal."""
    assert result.error is not None
    return result.error.code, result.error.message


def expert_timesteps(bench: Bench) -> dict[str, list[float]]:
    """From now on, the timesteps at which each expert is run, by the name of its variant's part."""
    engine = bench.engine
    assert isinstance(engine, MotionWan)
    seen: dict[str, list[float]] = {}
    for key, held in engine.stages.onboard._held.items():
        part = str(key[0][1])  # type: ignore[index]

        def note(_module: object, _args: object, values: dict[str, torch.Tensor], part: str = part) -> None:
            seen.setdefault(part, []).append(float(values["timestep"].flatten()[-1]))

        if part.startswith("transformer"):
            held.value.register_forward_pre_hook(note, with_kwargs=True)
    return seen


@pytest.mark.parametrize("tier", ["draft", "standard", "final"])
def test_every_tier_is_made_from_a_first_frame(worker: Worker, tier: Tier) -> None:
    bench = worker()
    result = done(bench.run(motion(16, 9, seed=3, tier=tier, steps=STEPS[tier])))
    facts = result.outputs["clip.mp4"].media
    assert (facts.width, facts.height, facts.frames, facts.rate_num) == (64, 48, 9, 16)
    with Image.open(bench.output(result, "last.png")) as last:
        assert last.size == (64, 48)
    assert result.provenance.weights.keys() >= {"wan2.2-i2v-a14b"}


def test_the_draft_runs_two_steps_on_each_expert_at_exact_timesteps(worker: Worker) -> None:
    bench = worker()
    done(bench.run(motion(16, 5)))
    seen = expert_timesteps(bench)
    done(bench.run(motion(16, 5, seed=1)))
    assert seen["transformer"] == pytest.approx([1000, 937.5], abs=1e-3)
    assert seen["transformer_2"] == pytest.approx([833.3333, 625], abs=1e-3)


def test_the_same_seed_makes_the_same_bytes_and_another_one_others(worker: Worker) -> None:
    bench = worker()
    one, again, other = (done(bench.run(motion(16, 9, seed=seed))) for seed in (7, 7, 8))
    assert one.outputs["clip.mp4"].sha256 == again.outputs["clip.mp4"].sha256
    assert one.outputs["clip.mp4"].sha256 != other.outputs["clip.mp4"].sha256


def test_a_last_frame_changes_the_clip(worker: Worker) -> None:
    bench = worker()
    plain = done(bench.run(motion(16, 9)))
    both = done(bench.run(motion(16, 9), {"image": picture(), "end_image": picture(4)}))
    assert plain.outputs["clip.mp4"].sha256 != both.outputs["clip.mp4"].sha256


def test_the_small_engine_measures_its_colour_shift(worker: Worker) -> None:
    bench = worker("motion-wan-small", size=SQUARE)
    result = done(bench.run(motion(24, 9, SQUARE, steps=3)))
    assert "colour_drift" in codes(result)


def test_frames_off_the_grid_are_made_on_it_and_cut(worker: Worker) -> None:
    bench = worker()
    result = done(bench.run(motion(16, 7)))
    assert result.outputs["clip.mp4"].media.frames == 7
    assert len(list(video_luma(bench.output(result)))) == 7
    assert {note.value for note in result.notes if note.code == "frames_snapped"} == {7.0}


def test_another_size_is_made_on_the_grid_and_the_choice_kept(worker: Worker) -> None:
    asked = Size(width=80, height=50)
    result = done(worker().run(motion(16, 5, asked)))
    facts = result.outputs["clip.mp4"].media
    assert (facts.width, facts.height) == (80, 50)
    assert {note.value for note in result.notes if note.code == "size_snapped"} == {"80x50"}


def test_a_keyframe_of_another_aspect_is_cropped_and_said_so(worker: Worker) -> None:
    result = done(worker().run(motion(16, 5), {"image": picture(size=(60, 120))}))
    assert "keyframe_cropped" in codes(result)


def test_numerics_that_this_device_lacks_are_noted_or_refused(worker: Worker) -> None:
    bench = worker()
    assert "numerics" in codes(done(bench.run(motion(16, 5))))
    code, message = failure(bench.run(motion(16, 5, numerics="8bit")))
    assert code == "engine_failed"
    assert "8-bit" in message


def test_a_negative_prompt_without_guidance_is_noted_as_ignored(worker: Worker) -> None:
    bench = worker()
    assert "negative_ignored" in codes(done(bench.run(motion(16, 5, negative="rain"))))
    assert "negative_ignored" not in codes(done(bench.run(motion(16, 5, tier="standard", steps=2, negative="rain"))))


def test_a_prompt_over_the_limit_is_refused_before_a_model_is_loaded(worker: Worker) -> None:
    bench = worker()
    code, message = failure(bench.run(motion(16, 5, prompt="a lone rider crosses the salt flat at dawn " * 90)))
    assert code == "bad_input"
    assert "512" in message
    engine = bench.engine
    assert isinstance(engine, MotionWan)
    assert not engine.stages.onboard.used_bytes


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"frames": 200}, "at most|more than"),
        ({"rate": 24}, "16 frames a second"),
        ({"steps": 8}, "exactly 4 steps"),
        ({"guidance": 3500}, "without guidance"),
    ],
)
def test_what_the_draft_cannot_do_is_refused(worker: Worker, values: dict[str, Any], said: str) -> None:
    rate, frames = values.pop("rate", 16), values.pop("frames", 5)
    code, message = failure(worker().run(motion(rate, frames, **values)))
    assert code == "bad_input"
    assert any(part in message for part in said.split("|")), message


@pytest.mark.parametrize(
    ("data", "said"), [(None, "has none"), (b"no picture", "neither"), (picture()[:200], "damaged")]
)
def test_a_keyframe_that_cannot_be_used_is_refused(worker: Worker, data: bytes | None, said: str) -> None:
    code, message = failure(worker().run(motion(16, 5), {} if data is None else {"image": data}))
    assert code == "bad_input"
    assert said in message


def test_a_missing_or_altered_weight_file_is_named(weights: Path, worker: Worker, tmp_path: Path) -> None:
    bench = worker()
    path = weights / "wan2.2-i2v-a14b" / "vae" / "diffusion_pytorch_model.safetensors"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        code, message = failure(bench.run(motion(16, 5)))
        assert code == "engine_failed"
        assert path.name in message
        path.unlink()
        assert "missing" in failure(bench.run(motion(16, 5)))[1]
    finally:
        path.write_bytes(whole)
    done(bench.run(motion(16, 5)))


class Impatient(LocalJob):
    """Is cancelled when three steps are done."""

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        super().progress(stage, done, total)
        if (stage, done) == ("denoise", 3):
            raise Cancelled("enough")


def test_a_cancelled_job_stops_at_a_step_and_leaves_nothing_behind(worker: Worker, tmp_path: Path) -> None:
    bench = worker()
    params = motion(16, 5, tier="standard", steps=6, seed=4)
    fresh = done(bench.run(params))
    key = tmp_path / "key.png"
    key.write_bytes(picture())
    job = Impatient(tmp_path / "job", bench.manifest, params, ["clip.mp4"], {"image": key})
    with pytest.raises(Cancelled):
        bench.engine.run(job)
    assert job.stages[-1] == ("denoise", 3, 6)
    assert done(bench.run(params)).outputs["clip.mp4"].sha256 == fresh.outputs["clip.mp4"].sha256


def test_latents_that_are_not_numbers_are_refused(worker: Worker) -> None:
    bench = worker()
    done(bench.run(motion(16, 5)))
    engine = bench.engine
    assert isinstance(engine, MotionWan)
    for key, held in engine.stages.onboard._held.items():
        if key[0][1] == "transformer_2":  # type: ignore[index]
            held.value.proj_out.bias.data.fill_(float("nan"))
    code, message = failure(bench.run(motion(16, 5)))
    assert code == "output_refused"
    assert "step 3" in message
    done(bench.run(motion(16, 5)))


@pytest.mark.parametrize("part", ["text_encoder", "transformer", "transformer_2", "vae"])
def test_out_of_memory_at_any_stage_is_made_again_once_one_plan_smaller(worker: Worker, part: str) -> None:
    bench = worker()
    done(bench.run(motion(16, 5, prompt="first")))
    engine = bench.engine
    assert isinstance(engine, MotionWan)
    failed: list[str] = []

    def once(*_: object) -> None:
        if not failed:
            failed.append(part)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    for key, held in engine.stages.onboard._held.items():
        if key[0][1] == part:  # type: ignore[index]
            (held.value.decoder if part == "vae" else held.value).register_forward_pre_hook(once)
    result = done(bench.run(motion(16, 5, prompt="second")))
    assert failed == [part]
    assert "replanned" in codes(result)


def lora(seed: int, prefix: str = "diffusion_model.") -> bytes:
    """A LoRA file of one expert."""
    torch.manual_seed(seed)
    return save({key.replace("diffusion_model.", prefix, 1): value for key, value in wan.adapter().items()})


@pytest.mark.parametrize("name", ["lora_mira_high", "lora_mira_low"])
def test_a_lora_acts_on_the_expert_it_names(worker: Worker, name: str) -> None:
    bench = worker()
    plain = done(bench.run(motion(16, 5)))
    inputs = {"image": picture(), name: lora(5)}
    dressed = done(bench.run(motion(16, 5, adapters=(Adapter(input=name),)), inputs))
    faint = done(bench.run(motion(16, 5, adapters=(Adapter(input=name, scale=10),)), inputs))
    digests = {result.outputs["clip.mp4"].sha256 for result in (plain, dressed, faint)}
    assert len(digests) == 3
    again = done(bench.run(motion(16, 5)))
    assert again.outputs["clip.mp4"].sha256 == plain.outputs["clip.mp4"].sha256


def test_a_lora_acts_on_the_only_expert_of_the_small_engine(worker: Worker) -> None:
    bench = worker("motion-wan-small", size=SQUARE)
    plain = done(bench.run(motion(24, 5, SQUARE)))
    inputs = {"image": picture(), "lora_mira": lora(5)}
    made = [
        done(bench.run(motion(24, 5, SQUARE, adapters=(Adapter(input="lora_mira", scale=scale),)), inputs))
        for scale in (1000, 10)
    ]
    assert len({result.outputs["clip.mp4"].sha256 for result in (plain, *made)}) == 3


def test_a_lora_that_names_no_expert_or_fits_nothing_is_refused(worker: Worker) -> None:
    bench = worker()
    adapters = (Adapter(input="lora_mira"),)
    code, message = failure(bench.run(motion(16, 5, adapters=adapters), {"image": picture(), "lora_mira": lora(5)}))
    assert (code, "which expert" in message) == ("bad_input", True)
    other = {"image": picture(), "lora_mira": lora(5, "down_blocks.0.")}
    assert failure(bench.run(motion(16, 5, adapters=adapters), other))[0] == "bad_input"
    assert "not among the inputs" in failure(bench.run(motion(16, 5, adapters=adapters)))[1]
