"""How a mouth follows a sound, measured on a photographed face whose mouth is opened and closed in its picture."""

from fractions import Fraction

import numpy as np
import pytest

from functions.lipsync.measure import Sync, offset, sharpness
from functions.models.mesh import Mesh
from tests.servers.talking import face_in, mesh, opened, portrait, syllables

STEP = Fraction(1, 25)
FRAMES = 60


@pytest.fixture(scope="module")
def loudness() -> np.ndarray:
    """Of each frame, 0..1."""
    return np.asarray(syllables(FRAMES / 25, seed=4).reshape(FRAMES, -1).mean(axis=1))


@pytest.fixture(scope="module")
def seen(loudness: np.ndarray) -> list[Mesh | None]:
    """The face of each frame, its mouth as open as the sound is loud."""
    picture, finder = portrait(), mesh()
    face = face_in(picture)
    return [finder.find(opened(picture, face, 1 + 15 * float(loud)), face.look) for loud in loudness]


def told(energy: np.ndarray, meshes: list[Mesh | None]) -> dict[str, float | str | None]:
    sync = Sync()
    for loud, found in zip(energy, meshes, strict=True):
        sync.add(float(loud), found)
    return {note.code: note.value for note in sync.notes("mara", STEP)}


def test_a_mouth_in_step_is_measured_in_step(loudness: np.ndarray, seen: list[Mesh | None]) -> None:
    found = told(loudness, seen)
    assert found["av_offset"] == pytest.approx(0, abs=0.02)
    assert "out_of_sync" not in found


@pytest.mark.parametrize("frames", [-5, -3, 3, 5])
def test_a_sound_that_is_off_is_found(loudness: np.ndarray, seen: list[Mesh | None], frames: int) -> None:
    found = told(np.roll(loudness, frames), seen)
    assert found["av_offset"] == pytest.approx(-frames / 25, abs=0.03)
    assert "out_of_sync" in found


def test_a_frozen_mouth_is_found(loudness: np.ndarray, seen: list[Mesh | None]) -> None:
    assert "mouth_still" in told(loudness, [seen[0]] * FRAMES)


def test_a_mouth_that_moves_on_its_own_has_no_offset(loudness: np.ndarray, seen: list[Mesh | None]) -> None:
    shuffled = np.random.Generator(np.random.PCG64(3)).permutation(loudness)
    found = told(shuffled, seen)
    assert "av_offset_unknown" in found or "out_of_sync" in found or abs(float(found["av_offset"] or 0)) > 0.02


def test_what_is_not_seen_is_not_measured(loudness: np.ndarray) -> None:
    assert "av_offset_unknown" in told(loudness, [None] * FRAMES)


def test_a_part_of_a_frame_is_measured() -> None:
    at = np.arange(200) / 25
    energy = 1 + np.sin(2 * np.pi * 1.3 * at) + 0.5 * np.sin(2 * np.pi * 0.7 * at + 1)
    late = 0.05
    lips = 1 + np.sin(2 * np.pi * 1.3 * (at - late)) + 0.5 * np.sin(2 * np.pi * 0.7 * (at - late) + 1)
    assert offset(energy, lips, 0.04)[0] == pytest.approx(late, abs=0.004)


def test_a_blurred_mouth_is_less_sharp() -> None:
    import cv2

    picture = portrait()
    face = face_in(picture)
    blurred = cv2.GaussianBlur(picture, (0, 0), 2).astype(np.uint8)
    assert sharpness(blurred, face) < 0.5 * sharpness(picture, face)
