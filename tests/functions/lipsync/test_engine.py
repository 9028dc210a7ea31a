"""The engine end to end through the real runtime, on a photographed face and tiny weights."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from functions.contract.errors import Cancelled
from functions.contract.job import JobProgress, JobResult
from functions.contract.params import At, LipLine, Lipsync
from functions.media.sound_track import heard
from functions.media.source import describe
from functions.runtime.children import Stop
from tests.functions.lipsync.conftest import Make
from tests.servers.bench import Worker
from tests.servers.checkpoints import musetalk
from tests.servers.checkpoints.lock import environment
from tests.servers.faces import cat
from tests.servers.footage import Sound, planes_of, tone, write_sound
from tests.servers.media import ffmpeg
from tests.servers.memory import OutOfMemoryAt
from tests.servers.talking import Picture, clip, face_in, portrait, syllables

FRAMES = 30


def line(path: Path, seconds: float = 0.6, before: float = 0.1, after: float = 0.2) -> Path:
    """A line that is heard from `before` on for so many seconds."""
    sound = np.concatenate(
        [
            np.zeros(round(before * 48_000)),
            tone(seconds, 180, 0.3) * syllables(seconds),
            np.zeros(round(after * 48_000)),
        ]
    )
    return write_sound(path, sound)


def asked(*lines: tuple[str, str, At, int]) -> Lipsync:
    return Lipsync(
        lines=tuple(LipLine(input=i, figure=f, at_position=at, start=start) for i, f, at, start in lines), tier="draft"
    )


ONE = asked(("line-a", "mara", "centre", 4800))


def codes(result: JobResult) -> dict[str, float | str | None]:
    assert result.error is None, result.error
    return {note.code: note.value for note in (*result.notes, *result.degraded)}


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A still face for 1.2 seconds, with sound."""
    folder = tmp_path_factory.mktemp("still")
    sound = write_sound(folder / "sound.wav", tone(FRAMES / 25, 440, 0.2))
    return clip(folder / "clip.mp4", lambda _: portrait(), FRAMES, "25", "-i", sound)


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return line(tmp_path_factory.mktemp("line") / "line.wav")


MOUTH = (slice(112, 156), slice(108, 180))
"""Rows and columns of the portrait's mouth, of its mirror image too."""
BESIDE = (MOUTH[0], slice(288 + 108, 288 + 180))
"""The same in a picture to its right."""


def changed(worker: Worker, result: JobResult, source: Path, where: tuple[slice, slice] = MOUTH) -> list[float]:
    """Mean change of luma of each frame in a part of the picture."""
    before, after = planes_of(source), planes_of(worker.output(result, "clip.mp4"))
    assert len(before) == len(after)
    return [float(np.abs(a[where].astype(int) - b[where]).mean()) for a, b in zip(before, after, strict=True)]


def test_only_the_mouth_and_only_while_it_speaks(worker: Make, still: Path, spoken: Path) -> None:
    bench = worker()
    result = bench.run(ONE, {"clip.mp4": still, "line-a": spoken})
    assert "mouth_sharpness" in codes(result)
    moved = changed(bench, result, still)
    begins, ends = (0.1 + 0.1 - 0.06) * 25, (0.1 + 0.1 + 0.6 + 0.06) * 25
    quiet = [m for n, m in enumerate(moved) if n < begins - 2 or n > ends + 2]
    loud = [m for n, m in enumerate(moved) if begins + 2 < n < ends - 2]
    assert min(loud) > 8 * max(quiet)
    face = face_in(portrait())
    above = slice(0, int(face.points[2, 1]) - 14), slice(None)
    over = changed(bench, result, still, above)
    assert over[12] < 1.1 * max(over[0], over[-1])


def test_sound_is_carried_packet_by_packet(worker: Make, still: Path, spoken: Path) -> None:
    bench = worker()
    result = bench.run(ONE, {"clip.mp4": still, "line-a": spoken})
    made = describe(bench.output(result, "clip.mp4"))
    assert [p[2] for p in heard(describe(still))] == [p[2] for p in heard(made)]
    assert (made.frames, made.audio) == (FRAMES, True)


def test_the_same_job_makes_the_same_bytes(worker: Make, still: Path, spoken: Path) -> None:
    bench = worker()
    first, second = (bench.run(ONE, {"clip.mp4": still, "line-a": spoken}).outputs["clip.mp4"].sha256 for _ in range(2))
    assert first == second


def test_a_pause_in_the_line_does_not_end_it(worker: Make, still: Path, tmp_path: Path) -> None:
    part = tone(0.2, 180, 0.3)
    path = write_sound(tmp_path / "line.wav", np.concatenate([part, np.zeros(19_200), part]))
    bench = worker()
    moved = changed(bench, bench.run(ONE, {"clip.mp4": still, "line-a": path}), still)
    assert min(moved[4:20]) > 8 * max(moved[25:])


def two_faces() -> Picture:
    return np.ascontiguousarray(np.concatenate([portrait(), portrait()[:, ::-1]], axis=1))


@pytest.mark.parametrize(("at", "moves"), [("left", 0), ("right", 1)])
def test_of_two_faces_the_one_at_the_speakers_place_moves(
    worker: Make, spoken: Path, tmp_path: Path, at: At, moves: int
) -> None:
    source = clip(tmp_path / "clip.mp4", lambda _: two_faces(), 20)
    bench = worker()
    result = bench.run(asked(("line-a", "mara", at, 0)), {"clip.mp4": source, "line-a": spoken})
    codes(result)
    sides = [changed(bench, result, source, where)[10] for where in (MOUTH, BESIDE)]
    assert sides[moves] > 8 * sides[1 - moves]


def test_two_speak_in_one_shot_each_in_turn(worker: Make, spoken: Path, tmp_path: Path) -> None:
    source = clip(tmp_path / "clip.mp4", lambda _: two_faces(), 50)
    bench = worker()
    lines = asked(("line-a", "mara", "left", 0), ("line-b", "ivo", "right", 48_000))
    result = bench.run(lines, {"clip.mp4": source, "line-a": spoken, "line-b": spoken})
    codes(result)
    left, right = (changed(bench, result, source, where) for where in (MOUTH, BESIDE))
    assert left[10] > 8 * right[10]
    assert right[35] > 8 * left[35]


def blank(code: int = 90) -> Picture:
    return np.full((224, 288, 3), code, np.uint8)


def shrunk() -> Picture:
    made = blank()
    made[40:152, 60:204] = cv2.resize(portrait(), (144, 112), interpolation=cv2.INTER_AREA)
    return made


def at_the_edge() -> Picture:
    return np.ascontiguousarray(np.roll(portrait(), -150, axis=1)[:, :140])


def cartoon() -> Picture:
    made = blank(230)
    cv2.circle(made, (144, 110), 60, (250, 220, 120), -1)
    for x in (122, 166):
        cv2.circle(made, (x, 95), 8, (20, 20, 20), -1)
    cv2.ellipse(made, (144, 130), (28, 14), 0, 0, 180, (120, 20, 20), 4)
    return made


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (blank(), {"no_face"}),
        (np.ascontiguousarray(cat()[:224, :288]), {"no_face"}),
        (cartoon(), {"no_face", "face_small", "face_cut", ""}),
        (shrunk(), {"face_small", "no_face"}),
        (at_the_edge(), {"face_cut", "no_face", "face_turned", ""}),
    ],
    ids=["nobody", "cat", "cartoon", "small", "border"],
)
def test_what_has_no_usable_face_passes_with_a_code(
    worker: Make, spoken: Path, tmp_path: Path, picture: Picture, expected: set[str]
) -> None:
    source = clip(tmp_path / "clip.mp4", lambda _: picture, 20)
    bench = worker()
    result = bench.run(asked(("line-a", "mara", "centre", 0)), {"clip.mp4": source, "line-a": spoken})
    assert result.error is None
    found = {note.code for note in result.degraded} or {""}
    assert found <= expected
    if found != {""}:
        assert result.status == "degraded"
        assert max(changed(bench, result, source)) < 2


def test_frames_in_which_the_face_is_gone_pass_untouched(worker: Make, spoken: Path, tmp_path: Path) -> None:
    source = clip(tmp_path / "clip.mp4", lambda n: portrait() if n < 12 else blank(), 24)
    bench = worker()
    result = bench.run(asked(("line-a", "mara", "centre", 0)), {"clip.mp4": source, "line-a": spoken})
    assert result.status == "done"
    moved = changed(bench, result, source)
    assert min(moved[6:11]) > 8 * max(moved[13:])


SOUNDS: dict[str, tuple[Sound, str]] = {
    "silence": (np.zeros(48_000), "no_speech"),
    "longer than the clip": (tone(3, 180, 0.3), "line_cut"),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_odd_lines_are_named(worker: Make, still: Path, tmp_path: Path, kind: str) -> None:
    sound, code = SOUNDS[kind]
    result = worker().run(ONE, {"clip.mp4": still, "line-a": write_sound(tmp_path / "line.wav", sound)})
    assert code in codes(result)
    assert (result.status == "degraded") == (kind == "silence")


def test_a_line_that_begins_after_the_clip_leaves_it_as_it_was(worker: Make, still: Path, spoken: Path) -> None:
    result = worker().run(asked(("line-a", "mara", "centre", 480_000)), {"clip.mp4": still, "line-a": spoken})
    assert result.status == "degraded"
    assert "no_speech" in codes(result)


def test_a_missing_line_is_named(worker: Make, still: Path) -> None:
    result = worker().run(ONE, {"clip.mp4": still})
    assert result.error is not None
    assert (result.error.code, "line-a" in result.error.message) == ("bad_input", True)


def test_a_clip_without_pictures_is_refused(worker: Make, spoken: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    ffmpeg("-i", spoken, "-c:a", "aac", path)
    result = worker().run(ONE, {"clip.mp4": path, "line-a": spoken})
    assert result.error is not None
    assert result.error.code == "bad_input"


def test_faces_that_are_not_numbers_are_refused(
    worker: Make, weights: Path, still: Path, spoken: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(weights, tmp_path / "bad")
    musetalk.spoil(root)
    environment(root)
    result = worker(root).run(ONE, {"clip.mp4": still, "line-a": spoken})
    assert result.error is not None
    assert result.error.code == "output_refused"


def test_out_of_memory_is_made_again_in_smaller_batches(worker: Make, still: Path, spoken: Path) -> None:
    memory = OutOfMemoryAt("speak")
    with memory:
        result = worker().run(ONE, {"clip.mp4": still, "line-a": spoken}, report=memory.report)
    assert "replanned" in codes(result)


def test_a_cancelled_job_stops_and_the_next_equals_a_fresh_one(worker: Make, still: Path, spoken: Path) -> None:
    bench, stop = worker(), Stop()
    fresh = bench.run(ONE, {"clip.mp4": still, "line-a": spoken})

    def report(progress: JobProgress) -> None:
        if progress.stage == "speak":
            stop.set(Cancelled("enough"))

    stopped = bench.run(ONE, {"clip.mp4": still, "line-a": spoken}, stop=stop, report=report)
    assert stopped.error is not None
    assert stopped.error.code == "cancelled"
    again = bench.run(ONE, {"clip.mp4": still, "line-a": spoken})
    assert again.outputs["clip.mp4"].sha256 == fresh.outputs["clip.mp4"].sha256
