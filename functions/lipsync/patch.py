"""The part of a picture around a mouth: cut out, shown to the networks at their size, laid back without a seam."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from functions.lipsync.mesh import BRIDGE, JAW, MASK, Mesh
from functions.lipsync.networks import SIDE
from functions.media.frames import Packed
from functions.models.colour import split, to_packed, to_rgb

MARGIN = 10
"""Pixels of a 256-pixel face below the chin, as the weights were trained."""
FEATHER = 0.05
"""Width of the seam's blur, in widths of the box."""
SMALLEST, STEEPEST, INSIDE = 64, 60.0, 0.75
"""Least pixels of a face's width, most degrees of yaw, and least share of the box that lies in the picture."""
DISPLAY = 2.4
"""Exponent from R'G'B' to light (ITU-R BT.1886)."""


@dataclass(frozen=True)
class Box:
    """Even pixel bounds of a face, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels."""
        return self.bottom - self.top


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
    box = Box(*(_even(v, limit) for v, limit in ((left, width), (top, height), (right, width), (bottom, height))))
    if box.width < 2 or box.height < 2 or box.width * box.height < INSIDE * area:
        return "face_cut"
    return Framed(box, _mask(mesh, box))


def _even(value: float, limit: int) -> int:
    return min(max(0, round(value / 2) * 2), limit)


def _mask(mesh: Mesh, box: Box) -> NDArray[np.float32]:
    polygon = mesh.points[list(MASK), :2] - np.array([box.left, box.top], np.float32)
    solid = np.zeros((box.height, box.width), np.uint8)
    cv2.fillPoly(solid, [np.rint(polygon).astype(np.int32)], (255,))
    size = int(FEATHER * box.width / 2) * 2 + 1
    mask = cv2.erode(solid, np.ones((size, size), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    blurred = cv2.GaussianBlur(mask, (2 * size + 1, 2 * size + 1), 0, borderType=cv2.BORDER_CONSTANT)
    soft = np.asarray(blurred, np.float32) / 255
    edge = np.minimum.outer(_edge(box.height), _edge(box.width))
    return np.asarray(soft * np.minimum(1, edge), np.float32)


def _edge(length: int) -> NDArray[np.float32]:
    """Nothing counts on the box's own border."""
    at = np.arange(length)
    return np.asarray(np.minimum(at, length - 1 - at) / 2, np.float32)


def cut(picture: Packed, box: Box) -> Packed:
    """A box of a packed picture, itself packed."""
    luma, blue, red = (p[0].numpy() for p in split(torch.from_numpy(picture)[None]))
    half = slice(box.top // 2, box.bottom // 2), slice(box.left // 2, box.right // 2)
    rows = luma[box.top : box.bottom, box.left : box.right]
    flat = np.concatenate([rows.ravel(), blue[half].ravel(), red[half].ravel()])
    return flat.reshape(box.height * 3 // 2, box.width)


def laid(picture: Packed, box: Box, part: Packed) -> None:
    """Put a box back, in place."""
    into, given = split(torch.from_numpy(picture)[None]), split(torch.from_numpy(part)[None])
    into[0][0, box.top : box.bottom, box.left : box.right] = given[0][0]
    for plane, other in zip(into[1:], given[1:], strict=True):
        plane[0, box.top // 2 : box.bottom // 2, box.left // 2 : box.right // 2] = other[0]


def shown(part: Tensor) -> Tensor:
    """A packed box as the networks see it: R'G'B' (3, 256, 256), 0..1."""
    return scaled(to_rgb(part[None]), SIDE, SIDE)[0]


def scaled(picture: Tensor, height: int, width: int) -> Tensor:
    """Bicubic, without aliases."""
    made = functional.interpolate(picture, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return made.clamp(0, 1)


def blended(part: Tensor, face: Tensor, mask: Tensor) -> Tensor:
    """A packed box with a new face (3, 256, 256) where the mask (rows, columns) counts, mixed as light mixes. What the
    mask leaves out keeps its code values.
    """
    old = to_rgb(part[None])
    new = scaled(face[None], *mask.shape)
    light = torch.lerp(old**DISPLAY, new**DISPLAY, mask[None, None])
    made = to_packed(light ** (1 / DISPLAY))[0]
    touched = mask > 0
    small = functional.max_pool2d(touched.float()[None, None], 2)[0, 0] > 0
    kept = torch.cat([touched.flatten(), small.flatten(), small.flatten()]).view_as(part)
    return torch.where(kept, made, part)
