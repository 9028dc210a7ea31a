"""The part of a picture around a mouth: what of it is shown to the networks, and where the new mouth counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from functions.lipsync.networks import SIDE
from functions.models.colour import to_rgb
from functions.models.mesh import BRIDGE, JAW, MASK, Mesh
from functions.models.patches import Box, even, feathered, mixed, scaled

MARGIN = 10
"""Pixels of a 256-pixel face below the chin, as the weights were trained."""
FEATHER = 0.05
"""Width of the seam's blur, in widths of the box."""
SMALLEST, STEEPEST, INSIDE = 64, 60.0, 0.75
"""Least pixels of a face's width, most degrees of yaw, and least share of the box that lies in the picture."""


@dataclass(frozen=True)
class Framed:
    """A face that can be spoken by: its box, and where in the box the new mouth counts (rows, columns), 0..1."""

    box: Box
    mask: NDArray[np.float32]


def framed(mesh: Mesh, width: int, height: int) -> Framed | str:
    """The box of a face in a picture of this size, or why it is let be: `face_small`, `face_turned`, `face_cut`.

    The box is MuseTalk's: as wide as the jaw, from as far above the bridge of the nose as the chin lies below it, and a
    margin under the chin.
    """
    if mesh.width < SMALLEST:
        return "face_small"
    if mesh.yaw > STEEPEST:
        return "face_turned"
    jaw = mesh.points[list(JAW), :2]
    left, right = float(jaw[:, 0].min()), float(jaw[:, 0].max())
    lowest, middle = float(jaw[:, 1].max()), float(mesh.points[BRIDGE, 1])
    top, bottom = 2 * middle - lowest, lowest + MARGIN * 2 * (lowest - middle) / SIDE
    area = (right - left) * (bottom - top)
    box = Box(*(even(v, limit) for v, limit in ((left, width), (top, height), (right, width), (bottom, height))))
    if box.width < 2 or box.height < 2 or box.width * box.height < INSIDE * area:
        return "face_cut"
    return Framed(box, _mask(mesh, box))


def _mask(mesh: Mesh, box: Box) -> NDArray[np.float32]:
    polygon = mesh.points[list(MASK), :2] - np.array([box.left, box.top], np.float32)
    soft = feathered(polygon, box.width, box.height, int(FEATHER * box.width / 2) * 2 + 1)
    edge = np.minimum.outer(_edge(box.height), _edge(box.width))
    return np.asarray(soft * np.minimum(1, edge), np.float32)


def _edge(length: int) -> NDArray[np.float32]:
    """Nothing counts on the box's own border."""
    at = np.arange(length)
    return np.asarray(np.minimum(at, length - 1 - at) / 2, np.float32)


def shown(part: Tensor) -> Tensor:
    """A packed box as the networks see it: R'G'B' (3, 256, 256), 0..1."""
    return scaled(to_rgb(part[None]), SIDE, SIDE)[0]


def blended(part: Tensor, face: Tensor, mask: Tensor) -> Tensor:
    """A packed box with a new face (3, 256, 256) where the mask (rows, columns) counts."""
    return mixed(part, scaled(face[None], *mask.shape)[0], mask)
