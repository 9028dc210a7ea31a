"""The engine end to end through the real runtime, on a photographed face and networks that tint what they restore."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress, JobResult
from functions.contract.params import FaceRestore
from functions.face_restore.engine import WEIGHTS
from functions.face_restore.restorer import first
from functions.media.frames import Frames
from functions.media.sound_track import heard
from functions.media.source import describe
from functions.models.colour import to_rgb
from functions.models.device import detect
from functions.runtime.children import Stop
from tests.functions.face_restore.conftest import FRAMES, Make
from tests.servers.checkpoints import esrgan, gfpgan
from tests.servers.checkpoints.lock import write_lock
from tests.servers.faces import cat
from tests.servers.finish import Finisher
from tests.servers.media import ffmpeg
from tests.servers.memory import OutOfMemoryAt
from tests.servers.talking import Picture, clip, face_in, portrait

WHOLE = FaceRestore(strength=1000)
QUIET = 2.0
"""Codes by which a second encoding changes a part of the picture on average, at most."""


def codes(result: JobResult) -> dict[str, float | str | None]:
    assert result.error is None, result.error
    return {note.code: note.value for note in (*result.notes, *result.degraded)}


def frames(path: Path) -> np.ndarray:
    """R'G'B' (n, rows, columns, 3) in codes."""
    packed = torch.from_numpy(np.stack(list(Frames(describe(path)))))
    return np.asarray(to_rgb(packed).permute(0, 2, 3, 1).numpy() * 255, np.float32)


def change(worker: Finisher, result: JobResult, source: Path) -> np.ndarray:
    """By how much each pixel of each frame changed (n, rows, columns, 3)."""
    before, after = frames(source), frames(worker.output(result))
    assert before.shape == after.shape
    return np.asarray(after - before, np.float32)


def inside(picture: Picture, left: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(the middle of the face, all that lies well outside of it) of a picture's only face, as masks of its pixels."""
    points = face_in(picture[:, left : left + 288]).points[:, :2] + np.array([left, 0], np.float32)
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    solid = cv2.fillConvexPoly(np.zeros(picture.shape[:2], np.uint8), hull, (1,))
    return cv2.erode(solid, np.ones((25, 25), np.uint8)) > 0, cv2.dilate(solid, np.ones((25, 25), np.uint8)) == 0


def test_the_face_is_restored_and_nothing_else(worker: Make, still: Path) -> None:
    bench = worker()
    result = bench.finish(WHOLE, still)
    assert codes(result)["faces_restored"] == 1
    moved = change(bench, result, still)
    middle, outside = inside(portrait())
    red, green, blue = moved[:, middle].mean(axis=(0, 1))
    assert (red > 20, abs(green) < 5, blue < -20) == (True, True, True)
    assert np.abs(moved[:, outside]).mean() < QUIET


def test_sound_is_carried_packet_by_packet(worker: Make, still: Path) -> None:
    bench = worker()
    result = bench.finish(WHOLE, still)
    made = describe(bench.output(result))
    assert [p[2] for p in heard(describe(still))] == [p[2] for p in heard(made)]
    assert (made.frames, made.audio) == (FRAMES, True)


def test_the_same_job_makes_the_same_bytes(worker: Make, still: Path) -> None:
    bench = worker()
    one, other = (bench.finish(FaceRestore(), still).outputs["clip.mp4"].sha256 for _ in range(2))
    assert one == other


def test_strength_is_how_much_of_the_face_is_new(worker: Make, still: Path) -> None:
    middle, _ = inside(portrait())
    bench = worker()
    results = [bench.finish(FaceRestore(strength=some), still) for some in (0, 500, 1000)]
    none, half, whole = (change(bench, result, still)[:, middle, 0].mean() for result in results)
    assert abs(none) < QUIET
    assert 0.3 * whole < half < 0.8 * whole
    assert "no_strength" in codes(results[0])


def two_faces() -> Picture:
    return np.ascontiguousarray(np.concatenate([portrait(), portrait()[:, ::-1]], axis=1))


def test_two_faces_are_both_restored(worker: Make, tmp_path: Path) -> None:
    source, bench = clip(tmp_path / "clip.mp4", lambda _: two_faces(), 4), worker()
    result = bench.finish(WHOLE, source)
    codes(result)
    moved = change(bench, result, source)
    for left in (0, 288):
        middle, _ = inside(two_faces(), left)
        assert moved[:, middle, 0].mean() > 20


def overlapping() -> Picture:
    """Two faces whose squares lie over one another."""
    whole = portrait(160, 200)
    return np.ascontiguousarray(np.concatenate([whole[:, 30:125], whole[:, 125:30:-1]], axis=1))


def test_one_face_does_not_undo_its_neighbour(worker: Make, tmp_path: Path) -> None:
    source, bench = clip(tmp_path / "clip.mp4", lambda _: overlapping(), 4), worker()
    result = bench.finish(WHOLE, source)
    codes(result)
    moved = change(bench, result, source)[:, 80:120, :, 0]
    assert moved[:, :, 60:80].mean() > 15
    assert moved[:, :, 112:132].mean() > 15


def blank(code: int = 90) -> Picture:
    return np.full((224, 288, 3), code, np.uint8)


def shrunk(side: int) -> Picture:
    made = blank()
    made[40 : 40 + side * 7 // 9, 60 : 60 + side] = cv2.resize(
        portrait(), (side, side * 7 // 9), interpolation=cv2.INTER_AREA
    )
    return made


def at_the_edge(missing: int) -> Picture:
    return np.ascontiguousarray(portrait()[:, missing:])


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (blank(), {"no_face"}),
        (np.ascontiguousarray(cat()[:224, :288]), {"no_face"}),
        (shrunk(80), {"face_small", "no_face"}),
        (at_the_edge(152), {"face_cut", "no_face", "face_turned"}),
    ],
    ids=["nobody", "cat", "tiny", "border"],
)
def test_what_has_no_usable_face_passes_with_a_note(
    worker: Make, tmp_path: Path, picture: Picture, expected: set[str]
) -> None:
    source, bench = clip(tmp_path / "clip.mp4", lambda _: picture, 6), worker()
    result = bench.finish(WHOLE, source)
    assert result.status == "done"
    assert codes(result).keys() & expected
    assert "faces_restored" not in codes(result)
    assert np.abs(change(bench, result, source)).mean(axis=(1, 2, 3)).max() < QUIET


def test_a_face_at_the_border_is_restored_up_to_it(worker: Make, tmp_path: Path) -> None:
    picture = np.ascontiguousarray(portrait()[:, 104:])
    source, bench = clip(tmp_path / "clip.mp4", lambda _: picture, 4), worker()
    result = bench.finish(WHOLE, source)
    assert "faces_restored" in codes(result)
    assert change(bench, result, source)[:, 80:120, :8, 0].mean() > 8


def test_a_small_face_is_restored(worker: Make, tmp_path: Path) -> None:
    source, bench = clip(tmp_path / "clip.mp4", lambda _: shrunk(180), 4), worker()
    result = bench.finish(WHOLE, source)
    assert "faces_restored" in codes(result)
    assert change(bench, result, source)[:, 80:110, 130:160, 0].mean() > 10


def test_frames_without_the_face_pass_untouched_and_it_comes_in_softly(worker: Make, tmp_path: Path) -> None:
    source = clip(tmp_path / "clip.mp4", lambda n: blank() if n < 6 else portrait(), 16)
    bench = worker()
    result = bench.finish(WHOLE, source)
    assert 0.5 < float(codes(result)["faces_restored"] or 0) < 0.7
    moved = change(bench, result, source)
    middle, _ = inside(portrait())
    assert np.abs(moved[:6]).mean() < QUIET
    red = moved[:, middle, 0].mean(axis=1)
    assert red[6] < 0.5 * red[12]
    assert red[12] > 20


def test_a_clip_without_pictures_is_refused(worker: Make, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", tmp_path / "in.mp4")
    result = worker().finish(WHOLE, tmp_path / "in.mp4")
    assert result.error is not None
    assert result.error.code == "bad_input"


def other(tmp_path: Path, state: esrgan.State) -> Path:
    """A folder of weights with another network."""
    gfpgan.build(tmp_path / "other", state)
    return tmp_path / "other"


def test_numbers_that_are_none_are_refused(worker: Make, still: Path, tmp_path: Path) -> None:
    state = {name: torch.full_like(t, float("nan")) for name, t in gfpgan.compact().items()}
    result = worker(other(tmp_path, state)).finish(WHOLE, still)
    assert result.error is not None
    assert result.error.code == "output_refused"


@pytest.mark.parametrize(
    ("state", "says"),
    [(esrgan.tiny_compact(), "enlarges 4 times"), ({"nothing": torch.zeros(3)}, "no network that spandrel knows")],
    ids=["upscaler", "nothing"],
)
def test_weights_of_no_restorer_are_refused(
    worker: Make, still: Path, tmp_path: Path, state: esrgan.State, says: str
) -> None:
    result = worker(other(tmp_path, state)).finish(WHOLE, still)
    assert result.error is not None
    assert (result.error.code, says in result.error.message) == ("engine_failed", True)


def test_altered_weights_are_refused(worker: Make, weights: Path, still: Path, tmp_path: Path) -> None:
    root = shutil.copytree(weights, tmp_path / "altered")
    path = root / WEIGHTS / f"{WEIGHTS}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    result = worker(root).finish(WHOLE, still)
    assert result.error is not None
    assert path.name in result.error.message


def test_the_published_pickle_is_not_loaded(worker: Make, still: Path, tmp_path: Path) -> None:
    root = other(tmp_path, gfpgan.compact())
    (root / WEIGHTS / f"{WEIGHTS}.safetensors").rename(root / WEIGHTS / "GFPGANv1.4.pth")
    write_lock(root)
    result = worker(root).finish(WHOLE, still)
    assert result.error is not None
    assert "is a pickle and is not loaded" in result.error.message


def test_memory_that_runs_out_halves_the_batch_and_is_remembered(worker: Make, still: Path) -> None:
    batch, bench = first(detect()), worker()
    full = OutOfMemoryAt("restore")
    with full:
        result = bench.finish(WHOLE, still, report=full.report)
    assert codes(result)["replanned"] == max(1, batch // 2)
    assert f"{batch // 2} faces at once" in (result.provenance.plan or "")
    again = bench.finish(WHOLE, still)
    assert f"{batch // 2} faces at once" in (again.provenance.plan or "")
    assert "replanned" not in codes(again)


def test_memory_that_never_suffices_is_told(worker: Make, still: Path) -> None:
    full = OutOfMemoryAt("restore", times=1000)
    with full:
        result = worker().finish(WHOLE, still, report=full.report)
    assert result.error is not None
    assert result.error.code == "out_of_memory"


def test_a_cancelled_job_stops_and_the_next_equals_a_fresh_one(worker: Make, still: Path) -> None:
    bench, stop = worker(), Stop()
    fresh = bench.finish(WHOLE, still)

    def report(at: JobProgress) -> None:
        if at.stage == "restore":
            stop.set(Cancelled("enough"))

    stopped = bench.finish(WHOLE, still, stop=stop, report=report)
    assert stopped.status == "cancelled"
    assert bench.finish(WHOLE, still).outputs["clip.mp4"].sha256 == fresh.outputs["clip.mp4"].sha256
