"""A face turned upright into the square that face networks were trained on, and back.

Coordinates are those of pixels' centres, (x, y), as OpenCV has them.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from functions.models.mesh import Mesh
from functions.models.patches import scaled

SIDE = 512
TEMPLATE: Final = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ]
)
"""Right eye, left eye, tip of the nose, right and left corner of the mouth (as the person has them) in a square of 512:
the means of the faces of FFHQ that GFPGAN, RestoreFormer and CodeFormer were trained on, as facexlib has them.
"""
POINTS: Final = ((33, 133), (263, 362), (4,), (61,), (291,))
"""Points of the mesh whose mean is each of the five: corners of an eye, tip of the nose, corners of the mouth."""
FINER = 1.5
"""Pixels to each pixel that is made of them, along a side: with 1 the face gets soft, with 2 fine hair flickers."""
Matrix = NDArray[np.float64]


def five(mesh: Mesh) -> NDArray[np.float64]:
    """(5, 2): the points of a face that the template has."""
    return np.array([mesh.points[list(some), :2].mean(axis=0) for some in POINTS], np.float64)


def similarity(points: NDArray[np.float64]) -> Matrix:
    """From the template to the picture (2, 3): turn, scale and shift of least squares over five points.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991). Unlike a robust
    estimate it moves smoothly with the points, so a face does not jump from frame to frame.
    """
    middle, centre = TEMPLATE.mean(axis=0), points.mean(axis=0)
    (x, y), (u, v) = (TEMPLATE - middle).T, (points - centre).T
    spread = float((x * x + y * y).sum())
    a, b = float((x * u + y * v).sum()) / spread, float((x * v - y * u).sum()) / spread
    turn = np.array([[a, -b], [b, a]])
    return joined(turn, centre - turn @ middle)


def joined(turn: NDArray[np.float64], shift: NDArray[np.float64]) -> Matrix:
    """(2, 3) of a turn (2, 2) and a shift (2,)."""
    return np.concatenate([turn, shift[:, None]], axis=1)


def scale(matrix: Matrix) -> float:
    """Pixels that a pixel becomes along a side."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def inverse(matrix: Matrix) -> Matrix:
    """The way back."""
    turn = np.asarray(np.linalg.inv(matrix[:, :2]), np.float64)
    return joined(turn, -turn @ matrix[:, 2])


def moved(matrix: Matrix, x: float, y: float) -> Matrix:
    """The same into a picture that is shifted by (x, y)."""
    return joined(matrix[:, :2], matrix[:, 2] + np.array([x, y]))


def warped(picture: Tensor, matrix: Matrix, rows: int, columns: int) -> Tensor:
    """(3, rows, columns) whose pixel p is that at `matrix` p of R'G'B' (3, h, w): bicubic, held beyond the edges,
    without aliases where it gets smaller.
    """
    high, wide = picture.shape[1:]
    shrunk, given = picture[None], matrix
    if (step := scale(matrix) / FINER) > 1:
        size = max(1, round(high / step)), max(1, round(wide / step))
        shrunk = scaled(shrunk, *size)
        ratio = np.array([[size[1] / wide], [size[0] / high]])
        given = moved(given, 0.5, 0.5) * ratio - np.array([[0, 0, 0.5]])
    grid = _grid(given, rows, columns, shrunk)
    made = functional.grid_sample(shrunk, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return made[0].clamp(0, 1)


def _grid(matrix: Matrix, rows: int, columns: int, picture: Tensor) -> Tensor:
    """(1, rows, columns, 2) of where in a picture (1, 3, h, w) each pixel lies, made where the picture is."""
    high, wide = picture.shape[2:]
    y = torch.arange(rows, dtype=torch.float64, device=picture.device)[:, None]
    x = torch.arange(columns, dtype=torch.float64, device=picture.device)
    (a, b, c), (d, e, f) = matrix.tolist()
    across, down = (a * x + b * y + c + 0.5) * 2 / wide - 1, (d * x + e * y + f + 0.5) * 2 / high - 1
    return torch.stack([across, down], dim=-1)[None].float()
