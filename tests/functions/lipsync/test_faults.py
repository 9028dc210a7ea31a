"""Faults that must show in a clip whose mouths were moved: colours, brightness, frames, and the moment of each mouth.

A stand-in for the networks opens the mouth as far as it hears, and another paints the face in a known red: what comes
out of the engine's own steps around them is then known, and is measured apart from the engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from functions.contract.params import LipLine, Lipsync
from functions.lipsync.engine import Speaker
from functions.lipsync.features import Hearing
from functions.lipsync.measure import STILL, offset
from functions.lipsync.networks import SIDE, Mouths
from functions.lipsync.patch import Framed, framed
from functions.lipsync.speech import Spoken, lines
from functions.lipsync.stages import Preparation
from functions.media.frames import Frames, Packed
from functions.media.source import Clip, describe
from functions.models.colour import to_rgb
from functions.models.faces import FaceDetector
from functions.models.mesh import Mesh
from functions.models.patches import colours
from tests.functions.lipsync.conftest import Make
from tests.functions.runtime.test_storage import file_size_limit
from tests.servers.faces import detector_weights
from tests.servers.footage import planes_of, run, tone, write_sound
from tests.servers.job import LocalJob
from tests.servers.talking import RATE, Picture, clip, face_in, mesh, opened, portrait, syllables

SECONDS = 2.4
FRAMES = round(SECONDS * RATE)
RED = (0.8, 0.1, 0.1)
WIDEST = 34.0
"""Rows of the network's picture by which the loudest sound opens the mouth."""
LATE_S = 0.03
COLOUR = 4.0
"""Codes by which the red may be off."""
NUMBER = (slice(2, 18), slice(2, 18))
"""Where each frame carries its own number as a shade."""


class Loudness(Hearing):
    """Hears how loud a line is, and nothing else."""

    def __init__(self) -> None:
        """Needs no network."""

    def at(self, line: Spoken, moment: Fraction) -> Tensor:
        """(1, 1)."""
        return torch.tensor([[line.energy(moment, Fraction(1, RATE))]])


class Opening(Mouths):
    """Opens the mouth of the portrait as far as it hears."""

    def __init__(self, face: Framed, points: Mesh, loudest: float) -> None:
        box = face.box
        scale = np.array([SIDE / box.width, SIDE / box.height, 1], np.float32)
        self._mesh = Mesh((points.points - np.array([box.left, box.top, 0], np.float32)) * scale)
        self._loudest = loudest

    def spoken(self, faces: Tensor, heard: Tensor) -> Tensor:
        """See `Mouths.spoken`."""
        return torch.stack([self._opened(face, float(h)) for face, h in zip(faces, heard.flatten(), strict=True)])

    def _opened(self, face: Tensor, loud: float) -> Tensor:
        given = (face.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        made = opened(given, self._mesh, WIDEST * loud / self._loudest)
        return torch.from_numpy(made.astype(np.float32) / 255).permute(2, 0, 1)


class Reddening(Mouths):
    """Makes every face red; refuses one that it was shown in other colours than the portrait's."""

    def __init__(self) -> None:
        """Needs no network."""

    def spoken(self, faces: Tensor, heard: Tensor) -> Tensor:
        """See `Mouths.spoken`."""
        red, _, blue = faces[:, :, 140:230, 90:166].mean(dim=(0, 2, 3)).tolist()
        assert red > blue + 0.05, "the network is shown blue for red"
        return torch.tensor(RED)[None, :, None, None].expand_as(faces)


@dataclass(frozen=True)
class Shown:
    """A clip before and after, the face in it, and how loud its sound is in each frame."""

    before: list[Packed]
    after: list[Packed]
    face: Framed
    mesh: Mesh
    loud: np.ndarray


def numbered(n: int, step: int = 3) -> Picture:
    """The portrait, the number of the frame in a corner."""
    made = portrait()
    made[NUMBER] = 20 + step * n % 200
    return made


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("shown")
    envelope = syllables(SECONDS, seed=4)
    path = write_sound(folder / "line.wav", tone(SECONDS, 180, 0.3) * envelope)
    source = describe(clip(folder / "clip.mp4", numbered, FRAMES))
    asked = Lipsync(lines=(LipLine(input="line", figure="mara", start=0),))
    line = lines(LocalJob(folder, None, asked, [], {"line": path}), asked)  # type: ignore[arg-type]
    points = face_in(portrait())
    face = framed(points, 288, 224)
    assert isinstance(face, Framed)
    loudest = max(line[0].energy(Fraction(n, RATE), Fraction(1, RATE)) for n in range(FRAMES))
    made = list(spoken(source, line, Opening(face, points, loudest)))
    loud = np.cbrt(np.square(envelope.reshape(FRAMES, -1)).mean(axis=1))
    return Shown(list(Frames(source)), made, face, points, loud)


def spoken(source: Clip, line: list[Spoken], mouths: Mouths) -> Iterator[Packed]:
    """The pictures that the engine's steps make."""
    todo = Preparation(source, line, FaceDetector(detector_weights()), mesh())
    with Speaker(mouths, Loudness(), torch.device("cpu"), source, mesh()) as speaker:
        yield from speaker.run(todo.of(Frames(source)), 8)


def test_every_frame_is_there_once_and_in_its_place(shown: Shown) -> None:
    """Swapped, dropped and doubled frames show in their numbers; outside of the face no byte changes."""
    assert len(shown.after) == FRAMES
    box = shown.face.box
    for before, after in zip(shown.before, shown.after, strict=True):
        left = before[:224].copy()
        left[box.top - 8 : box.bottom + 8, box.left - 8 : box.right + 8] = 0
        right = after[:224].copy()
        right[box.top - 8 : box.bottom + 8, box.left - 8 : box.right + 8] = 0
        assert np.array_equal(left, right)


def test_a_face_has_the_colours_that_were_made(shown: Shown, tmp_path: Path) -> None:
    """Red for blue on either way, another range, and another brightness show."""
    source = describe(clip(tmp_path / "clip.mp4", numbered, 8))
    path = write_sound(tmp_path / "line.wav", tone(0.4, 180, 0.3))
    asked = Lipsync(lines=(LipLine(input="line", figure="mara", start=0),))
    line = lines(LocalJob(tmp_path, None, asked, [], {"line": path}), asked)  # type: ignore[arg-type]
    picture = list(spoken(source, line, Reddening()))[5]
    box = shown.face.box
    whole = cv2.erode((shown.face.mask > 0.999).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert whole.sum() > 20
    found = to_rgb(torch.from_numpy(picture)[None])[0, :, box.top : box.bottom, box.left : box.right].numpy()
    made, wanted = 255 * np.median(found[:, whole], axis=1), 255 * np.array(RED)
    assert np.abs(made - wanted).max() < COLOUR, made
    for fault in (wanted[::-1], wanted * 0.9, wanted * 219 / 255 + 16):
        assert np.abs(fault - wanted).max() > 3 * COLOUR


def test_the_mask_fades(shown: Shown) -> None:
    """A hard edge would be a seam: from pixel to pixel it would rise by all of 1."""
    mask = np.pad(shown.face.mask, 1)
    steepest = max(float(np.abs(np.diff(mask, axis=axis)).max()) for axis in (0, 1))
    assert mask.max() > 0.999
    assert steepest < 0.35, steepest


def test_the_mouth_opens_when_it_is_heard(shown: Shown) -> None:
    """Measured in the pictures against the sound itself: 100 ms of offset and a frozen mouth show."""
    finder = mesh()
    found = [finder.find(colours(picture), shown.mesh.look) for picture in shown.after]
    aperture = np.array([each.aperture if each else np.nan for each in found])
    assert np.isfinite(aperture).all()
    assert aperture.std() > 3 * STILL
    late, alike = offset(shown.loud, aperture, 1 / RATE)
    assert alike > 0.6
    assert abs(late) < LATE_S, late
    shifted, _ = offset(np.roll(shown.loud, -round(0.1 * RATE)), aperture, 1 / RATE)
    assert abs(shifted) > 2 * LATE_S


SPOKEN = Lipsync(lines=(LipLine(input="line", figure="mara", at_position="centre", start=0),), tier="draft")


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Path]:
    """A clip of few bytes whose frames are numbered, and a line of few bytes."""
    large = clip(tmp_path / "large.mp4", lambda n: numbered(n, 67), 24)
    run("-i", str(large), "-crf", "24", str(tmp_path / "clip.mp4"))
    run("-i", str(write_sound(tmp_path / "line.wav", tone(0.25, 180, 0.3))), str(tmp_path / "line.m4a"))
    return {"clip.mp4": tmp_path / "clip.mp4", "line": tmp_path / "line.m4a"}


def test_frames_of_a_whole_job_keep_their_numbers(worker: Make, given: dict[str, Path]) -> None:
    bench = worker()
    result = bench.run(SPOKEN, given)
    assert result.error is None
    before, after = planes_of(given["clip.mp4"]), planes_of(bench.output(result, "clip.mp4"))
    off = [abs(float(a[NUMBER].mean()) - float(b[NUMBER].mean())) for a, b in zip(before, after, strict=True)]
    step = np.abs(np.diff([float(p[NUMBER].mean()) for p in before])).min()
    assert step > 50
    assert max(off) < 0.2 * step, off


@pytest.mark.parametrize("full", ["line", "clip"])
def test_a_full_disk_is_told(worker: Make, given: dict[str, Path], full: str) -> None:
    """While the line is decoded (64 kB a second), and while the clip is written."""
    least = max(path.stat().st_size for path in given.values()) + 1_000
    bench, decoded = worker(), 16_000
    params = SPOKEN.model_copy(update={"tier": "final"})
    with file_size_limit(least if full == "line" else max(least, decoded + 1_000)):
        result = bench.run(params, given)
    assert least < decoded
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == ("disk_full", True)
    assert bench.run(params, given).error is None
