"""Takes are ranked as a person would: by sharpness, and by the faces that belong in the picture."""

import cv2
import numpy as np
import pytest

from functions.models.faces import FaceDetector
from functions.models.score import score
from tests.servers.faces import astronaut, cat, detector_weights


@pytest.fixture(scope="module")
def finder() -> FaceDetector:
    return FaceDetector(detector_weights())


@pytest.mark.parametrize("blur", [1.0, 2.0, 4.0])
def test_a_blurred_take_ranks_below_a_sharp_one(finder: FaceDetector, blur: float) -> None:
    sharp = astronaut()
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), blur), np.uint8)
    assert score(soft, 1, finder).value < score(sharp, 1, finder).value


def test_a_take_without_the_face_that_belongs_in_it_ranks_below_one_that_has_it(finder: FaceDetector) -> None:
    with_face, without = astronaut(), astronaut()
    without[40:260, 120:340] = cv2.flip(without[290:510, 120:340], 0)
    assert (score(with_face, 1, finder).faces, score(without, 1, finder).faces) == (1, 0)
    assert score(without, 1, finder).value < score(with_face, 1, finder).value


def test_faces_that_nobody_asked_for_change_nothing(finder: FaceDetector) -> None:
    assert score(astronaut(), 0, finder).value == score(astronaut(), 1, finder).value
    assert 0 < score(cat(), 0, finder).value < 1
