"""Scene cuts: two pictures of which the second is not the first one moved on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.media.frames import Packed

SMALL = 96
"""Pixels of the longer side at which pictures are compared."""
CHANGED = 6.0
"""Mean change of luma, in codes, below which nothing was cut: dissolves and most moves lie there."""
ALIKE = 0.55
"""Correlation of the first picture with the second one moved back onto it, below which they are two scenes."""
Luma = NDArray[np.uint8]


def is_cut(left: Packed, right: Packed) -> bool:
    """Whether a cut lies between two neighbouring pictures. A pan is none, nor a flash of light."""
    a, b = _small(left), _small(right)
    if float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean()) < CHANGED:
        return False
    return correlation(a, _moved_back(a, b)) < ALIKE


def correlation(a: Luma, b: Luma) -> float:
    """Pearson's, of two pictures; 1 for two flat ones."""
    x, y = a.astype(np.float64) - a.mean(), b.astype(np.float64) - b.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > a.size else float(np.abs(a.mean() - b.mean()) < 2 * CHANGED)


def _small(picture: Packed) -> Luma:
    luma = picture[: len(picture) * 2 // 3]
    scale = SMALL / max(luma.shape)
    size = (max(16, round(luma.shape[1] * scale)), max(16, round(luma.shape[0] * scale)))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _moved_back(a: Luma, b: Luma) -> Luma:
    """`b` as it looks where `a` was: by one motion of the whole picture, since finer ones fit anything to anything."""
    window = cv2.createHanningWindow((a.shape[1], a.shape[0]), cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(a.astype(np.float32), b.astype(np.float32), window)
    back = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(
        b,
        back,
        (a.shape[1], a.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    still = correlation(a, b)
    return np.asarray(moved, np.uint8) if correlation(a, np.asarray(moved, np.uint8)) > still else b
