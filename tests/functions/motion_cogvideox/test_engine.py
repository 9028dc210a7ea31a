from functions.motion_cogvideox.engine import MotionCogVideoX
from tests.functions.motion_cogvideox.conftest import SIZE, Worker
from tests.servers.motion import motion


def test_a_clip_is_made_from_a_first_frame(worker: Worker) -> None:
    result = worker().run(motion(8, 9, SIZE, seed=3, steps=3))
    assert result.error is None
    assert result.status == "done"
    facts = result.outputs["clip.mp4"].media
    assert (facts.width, facts.height, facts.frames, facts.rate_num) == (160, 96, 9, 8)


def test_another_length_is_refused_before_a_model_is_loaded(worker: Worker) -> None:
    result = worker().run(motion(8, 8, SIZE))
    assert result.error is not None
    assert result.error.code == "bad_input"
    assert "exactly 9 frames" in result.error.message


def test_a_prompt_over_the_limit_and_steps_out_of_range_are_refused(worker: Worker) -> None:
    bench = worker()
    long = bench.run(motion(8, 9, SIZE, prompt="a lone rider crosses the salt flat at dawn " * 60))
    many = bench.run(motion(8, 9, SIZE, steps=500))
    assert long.error is not None
    assert many.error is not None
    assert (long.error.code, "226" in long.error.message) == ("bad_input", True)
    assert (many.error.code, "200" in many.error.message) == ("bad_input", True)


def test_latents_that_are_not_numbers_are_refused_and_the_next_job_is_well(worker: Worker) -> None:
    bench = worker()
    fresh = bench.run(motion(8, 9, SIZE, steps=2))
    engine = bench.engine
    assert isinstance(engine, MotionCogVideoX)
    for key, held in engine.stages.onboard._held.items():
        if key[0][1] == "transformer":  # type: ignore[index]
            held.value.proj_out.bias.data.fill_(float("nan"))
    broken = bench.run(motion(8, 9, SIZE, steps=2))
    assert broken.error is not None
    assert broken.error.code == "output_refused"
    again = bench.run(motion(8, 9, SIZE, steps=2))
    assert again.outputs["clip.mp4"].sha256 == fresh.outputs["clip.mp4"].sha256
