"""Gain over time: envelopes drawn between points, fades, pan."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from functions.contract.params import Gain

Curve = NDArray[np.float64]


def envelope(points: Sequence[Gain], start: int, count: int) -> Curve | float:
    """Amplitude over `count` samples from `start`: raised cosine in dB between points, held outside them."""
    if not points:
        return 1.0
    at = np.array([p.at for p in points], np.float64)
    level = np.array([p.level / 10 for p in points])
    if (level == level[0]).all():
        return float(10 ** (level[0] / 20))
    position = np.arange(start, start + count, dtype=np.float64)
    after = np.clip(np.searchsorted(at, position, "right"), 1, len(at) - 1)
    span = np.maximum(at[after] - at[after - 1], 1)
    share = np.clip((position - at[after - 1]) / span, 0, 1)
    ease = (1 - np.cos(np.pi * share)) / 2
    curve: Curve = 10 ** ((level[after - 1] + (level[after] - level[after - 1]) * ease) / 20)
    return curve


def fades(length: int, fade_in: int, fade_out: int, start: int, count: int, *, equal_power: bool) -> Curve | float:
    """Amplitude of the fades at both ends of something `length` long, over `count` samples from `start`.

    Equal power (a quarter sine) is for what crosses with its neighbour, a raised cosine for what ends alone.
    """
    if start >= fade_in and start + count <= length - fade_out:
        return 1.0
    position = np.arange(start, start + count) + 0.5
    curve = np.ones(count)
    for fade, distance in ((fade_in, position), (fade_out, length - position)):
        if fade:
            share = np.clip(distance / fade, 0, 1)
            curve *= np.sin(share * np.pi / 2) if equal_power else (1 - np.cos(share * np.pi)) / 2
    return curve


def pan_gains(pan: int) -> tuple[float, float]:
    """Left and right amplitude of a pan in thousandths; equal power, both 1 in the centre."""
    angle = (pan / 1000 + 1) * np.pi / 4
    return float(np.sqrt(2) * np.cos(angle)), float(np.sqrt(2) * np.sin(angle))
