from pathlib import Path

import cv2
import numpy as np
import pytest

from functions.contract.errors import EngineError
from functions.models.faces import Face, FaceDetector, distinct, overlap, parts
from tests.servers.faces import astronaut, cat, detector_weights


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(detector_weights())


def test_a_real_face_is_found_where_it_is(detector: FaceDetector) -> None:
    (face,) = detector.find(astronaut())
    right_eye, left_eye, nose, mouth, *_ = face.points
    assert face.centre == pytest.approx((226, 121), abs=8)
    assert face.width == pytest.approx(107, abs=12)
    assert right_eye == pytest.approx((205, 102), abs=6)
    assert left_eye[0] > nose[0] > right_eye[0]
    assert mouth[1] > nose[1] > right_eye[1]


def test_a_cat_and_noise_are_no_faces(detector: FaceDetector) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert detector.find(cat()) == ()
    assert detector.find(noise) == ()


def test_small_faces_of_a_large_picture_are_found_and_the_largest_comes_first(detector: FaceDetector) -> None:
    picture = np.zeros((1500, 2400, 3), np.uint8)
    picture[600:856, 200:456] = cv2.resize(astronaut(), (256, 256))
    picture[100:612, 1500:2012] = astronaut()
    large, small = detector.find(picture)
    assert large.centre == pytest.approx((1726, 221), abs=12)
    assert small.centre == pytest.approx((313, 660), abs=12)


def test_the_parts_of_a_picture_cover_it_with_overlap() -> None:
    for size in ((512, 512), (901, 300), (2400, 1500), (4000, 900), (640, 3000)):
        seen = np.zeros((size[1], size[0]), bool)
        whole, *rest = parts(*size)
        assert whole == (0, 0, *size)
        for x, y, width, height in rest:
            assert x >= 0 <= y
            assert x + width <= size[0]
            assert y + height <= size[1]
            seen[y : y + height, x : x + width] = True
        assert seen.all() == bool(rest)


def test_of_two_boxes_on_one_face_the_more_certain_is_kept() -> None:
    a = Face(0, 0, 100, 100, 0.9, ())
    b = Face(10, 5, 100, 100, 0.7, ())
    c = Face(300, 0, 100, 100, 0.65, ())
    assert distinct([b, c, a]) == [a, c]
    assert overlap(a, c) == 0


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "face.tflite"
    broken.write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"face\.tflite"):
        FaceDetector(broken)
