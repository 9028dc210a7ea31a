"""Parts of packed pictures: cut out, worked on, laid back without a seam."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from functions.media.frames import Packed
from functions.models.colour import split, to_packed, to_rgb
from functions.models.mesh import Picture

DISPLAY = 2.4
"""Exponent from R'G'B' to light (ITU-R BT.1886)."""

FAINT = 0.5
"""Of 255: what counts less leaves the picture as it is."""


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


def even(value: float, limit: int) -> int:
    """The nearest even pixel from 0 to `limit`."""
    return min(max(0, round(value / 2) * 2), limit)


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


def scaled(picture: Tensor, height: int, width: int) -> Tensor:
    """Bicubic, without aliases."""
    made = functional.interpolate(picture, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return made.clamp(0, 1)


def feathered(polygon: NDArray[np.float32], width: int, height: int, feather: int) -> NDArray[np.float32]:
    """Where a polygon (n, 2) in pixels counts (height, width): 1 inside, 0 outside, blurred about its outline over
    `feather` pixels (odd).
    """
    solid = np.zeros((height, width), np.uint8)
    cv2.fillPoly(solid, [np.rint(polygon).astype(np.int32)], (255,))
    mask = cv2.erode(solid, np.ones((feather, feather), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    across = cv2.getGaussianKernel(2 * feather + 1, 0)
    # OpenCV's own Gaussian takes four times as long for masks of 8 bits.
    blurred = cv2.sepFilter2D(mask, cv2.CV_32F, across, across, borderType=cv2.BORDER_CONSTANT)
    return np.where(blurred < FAINT, 0, blurred).astype(np.float32) / np.float32(255)


def mixed(part: Tensor, new: Tensor, mask: Tensor) -> Tensor:
    """A packed part with R'G'B' (3, rows, columns) of its size where the mask (rows, columns) counts, mixed as light
    mixes. What the mask leaves out keeps its code values.
    """
    old = to_rgb(part[None])
    light = torch.lerp(old**DISPLAY, new[None] ** DISPLAY, mask[None, None])
    made = to_packed(light ** (1 / DISPLAY))[0]
    touched = mask > 0
    small = functional.max_pool2d(touched.float()[None, None], 2)[0, 0] > 0
    kept = torch.cat([touched.flatten(), small.flatten(), small.flatten()]).view_as(part)
    return torch.where(kept, made, part)


def colours(picture: Packed) -> Picture:
    """R'G'B' (rows, columns, 3) of a packed picture, for looking at: by BT.601's matrix, which is quick."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420), np.uint8)
