"""Form from light: how far a shape turns to the key, and the rim that it draws."""

from typing import Final

import cv2
import numpy as np

from functions.animatic import faces
from functions.animatic.canvas import Mask
from functions.animatic.values import Floats

INNER_TONE: Final = 8.0
RIM_WIDTH: Final = 0.0025
RIM_SHARE: Final = 0.6


def clipped(mask: Mask, within: Mask) -> Mask:
    """The part of a mask that lies inside another."""
    return Mask(mask.roi, mask.cover * faces.within(mask, within))


def towards(cover: Floats, key: tuple[float, float], sigma: float) -> Floats:
    """How much a shape, taken for a rounded form, turns to the light (-1..1). `sigma` is its roundness in pixels."""
    shrink = min(1.0, 4.0 / max(sigma, 1e-3))
    rows, columns = cover.shape
    small = (max(int(columns * shrink), 2), max(int(rows * shrink), 2))
    inner = np.asarray(cv2.resize(cover, small, interpolation=cv2.INTER_AREA), np.float32)
    pad = 12
    soft = cv2.GaussianBlur(
        cv2.copyMakeBorder(inner, pad, pad, pad, pad, cv2.BORDER_REPLICATE), (0, 0), max(sigma * shrink, 0.6)
    )
    smoothed = np.asarray(soft, np.float32)
    dy = np.asarray(np.gradient(smoothed, axis=0), np.float32)
    dx = np.asarray(np.gradient(smoothed, axis=1), np.float32)
    facing = -(dx * key[0] + dy * key[1])[pad:-pad, pad:-pad] * max(sigma * shrink, 0.6) * 2.5
    return np.asarray(cv2.resize(facing, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def edge_facing(cover: Floats, key: tuple[float, float], width: float) -> Floats:
    """The band along a shape's edge that faces the light, `width` pixels."""
    shift = np.array([[1.0, 0.0, key[0] * width * 1.5], [0.0, 1.0, key[1] * width * 1.5]], np.float32)
    rows, columns = cover.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    beside = cv2.warpAffine(cover, shift, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cover * np.clip(1.0 - np.asarray(beside, np.float32), 0, 1), np.float32)
