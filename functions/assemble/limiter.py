"""A look-ahead limiter that sees true peaks.

The reduction in dB that each sample needs is held ahead for 5 ms, falls off exponentially after it (80 ms) and is
smoothed over the look-ahead, so that it is complete when the peak arrives.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.media.fir import BLOCK, Read, Stereo
from functions.media.loudness import ratio

LOOK_AHEAD = SAMPLE_RATE * 5 // 1000
RELEASE = SAMPLE_RATE * 80 // 1000
"""Samples in which the reduction falls to 1/e."""
_FLOOR = 1e-6
"""Reductions under this many dB are none."""


@dataclass(frozen=True)
class Limited:
    """A block as it leaves the limiter, and its greatest reduction in dB."""

    sound: Stereo
    reduction: float


Peaks = Callable[[int, int], NDArray[np.float32]]
"""Oversampled peaks of `count` samples from `start` (`loudness.oversampled_peaks`), zeros outside the sound."""


def limited(read: Read, peaks: Peaks, samples: int, gain: float, ceiling: float) -> Iterator[Limited]:
    """All `samples` that `read` gives, raised by `gain` dB and held under `ceiling` dBTP, in blocks."""
    smooth = np.hanning(LOOK_AHEAD + 2)[1:-1]
    smooth /= smooth.sum()
    held = np.full(2 * LOOK_AHEAD - 1, -np.inf)
    last = -np.inf
    amplitude = ratio(gain)
    for start in range(-LOOK_AHEAD, samples, BLOCK):
        count = min(BLOCK, samples - start)
        needed = _needed(peaks(start + LOOK_AHEAD, count) * (amplitude / ratio(ceiling)))
        released = _released(needed, last)
        last = released[-1]
        held = np.concatenate([held[-(2 * LOOK_AHEAD - 1) :], released])
        reduction = _smoothed(held, smooth)[:count]
        first = max(0, -start)
        sound = read(start, count) * amplitude / 10 ** (reduction[:, None] / 20)
        if count > first:
            yield Limited(sound[first:], float(reduction[first:].max(initial=0.0)))


def _needed(over: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithm of the reduction in dB that each sample needs, -inf for none, from its peak over the ceiling."""
    needed = np.full(len(over), -np.inf)
    high = over > 1
    needed[high] = np.log(20 * np.log10(over[high].astype(np.float64)))
    return needed


def _released(needed: NDArray[np.float64], last: float) -> NDArray[np.float64]:
    """The exponential fall after every peak: a running maximum once the fall's own slope is taken out."""
    slope = np.arange(1, len(needed) + 1) / RELEASE
    running: NDArray[np.float64] = np.maximum(np.maximum.accumulate(needed + slope), last) - slope
    return running


def _smoothed(held: NDArray[np.float64], smooth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduction in dB: held over the look-ahead, then averaged over it."""
    decibel = np.exp(held)
    decibel[decibel < _FLOOR] = 0
    if not decibel.any():
        return np.zeros(len(held) - 2 * (LOOK_AHEAD - 1))
    longest = np.lib.stride_tricks.sliding_window_view(decibel, LOOK_AHEAD).max(axis=1)
    smoothed: NDArray[np.float64] = np.convolve(longest, smooth, "valid")
    return smoothed
