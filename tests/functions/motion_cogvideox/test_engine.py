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
