"""Slow moves are smooth: how far each plane goes from frame to frame, measured in the pictures."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from functions.animatic.layers import Drawing
from functions.animatic.panel import Moving, Panel
from functions.animatic.render import Stage
from functions.animatic.values import Floats
from functions.contract.base import Rate, Size
from functions.contract.params import Camera, Composition, Motion
from tests.functions.animatic.conftest import MAREN, ROOM

FRAMES, FIRST, COUNT, PATCH = 60, 22, 9, 96
DETAIL = 8.0
"""Squared codes a pixel; below it the paper's tooth is all that there is to see."""
LARGE = Size(width=640, height=360)
STREET = Composition(
    size="wide",
    heading="EXT. STREET - DAY",
    place="a city street, trees, houses",
    place_id="street",
    figures=(MAREN,),
)
MOVES = (
    Camera(move="push"),
    Camera(move="pull", speed="creep"),
    Camera(move="pan-left", speed="creep"),
    Camera(move="track-right"),
    Camera(move="tilt-up"),
    Camera(move="orbit-left"),
    Camera(rig="handheld"),
)
Steps = npt.NDArray[np.float64]


def panel(composition: Composition, camera: Camera) -> Panel:
    drawing = Drawing(size=LARGE, seed=7, composition=composition)
    motion = Motion(size=LARGE, frames=FRAMES, rate=Rate(num=24, den=1), camera=camera, composition=composition)
    return Panel.of_motion(drawing, motion)


def textured(picture: Floats) -> tuple[float, int, int]:
    """The patch with most detail in both directions: how much (smaller eigenvalue), and its middle (row, column)."""
    x, y = cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=1 / 8)
    xx, yy, xy = (np.asarray(cv2.boxFilter(p, -1, (PATCH, PATCH))) for p in (x * x, y * y, x * y))
    least = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    edge = PATCH // 2 + 8
    inner = least[edge:-edge, edge:-edge]
    row, column = np.unravel_index(inner.argmax(), inner.shape)
    return float(inner.max()), int(row) + edge, int(column) + edge


def went(pictures: Sequence[Floats], row: int, column: int) -> Steps:
    """Pixels (x, y) that the patch went in each frame, by alignment of each picture with the first."""
    where = slice(row - PATCH // 2, row + PATCH // 2), slice(column - PATCH // 2, column + PATCH // 2)
    shift, places = np.eye(2, 3, dtype=np.float32), [np.zeros(2)]
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-6)
    whole = np.full((PATCH, PATCH), 255, np.uint8)
    for picture in pictures[1:]:
        _, found = cv2.findTransformECC(
            pictures[0][where], picture[where], shift, cv2.MOTION_TRANSLATION, until, whole, 5
        )
        shift = np.asarray(found, np.float32)
        places.append(shift[:, 2].astype(np.float64))
    return np.diff(np.array(places), axis=0)


def planned(layer: Moving, made: Panel, row: int, column: int) -> Steps:
    """The same by the camera's path."""
    path, height = made.path, made.look.height
    start = np.array([(column + 0.5) / height - path.aspect / 2, (row + 0.5) / height - 0.5])
    places = []
    for frame in range(FIRST, FIRST + COUNT):
        matrix = layer.place(path, path.at(float(frame)), frame / path.fps)
        if frame == FIRST:
            point = matrix[:, :2] @ start + matrix[:, 2]
        places.append(np.linalg.solve(matrix[:, :2], point - matrix[:, 2]) * height)
    return np.diff(np.array(places), axis=0)


@pytest.mark.parametrize(
    ("composition", "camera"),
    [(STREET, camera) for camera in MOVES] + [(ROOM, camera) for camera in MOVES[::3]],
    ids=lambda v: v.place_id if isinstance(v, Composition) else v.rig if v.move == "static" else v.move,
)
def test_slow_moves_go_as_far_in_each_frame_as_the_path_says(composition: Composition, camera: Camera) -> None:
    made = panel(composition, camera)
    measured = 0
    for layer in made.layers:
        if not isinstance(layer, Moving) or layer.plane.name == "sky" or layer.plane.life not in ("", "breath"):
            continue
        stage = Stage([layer], made.path, made.look)
        pictures = [stage.composed(float(n)).y.astype(np.float32) for n in range(FIRST, FIRST + COUNT)]
        detail, row, column = textured(pictures[0])
        if detail < DETAIL:
            continue
        error = went(pictures, row, column) - planned(layer, made, row, column)
        assert np.sqrt((error**2).mean(axis=0)).max() < 0.08, (layer.plane.name, error)
        measured += 1
    assert measured >= 1
