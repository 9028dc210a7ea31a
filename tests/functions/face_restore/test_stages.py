"""How long a face has been seen."""

import numpy as np

from functions.face_restore.stages import LOST, Ages
from functions.models.mesh import POINTS, Mesh
from functions.models.tracks import Track


def track(number: int, x: float) -> Track:
    """A face 100 pixels wide about (x, 50)."""
    points = np.zeros((POINTS, 3), np.float32)
    points[0], points[1] = (x - 50, 0, 0), (x + 50, 100, 0)
    return Track(number, Mesh(points))


def test_a_face_keeps_its_age_while_it_is_followed() -> None:
    ages = Ages()
    assert [ages.first([track(1, 100 + 5 * n)], n) for n in range(3)] == [{1: 0}] * 3


def test_a_face_found_again_in_its_place_keeps_its_age() -> None:
    ages = Ages()
    ages.first([track(1, 100)], 0)
    assert ages.first([track(2, 120)], LOST) == {2: 0}
    assert ages.first([track(3, 120)], 2 * LOST + 1) == {3: 2 * LOST + 1}


def test_a_face_elsewhere_is_new_and_so_is_one_beside_a_face_that_is_there() -> None:
    ages = Ages()
    ages.first([track(1, 100)], 0)
    assert ages.first([track(1, 100), track(2, 120), track(3, 400)], 1) == {1: 0, 2: 1, 3: 1}
