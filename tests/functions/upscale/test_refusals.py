"""What is refused, and what happens when memory runs out, weights are no weights, or the job is over."""

from pathlib import Path

import pytest
import torch

from functions.contract.base import Size
from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress
from functions.contract.params import Upscale
from functions.models.device import detect
from functions.runtime.children import Stop
from functions.upscale.fit import Fit, first
from tests.functions.upscale.conftest import Worker
from tests.servers import footage
from tests.servers.checkpoints import esrgan
from tests.servers.checkpoints.lock import write_lock
from tests.servers.memory import OutOfMemoryAt


def asked(width: int, height: int, model: str = "") -> Upscale:
    return Upscale(size=Size(width=width, height=height), model=model)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (asked(48, 32), "not enlarged"),
        (asked(96, 64), "not enlarged"),
        (asked(192, 64), "stretched"),
        (asked(480, 320), "4 times as large at most"),
        (asked(288, 192, "realesrgan-x2plus"), "2 times as large at most"),
        (asked(192, 128, "no-such-set"), "no set no-such-set"),
    ],
)
def test_size_is_met_exactly_or_refused(worker: Worker, tmp_path: Path, params: Upscale, says: str) -> None:
    result = worker().finish(params, footage.sounding_clip(tmp_path / "in.mp4", 0.5))
    assert result.status == "failed"
    assert result.error is not None
    assert says in result.error.message


def test_nearly_the_same_aspect_is_met(worker: Worker, tmp_path: Path) -> None:
    made = worker()
    result = made.finish(asked(382, 256), footage.sounding_clip(tmp_path / "in.mp4", 0.25))
    assert result.error is None
    assert made.clip(result).size == Size(width=382, height=256)


def test_clip_without_sound_and_of_one_frame(worker: Worker, tmp_path: Path) -> None:
    made = worker()
    result = made.finish(asked(192, 128), footage.grey_clip(tmp_path / "in.mkv", [100], (96, 64)))
    assert result.error is None
    found = made.clip(result)
    assert (found.frames, found.audio) == (1, False)


def test_clip_without_pictures_is_refused(worker: Worker, tmp_path: Path) -> None:
    footage.run("-f", "lavfi", "-i", "sine=d=1", str(tmp_path / "in.mp4"))
    result = worker().finish(asked(192, 128), tmp_path / "in.mp4")
    assert result.error is not None
    assert (result.error.code, "no pictures" in result.error.message) == ("bad_input", True)


def test_memory_that_runs_out_halves_the_batch_then_tiles_and_is_remembered(worker: Worker, tmp_path: Path) -> None:
    clip, made = footage.sounding_clip(tmp_path / "in.mp4", 1, "160x128"), worker()
    batch = first(detect(), Size(width=160, height=128)).batch
    full = OutOfMemoryAt("upscale", times=batch.bit_length())
    with full:
        result = made.finish(asked(320, 256), clip, report=full.report)
    assert result.error is None
    assert "tiles of 80" in (result.provenance.plan or "")
    assert "replanned" in {n.code for n in result.notes}
    again = made.finish(asked(320, 256), clip)
    assert "tiles of 80" in (again.provenance.plan or "")
    assert "replanned" not in {n.code for n in again.notes}


def test_memory_that_never_suffices_is_told(worker: Worker, tmp_path: Path) -> None:
    full = OutOfMemoryAt("upscale", times=1000)
    with full:
        result = worker().finish(asked(192, 128), footage.sounding_clip(tmp_path / "in.mp4", 0.5), report=full.report)
    assert result.error is not None
    assert result.error.code == "out_of_memory"


def test_fit_shrinks_to_tiles_and_ends() -> None:
    size, fit, seen = Size(width=832, height=480), Fit(4), []
    while (less := fit.smaller(size)) is not None:
        fit = less
        seen.append((fit.batch, fit.tile))
    assert seen == [(2, None), (1, None), (1, 416), (1, 208), (1, 104)]


def test_job_is_cancelled_in_mid_stream(worker: Worker, tmp_path: Path) -> None:
    stop = Stop()

    def report(at: JobProgress) -> None:
        if at.stage == "upscale" and at.done:
            stop.set(Cancelled("the person changed her mind"))

    result = worker().finish(asked(192, 128), footage.sounding_clip(tmp_path / "in.mp4", 3), stop=stop, report=report)
    assert result.status == "cancelled"


def test_numbers_that_are_none_are_refused(
    worker: Worker, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {name: torch.full_like(t, float("nan")) for name, t in esrgan.tiny_compact().items()}
    root = tmp_path / "nan"
    esrgan.place(root, "realesr-general-x4v3", state)
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(write_lock(root)))
    result = worker().finish(asked(192, 128), footage.sounding_clip(tmp_path / "in.mp4", 0.5))
    assert result.error is not None
    assert result.error.code == "output_refused"


@pytest.mark.parametrize("state", [{"nothing": torch.zeros(3)}, {}])
def test_weights_of_no_upscaler_are_refused(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, torch.Tensor]
) -> None:
    root = tmp_path / "other"
    esrgan.place(root, "realesr-general-x4v3", state)
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(write_lock(root)))
    result = worker().finish(asked(192, 128), footage.sounding_clip(tmp_path / "in.mp4", 0.5))
    assert result.error is not None
    assert "no network that spandrel knows" in result.error.message
