"""How alike what we make is to what a published loop makes, before anything is encoded."""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

EQUAL_DB: Final = 45.0
"""PSNR from which two results count as the same."""
SAME_DB: Final = 99.0
"""Stands for no difference at all."""


def psnr(one: ArrayLike, other: ArrayLike, peak: float = 255.0) -> float:
    """Peak signal to noise ratio in dB of two arrays of one shape, whose full scale is `peak`."""
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} is compared with {b.shape}: both must hold the same frames")
    wrong = float(np.square(a - b).mean())
    return min(SAME_DB, 10 * math.log10(peak**2 / wrong)) if wrong else SAME_DB
