"""What is refused, cancelled, or made smaller when memory runs out; cuts through the whole runtime."""

from pathlib import Path

import numpy as np
import pytest

from functions.contract.base import Rate
from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress
from functions.contract.params import Interpolate
from functions.media.frames import Frames
from functions.runtime.children import Stop
from tests.functions.interpolate.conftest import Worker
from tests.servers import footage
from tests.servers.checkpoints import rife
from tests.servers.memory import OutOfMemoryAt

TWICE = Interpolate(rate=Rate(num=24), frames=23)
ENGINES = ["interpolate-flow", "interpolate-rife"]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_frame_mixes_two_scenes(worker: Worker, tmp_path: Path, engine: str) -> None:
    parts = ("testsrc=s=96x64:r=12:d=0.5", "mandelbrot=s=96x64:r=12")
    inputs = [option for part in parts for option in ("-f", "lavfi", "-t", "0.5", "-i", part)]
    joined = ("-filter_complex", "[0]format=yuv420p[a];[1]format=yuv420p[b];[a][b]concat=n=2", "-pix_fmt", "yuv420p")
    footage.run(*inputs, *joined, "-crf", "5", str(tmp_path / "in.mp4"))
    made = worker(engine)
    result = made.finish(TWICE, tmp_path / "in.mp4")
    assert result.error is None
    assert {n.code: n.value for n in result.notes}["cuts"] == 1
    pictures = [p.astype(float) for p in Frames(made.clip(result))]
    before, between, after = pictures[10:13]
    assert min(np.abs(between - before).mean(), np.abs(between - after).mean()) < 3


def test_rate_beyond_reason_is_refused(worker: Worker, tmp_path: Path) -> None:
    clip = footage.sounding_clip(tmp_path / "in.mp4", 0.5, "96x64", "12")
    result = worker("interpolate-flow").finish(Interpolate(rate=Rate(num=240), frames=100), clip)
    assert result.error is not None
    assert "more than 16 times" in result.error.message


def test_clip_that_is_too_short_is_held_with_a_note(worker: Worker, tmp_path: Path) -> None:
    clip = footage.sounding_clip(tmp_path / "in.mp4", 0.5, "96x64", "12")
    result = worker("interpolate-flow").finish(Interpolate(rate=Rate(num=24), frames=20), clip)
    assert result.error is None
    assert {n.code: n.value for n in result.notes}["frames_held"] == 8


def test_memory_that_runs_out_halves_the_batch_and_is_remembered(worker: Worker, tmp_path: Path) -> None:
    clip, made = footage.sounding_clip(tmp_path / "in.mp4", 1, "96x64", "12"), worker("interpolate-rife")
    full = OutOfMemoryAt("interpolate", times=2)
    with full:
        result = made.finish(TWICE, clip, report=full.report)
    assert result.error is None
    assert "replanned" in {n.code for n in result.notes}
    assert "2 pictures at once" in (result.provenance.plan or "")
    again = made.finish(TWICE, clip)
    assert "2 pictures at once" in (again.provenance.plan or "")
    assert again.outputs["clip.mp4"].sha256 == result.outputs["clip.mp4"].sha256


def test_job_is_cancelled_in_mid_stream(worker: Worker, tmp_path: Path) -> None:
    stop = Stop()

    def report(at: JobProgress) -> None:
        if at.stage == "interpolate" and at.done:
            stop.set(Cancelled("the person changed her mind"))

    clip = footage.sounding_clip(tmp_path / "in.mp4", 3, "96x64", "12")
    params = Interpolate(rate=Rate(num=24), frames=71)
    assert worker("interpolate-rife").finish(params, clip, stop=stop, report=report).status == "cancelled"


def test_weights_of_another_network_are_refused(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "other"
    lock = rife.build(root, {**rife.random(), "block5.conv0.0.0.weight": rife.random()["block4.conv0.0.0.weight"]})
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(lock))
    result = worker("interpolate-rife").finish(TWICE, footage.sounding_clip(tmp_path / "in.mp4", 1, "96x64", "12"))
    assert result.error is not None
    assert "block5" in result.error.message


def test_clip_that_has_the_rate_already_is_passed_on_and_said(worker: Worker, tmp_path: Path) -> None:
    clip = footage.sounding_clip(tmp_path / "in.mp4", 0.5, "96x64", "24")
    made = worker("interpolate-flow")
    found = made.finish(Interpolate(rate=Rate(num=24), frames=12), clip)
    assert found.error is None
    assert "nothing_to_make" in {n.code for n in found.notes}
    slow = footage.sounding_clip(tmp_path / "slow.mp4", 0.5, "96x64", "12")
    assert "nothing_to_make" not in {n.code for n in made.finish(Interpolate(rate=Rate(num=24), frames=12), slow).notes}
