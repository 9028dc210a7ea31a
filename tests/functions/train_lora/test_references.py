from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from functions.contract.errors import InputError
from functions.models.faces import FaceDetector
from functions.train_lora.references import Reference, picture_hash, read_references, sharpness
from tests.servers.faces import astronaut, cat, detector_weights

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def find() -> FaceDetector:
    return FaceDetector(detector_weights())


def views() -> list[Picture]:
    face = astronaut()
    return [face, face[:400], face[20:300, 60:400], cv2.flip(face, 1).astype(np.uint8), face[:320, 100:420]]


def given(folder: Path, *pictures: Picture) -> dict[str, Path]:
    found = {}
    for i, picture in enumerate(pictures):
        found[f"ref{i:02d}"] = folder / f"ref{i:02d}.png"
        Image.fromarray(np.ascontiguousarray(picture)).save(found[f"ref{i:02d}"])
    return found


def test_good_pictures_are_all_taken_with_their_faces(tmp_path: Path, find: FaceDetector) -> None:
    references, notes = read_references(given(tmp_path, *views()), find.find)
    assert [r.name for r in references] == ["ref00", "ref01", "ref02", "ref03", "ref04"]
    assert all(r.face is not None for r in references)
    assert notes == ()


def test_a_copy_is_named_and_left_out(tmp_path: Path, find: FaceDetector) -> None:
    smaller = cv2.resize(astronaut(), (400, 400), interpolation=cv2.INTER_AREA).astype(np.uint8)
    references, notes = read_references(given(tmp_path, *views(), smaller), find.find)
    assert [r.name for r in references] == ["ref00", "ref01", "ref02", "ref03", "ref04"]
    assert [(n.code, n.value) for n in notes] == [("duplicate_reference", "ref05")]
    assert "ref00" in notes[0].detail


def test_where_copies_leave_too_few_it_says_which(tmp_path: Path, find: FaceDetector) -> None:
    with pytest.raises(InputError, match=r"only 3 different.*ref03 is a copy of ref00"):
        read_references(given(tmp_path, *views()[:3], astronaut()), find.find)


def test_a_blurred_picture_is_left_out_unless_it_is_needed(tmp_path: Path, find: FaceDetector) -> None:
    soft = cv2.GaussianBlur(cv2.flip(astronaut()[:450], 1), (0, 0), 12).astype(np.uint8)
    for count, kept in ((5, 5), (3, 4)):
        folder = tmp_path / str(count)
        folder.mkdir()
        references, notes = read_references(given(folder, *views()[:count], soft), find.find)
        assert len(references) == kept
        assert "blurred_reference" in {n.code for n in notes}
        assert (f"ref{count:02d}" in {r.name for r in references}) == (count == 3)


def test_no_face_and_several_faces_are_said(tmp_path: Path, find: FaceDetector) -> None:
    pair = np.concatenate([astronaut(), cv2.resize(astronaut(), (800, 512)).astype(np.uint8)], axis=1)
    references, notes = read_references(given(tmp_path, *views()[:3], cat(), pair), find.find)
    assert {n.value: n.code for n in notes} == {"ref03": "no_face", "ref04": "several_faces"}
    assert references[3].face is None
    assert references[4].face is not None


@pytest.mark.parametrize(("size", "says"), [((200, 900), "too small"), ((30_000, 40), "too large")])
def test_a_picture_of_a_size_that_teaches_nothing_is_refused(
    tmp_path: Path, find: FaceDetector, size: tuple[int, int], says: str
) -> None:
    inputs = given(tmp_path, *views()[:4])
    Image.new("RGB", size).save(inputs["ref02"])
    with pytest.raises(InputError, match=f"'ref02' is {says}"):
        read_references(inputs, find.find)


def test_hashes_tell_pictures_apart_and_copies_together() -> None:
    face, other = astronaut(), cat()
    loud = np.clip(face.astype(int) * 1.1 + 5, 0, 255).astype(np.uint8)
    assert (picture_hash(face) ^ picture_hash(loud)).bit_count() <= 5
    assert (picture_hash(face) ^ picture_hash(other)).bit_count() > 15
    assert (picture_hash(face) ^ picture_hash(cv2.flip(face, 1).astype(np.uint8))).bit_count() > 5


def test_sharpness_falls_with_blur() -> None:
    soft = cv2.GaussianBlur(astronaut(), (0, 0), 4).astype(np.uint8)
    assert sharpness(Reference("a", astronaut(), None)) > 4 * sharpness(Reference("b", soft, None))
