"""Lightness: CIE L* (0..100) to linear light and back, and the tonal key that words ask for."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
STEPS: Final = (12.0, 26.0, 44.0, 66.0, 88.0)
"""The five values a panel is built from, in L*."""
APART: Final = 25.0
"""Least distance in L* between the subject and what is behind it."""


def linear_of(lstar: Floats) -> Floats:
    """Relative luminance Y (0..1) of L* (CIE 15, 1976 lightness)."""
    f = (lstar + 16.0) / 116.0
    return np.where(lstar > 8.0, f**3, lstar / 903.3).astype(np.float32)


def lstar_of(linear: Floats) -> Floats:
    """L* (0..100) of relative luminance Y (0..1)."""
    f = np.where(linear > 0.008856, np.cbrt(linear), (903.3 * linear + 16.0) / 116.0)
    return (116.0 * f - 16.0).astype(np.float32)


def encode(linear: Floats) -> Floats:
    """sRGB code values (0..1) of linear light (IEC 61966-2-1)."""
    x = np.clip(linear, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(x, 1 / 2.4) - 0.055).astype(np.float32)


def decode(code: Floats) -> Floats:
    """Linear light (0..1) of sRGB code values (0..1)."""
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def smooth(low: float, high: float, x: npt.ArrayLike) -> Floats:
    """Smoothstep: 0 below `low`, 1 above `high`."""
    t = np.asarray((np.asarray(x, np.float32) - np.float32(low)) * np.float32(1.0 / (high - low)))
    np.clip(t, 0.0, 1.0, out=t)
    rise = 3.0 - 2.0 * t
    rise *= t
    rise *= t
    return np.asarray(rise, np.float32)
