from pathlib import Path

import pytest

from functions.contract.base import Size, Tier
from functions.contract.params import Upscale
from tests.functions.upscale.conftest import Worker
from tests.servers import footage


@pytest.mark.parametrize("tier", ["draft", "standard", "final"])
def test_every_tier_enlarges_a_clip_to_the_exact_size(worker: Worker, tmp_path: Path, tier: Tier) -> None:
    clip = footage.sounding_clip(tmp_path / "in.mp4", 1.0, "96x64")
    made = worker()
    result = made.finish(Upscale(size=Size(width=288, height=192), tier=tier), clip)
    assert result.error is None
    assert result.status == "done"
    facts = result.outputs["clip.mp4"].media
    assert (facts.width, facts.height, facts.frames, facts.rate_num, facts.audio) == (288, 192, 24, 24, True)
    assert "libx264" in (result.provenance.plan or "")
    assert "flicker" in {note.code for note in result.notes}
