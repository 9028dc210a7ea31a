import pytest

from functions.contract.base import Size, Tier
from tests.functions.motion_ltx.conftest import Worker
from tests.servers.motion import motion

WIDE = Size(width=96, height=64)


@pytest.mark.parametrize("tier", ["draft", "standard", "final"])
def test_every_tier_is_made_from_a_first_frame(worker: Worker, tier: Tier) -> None:
    result = worker().run(motion(24, 17, WIDE, seed=3, tier=tier))
    assert result.error is None
    assert result.status == "done"
    facts = result.outputs["clip.mp4"].media
    assert (facts.width, facts.height, facts.frames, facts.rate_num) == (96, 64, 17, 24)
