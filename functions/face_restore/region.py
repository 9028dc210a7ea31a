"""Where a face lies in a picture, how much of it is to be replaced, and which faces are let be."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.face_restore.align import SIDE, Matrix, five, inverse, moved, scale, similarity
from functions.models.mesh import JAW, Mesh
from functions.models.patches import Box, even, feathered

OVAL: Final = (*JAW, 356, 389, 251, 284, 332, 297, 338, 10, 109, 67, 103, 54, 21, 162, 127)
"""Around the face: the jaw, and over the forehead back to the right ear."""
FEATHER = 0.08
"""Width of the seam's blur, in widths of the face."""
MARGIN = 2
"""Pixels around a face's square that resampling reads."""
LIMITS: Final[dict[str, tuple[float, float]]] = {
    "face_small": (32.0, 48.0),
    "face_turned": (60.0, 45.0),
    "face_cut": (0.5, 0.75),
    "face_large": (2.0, 1.5),
}
"""From where a face counts not at all to where it counts whole: pixels of its width; degrees of yaw; share of it that
lies in the picture; pixels of the picture to one of the network's, of which more would cost sharpness.
"""


@dataclass(frozen=True)
class Region:
    """`box` is the part of the picture that the face's square covers, `matrix` leads from that square's pixels into the
    box, `mask` (rows, columns) tells how much of the box is replaced, 0..1.
    """

    box: Box
    matrix: Matrix
    mask: NDArray[np.float32]

    @property
    def back(self) -> Matrix:
        """From the box into the square."""
        return inverse(self.matrix)


def region(mesh: Mesh, width: int, height: int, strength: float = 1) -> Region | str:
    """Where a face of a picture of this size is replaced, or the code of why it is let be (`LIMITS`).

    Between its limits a face counts in part, so that none comes and goes from one frame to the next.
    """
    matrix = similarity(five(mesh))
    shares = {
        "face_small": mesh.width,
        "face_turned": mesh.yaw,
        "face_cut": _inside(mesh, width, height),
        "face_large": scale(matrix),
    }
    weights = {code: _ramp(value, *LIMITS[code]) for code, value in shares.items()}
    if unfit := next((code for code, weight in weights.items() if not weight), ""):
        return unfit
    whole = _covered(matrix)
    box = Box(even(whole.left, width), even(whole.top, height), even(whole.right, width), even(whole.bottom, height))
    mask = _mask(mesh, matrix, whole)
    across = slice(box.left - whole.left, box.right - whole.left)
    mask = mask[box.top - whole.top : box.bottom - whole.top, across]
    weight = np.float32(min(weights.values()) * strength)
    return Region(box, moved(matrix, -box.left, -box.top), np.ascontiguousarray(mask * weight))


def _ramp(value: float, none: float, full: float) -> float:
    return min(1.0, max(0.0, (value - none) / (full - none)))


def _inside(mesh: Mesh, width: int, height: int) -> float:
    low, high = mesh.points[:, :2].min(axis=0), mesh.points[:, :2].max(axis=0)
    seen = np.clip(high, 0, (width, height)) - np.clip(low, 0, (width, height))
    return float(seen.prod() / max(1e-6, (high - low).prod()))


def _covered(matrix: Matrix) -> Box:
    """Even bounds of the square in the picture, beyond the picture's edges too."""
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]]) @ matrix.T
    left, top = np.floor((corners.min(axis=0) - MARGIN) / 2).astype(int) * 2
    right, bottom = np.ceil((corners.max(axis=0) + MARGIN) / 2).astype(int) * 2
    return Box(int(left), int(top), int(right), int(bottom))


def _mask(mesh: Mesh, matrix: Matrix, whole: Box) -> NDArray[np.float32]:
    """The face's oval, softly, as far as the square reaches."""
    origin = np.array([whole.left, whole.top], np.float32)
    feather = max(1, int(FEATHER * mesh.width / 2)) * 2 + 1
    soft = feathered(mesh.points[list(OVAL), :2] - origin, whole.width, whole.height, feather)
    local = moved(matrix, -whole.left, -whole.top)
    edge = cv2.warpAffine(_EDGE, local, (whole.width, whole.height), flags=cv2.INTER_LINEAR, borderValue=0)
    return np.asarray(soft * edge, np.float32)


def _edge() -> NDArray[np.float32]:
    at = np.arange(SIDE)
    side = np.minimum(1, np.minimum(at, SIDE - 1 - at) / (FEATHER * SIDE))
    return np.asarray(np.minimum.outer(side, side), np.float32)


_EDGE = _edge()
"""The square fades out towards its own border."""
