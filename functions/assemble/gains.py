"""Gain over time: envelopes drawn between points, fades, pan."""

import itertools
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
    curve: Curve = np.empty(count)
    edges = np.clip(np.concatenate([[start], at, [start + count]]) - start, 0, count).astype(np.int64)
    for index, (low, high) in enumerate(itertools.pairwise(edges.tolist())):
        before, after = max(index - 1, 0), min(index, len(at) - 1)
        if level[before] == level[after]:
            curve[low:high] = 10 ** (level[after] / 20)
        elif low < high:
            share = (np.arange(start + low, start + high) - at[before]) / (at[after] - at[before])
            ease = (1 - np.cos(np.pi * share)) / 2
            curve[low:high] = 10 ** ((level[before] + (level[after] - level[before]) * ease) / 20)
    return curve


def fades(length: int, fade_in: int, fade_out: int, start: int, count: int, *, equal_power: bool) -> Curve | float:
    """Amplitude of the fades at both ends of something `length` long, over `count` samples from `start`.

    Equal power (a quarter sine) is for what crosses with its neighbour, a raised cosine for what ends alone.
    """
    if start >= fade_in and start + count <= length - fade_out:
        return 1.0
    curve = np.ones(count)
    rising = max(0, min(count, fade_in - start))
    falling = max(0, min(count, length - fade_out - start))
    if fade_in and rising:
        curve[:rising] *= _rise((np.arange(start, start + rising) + 0.5) / fade_in, equal_power=equal_power)
    if fade_out and falling < count:
        left = length - np.arange(start + falling, start + count) - 0.5
        curve[falling:] *= _rise(left / fade_out, equal_power=equal_power)
    return curve


def _rise(share: Curve, *, equal_power: bool) -> Curve:
    """A fade's amplitude where this share of it is over."""
    within = np.clip(share, 0, 1)
    curve: Curve = np.sin(within * np.pi / 2) if equal_power else (1 - np.cos(within * np.pi)) / 2
    return curve


def pan_gains(pan: int) -> tuple[float, float]:
    """Left and right amplitude of a pan in thousandths; equal power, both 1 in the centre."""
    angle = (pan / 1000 + 1) * np.pi / 4
    return float(np.sqrt(2) * np.cos(angle)), float(np.sqrt(2) * np.sin(angle))
