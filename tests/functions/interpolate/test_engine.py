from pathlib import Path

import numpy as np
import pytest

from functions.contract.base import Rate
from functions.contract.params import Interpolate
from functions.media.frames import Frames
from functions.media.source import describe
from tests.functions.interpolate.conftest import Worker
from tests.servers import footage

ENGINES = ["interpolate-flow", "interpolate-rife"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("rate", "frames"), [(Rate(num=24), 24), (Rate(num=48), 47), (Rate(num=30000, den=1001), 29)])
def test_clip_gets_exactly_the_rate_and_length(
    worker: Worker, tmp_path: Path, engine: str, rate: Rate, frames: int
) -> None:
    clip = footage.sounding_clip(tmp_path / "in.mp4", 1.0, "96x64", "12")
    made = worker(engine)
    result = made.finish(Interpolate(rate=rate, frames=frames), clip)
    assert result.error is None
    found = made.clip(result)
    assert (found.rate, found.frames, found.size, found.audio) == (rate, frames, describe(clip).size, True)
    assert "frames_made" in {note.code for note in result.notes}
    assert ("RIFE" if engine == "interpolate-rife" else "optical flow (DIS)") in (result.provenance.plan or "")


@pytest.mark.parametrize("engine", ENGINES)
def test_pictures_of_the_clip_stay_where_times_coincide(worker: Worker, tmp_path: Path, engine: str) -> None:
    clip = footage.sounding_clip(tmp_path / "in.mp4", 1.0, "96x64", "12")
    made = worker(engine)
    result = made.finish(Interpolate(rate=Rate(num=24), frames=23, tier="final"), clip)
    source, out = list(Frames(describe(clip))), list(Frames(made.clip(result)))
    for a, b in zip(source, out[::2], strict=True):
        assert np.abs(a.astype(int) - b).mean() < 1.5
