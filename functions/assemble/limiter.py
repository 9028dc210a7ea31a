"""A look-ahead limiter that sees true peaks.

The reduction in dB that each sample needs is held ahead for 5 ms, falls off exponentially after it (80 ms) and is
smoothed over the look-ahead, so that it is complete when the peak arrives.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.media.fir import BLOCK, Read, Stereo
from functions.media.loudness import CONTEXT, oversampled_peaks, ratio

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


def limited(read: Read, samples: int, gain: float, ceiling: float) -> Iterator[Limited]:
    """All `samples` that `read` gives, raised by `gain` dB and held under `ceiling` dBTP, in blocks."""
    held = np.full(2 * LOOK_AHEAD - 1, -np.inf)
    amplitude = ratio(gain)
    scale = amplitude / ratio(ceiling)
    for start in range(-LOOK_AHEAD, samples, BLOCK):
        count = min(BLOCK, samples - start)
        heard = read(start - CONTEXT, count + LOOK_AHEAD + 2 * CONTEXT)
        peaks = oversampled_peaks(heard[LOOK_AHEAD:], 1 / scale)
        held = np.concatenate([held[-(2 * LOOK_AHEAD - 1) :], _released(_needed(peaks * scale), held[-1])])
        reduction = _smoothed(held)[:count]
        first = max(0, -start)
        sound = heard[CONTEXT + first : CONTEXT + count] * amplitude
        if reduction.any():
            sound *= (10 ** (reduction[first:] / -20)).astype(np.float32)[:, None]
        if count > first:
            yield Limited(sound, float(reduction[first:].max(initial=0.0)))


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


def _smoothed(held: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduction in dB: held over the look-ahead, then averaged over it."""
    decibel = np.exp(held)
    decibel[decibel < _FLOOR] = 0
    if not decibel.any():
        return np.zeros(len(held) - 2 * (LOOK_AHEAD - 1))
    longest = _longest(decibel)
    some = np.flatnonzero(longest)
    low, high = max(0, some[0] - LOOK_AHEAD + 1), some[-1] + 1
    window = np.hanning(LOOK_AHEAD + 2)[1:-1]
    smoothed = np.zeros(len(longest) - LOOK_AHEAD + 1)
    part = np.convolve(longest[low : high + LOOK_AHEAD - 1], window / window.sum(), "valid")
    smoothed[low : low + len(part)] = part
    return smoothed


def _longest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The greatest of every `LOOK_AHEAD` neighbours, by windows that double."""
    width, out = 1, values
    while width < LOOK_AHEAD:
        step = min(width, LOOK_AHEAD - width)
        out, width = np.maximum(out[:-step], out[step:]), width + step
    return out
