from tests.functions.motion_wan.conftest import Worker
from tests.servers.motion import motion


def test_a_draft_is_made_from_a_first_frame(worker: Worker) -> None:
    result = worker().run(motion(16, 9, seed=3))
    assert result.error is None
    assert result.status == "done"
    facts = result.outputs["clip.mp4"].media
    assert (facts.width, facts.height, facts.frames, facts.rate_num) == (64, 48, 9, 16)
