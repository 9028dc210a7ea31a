"""Faces followed from picture to picture."""

import cv2
import numpy as np

from functions.models.faces import FaceDetector
from functions.models.tracks import Tracker
from tests.servers.faces import detector_weights
from tests.servers.talking import Picture, mesh, portrait

BEFORE, STEPS = 8, 9


def tracker() -> Tracker:
    return Tracker(FaceDetector(detector_weights()), mesh())


def passing(step: int) -> Picture:
    """One face goes behind another, 24 pixels a step, and stays there."""
    made = np.full((224, 480, 3), 90, np.uint8)
    head = portrait(140, 200)
    at = min(60 + 24 * step, 260)
    made[12:212, at : at + 140] = head[:, ::-1]
    made[12:212, 260:400] = head
    return made


def test_two_faces_are_followed_by_their_numbers() -> None:
    follow = tracker()
    seen = [[t.number for t in follow.next(passing(0))] for _ in range(3)]
    assert seen == [[1, 2]] * 3


def test_a_face_that_goes_behind_another_is_lost_and_not_found_twice() -> None:
    follow = tracker()
    found = [len(follow.next(passing(step))) for step in range(BEFORE + STEPS)]
    assert found[0] == 2
    assert found[-1] == 1


def test_a_trembling_face_is_held_and_a_moving_one_followed() -> None:
    """Noise moves the points by less than it does from picture to picture alone."""
    draw, steady, alone = np.random.Generator(np.random.PCG64(1)), tracker(), []
    held = []
    for _ in range(6):
        noisy = np.clip(portrait() + draw.normal(0, 12, portrait().shape), 0, 255).astype(np.uint8)
        (track,) = steady.next(noisy)
        held.append(track.mesh.points[:, :2])
        (fresh,) = tracker().next(noisy)
        alone.append(fresh.mesh.points[:, :2])
    trembles = [float(np.abs(np.diff(points, axis=0)).mean()) for points in (held, alone)]
    assert trembles[0] < 0.7 * trembles[1]
    shift = np.array([[1, 0, 12], [0, 1, 0]], np.float32)
    (before,) = (t.mesh.centre for t in steady.next(portrait()))
    moved = cv2.warpAffine(portrait(), shift, (288, 224), borderMode=cv2.BORDER_REPLICATE)
    (after,) = (t.mesh.centre for t in steady.next(np.asarray(moved, np.uint8)))
    assert 10 < after[0] - before[0] < 14
