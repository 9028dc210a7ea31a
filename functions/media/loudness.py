"""Loudness, loudness range and true peak of stereo sound at 48 kHz, measured as it streams by.

ITU-R BS.1770-5 (K-weighting, gating, true peak by four times oversampling) and EBU Tech 3342 (loudness range).
"""

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.media.fir import Fir, Stereo

STEP = SAMPLE_RATE // 10
"""Samples between gating blocks: 400 ms blocks with 75 % overlap."""
SILENCE = -70.0
"""The absolute gate in LUFS; nothing below it is loud at all."""
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
_KERNEL = 8192
_PHASES, _LOBES = 4, 8


@dataclass(frozen=True)
class Loudness:
    """Integrated LUFS (-inf for silence), loudness range in LU, true peak and sample peak in dBFS."""

    integrated: float
    range: float
    true_peak: float
    peak: float


def decibels(power: float) -> float:
    """Ten times the logarithm; -inf for nothing."""
    return 10 * math.log10(power) if power > 0 else -math.inf


def ratio(level: float) -> float:
    """The amplitude ratio of a level in dB."""
    return float(10 ** (level / 20))


@functools.cache
def k_weighting() -> Fir:
    """Both filters of BS.1770-5 tables 1 and 2 as one kernel, cut where it has decayed by more than 300 dB."""
    impulse = np.zeros(_KERNEL)
    impulse[0] = 1
    for (b0, b1, b2), (a1, a2) in (_SHELF, _HIGH_PASS):
        out = [0.0, 0.0]
        x = [0.0, 0.0, *impulse.tolist()]
        for n in range(2, len(x)):
            out.append(b0 * x[n] + b1 * x[n - 1] + b2 * x[n - 2] - a1 * out[n - 1] - a2 * out[n - 2])
        impulse = np.array(out[2:])
    return Fir(np.repeat(impulse[:, None], 2, axis=1))


@functools.cache
def _interpolators() -> NDArray[np.float64]:
    """Kernels of the three positions between two samples, Kaiser-windowed sinc."""
    at = np.arange(-_LOBES + 1, _LOBES + 1)
    rows = [np.sinc(at - p / _PHASES) * np.kaiser(2 * _LOBES, 5.0) for p in range(1, _PHASES)]
    return np.array([row / row.sum() for row in rows])


def oversampled_peaks(sound: Stereo) -> NDArray[np.float64]:
    """Greatest magnitude at and just after each sample over both channels, four times oversampled. Shape (n,) from
    (n + 2 * CONTEXT, 2): the sound and what lies on both sides of it.
    """
    inner = sound[_LOBES:-_LOBES]
    peaks: NDArray[np.float64] = np.abs(inner).max(axis=1)
    for row in _interpolators():
        for channel in range(2):
            between = np.convolve(sound[1:, channel], row[::-1], "valid")[: len(inner)]
            np.maximum(peaks, np.abs(between), out=peaks)
    return peaks


CONTEXT = _LOBES
"""Samples that `oversampled_peaks` needs on both sides."""


class Meter:
    """Feed it sound in blocks of any length, then read `result`. Memory: 8 bytes for every 100 ms."""

    def __init__(self, *, peaks: bool = True) -> None:
        self._peaks = peaks
        self._steps: list[float] = []
        self._energy, self._filled = 0.0, 0
        self._past = np.zeros((_KERNEL - 1, 2))
        self._edge = np.zeros((2 * CONTEXT, 2))
        self._true_peak = self._peak = self._square = 0.0
        self.samples = 0

    def feed(self, block: NDArray[np.floating]) -> None:
        """Measure the next samples, shape (n, 2)."""
        sound = np.concatenate([self._past, block])
        self._past = sound[len(sound) - (_KERNEL - 1) :]
        weighted = k_weighting().at(lambda _start, _count: sound, 0, len(block))
        self._sum((weighted**2).sum(axis=1))
        self.samples += len(block)
        self._square += float((block**2).sum())
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        if self._peaks:
            self._oversample(np.asarray(block, np.float64))

    def feed_all(self, blocks: Iterable[NDArray[np.floating]]) -> "Meter":
        """Measure all of a stream."""
        for block in blocks:
            self.feed(block)
        return self

    def _sum(self, energy: NDArray[np.float64]) -> None:
        edges = list(range(STEP - self._filled, len(energy) + 1, STEP))
        for part in np.split(energy, edges)[: len(edges)]:
            self._steps.append(self._energy + float(part.sum()))
            self._energy = 0.0
        rest = energy[edges[-1] :] if edges else energy
        self._energy += float(rest.sum())
        self._filled = len(rest) if edges else self._filled + len(rest)

    def _oversample(self, block: Stereo) -> None:
        sound = np.concatenate([self._edge, block])
        self._edge = sound[len(sound) - 2 * CONTEXT :]
        if len(sound) > 2 * CONTEXT:
            self._true_peak = max(self._true_peak, float(oversampled_peaks(sound).max()))

    @property
    def rms(self) -> float:
        """Unweighted level in dBFS over all samples and both channels."""
        return decibels(self._square / max(1, 2 * self.samples))

    @property
    def weighted(self) -> float:
        """K-weighted level in LUFS over all samples, without gates."""
        return loudness_of((sum(self._steps) + self._energy) / max(1, self.samples))

    @property
    def result(self) -> Loudness:
        """What was measured so far. Under 400 ms `integrated` is the ungated K-weighted level."""
        if self._peaks:
            flushed = np.concatenate([self._edge, np.zeros((2 * CONTEXT, 2))])
            self._true_peak = max(self._true_peak, self._peak, float(oversampled_peaks(flushed).max()))
        integrated = _integrated(np.array(self._steps)) if len(self._steps) >= 4 else self.weighted
        loudness_range = _range(np.array(self._steps))
        return Loudness(integrated, loudness_range, decibels(self._true_peak**2), decibels(self._peak**2))


def loudness_of(mean_square: float) -> float:
    """LUFS of a K-weighted mean square, both channels summed."""
    return -0.691 + decibels(mean_square)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _windows(steps: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    total = np.concatenate([[0.0], np.cumsum(steps)])
    means: NDArray[np.float64] = (total[count:] - total[:-count]) / (count * STEP)
    return means


def _integrated(steps: NDArray[np.float64]) -> float:
    blocks = _windows(steps, 4)
    loud = blocks[blocks > _power(SILENCE)]
    if not len(loud):
        return -math.inf
    loud = loud[loud > loud.mean() / 10]
    return loudness_of(float(loud.mean()))


def _range(steps: NDArray[np.float64]) -> float:
    if len(steps) < 30:
        return 0.0
    blocks = _windows(steps, 30)
    loud = blocks[blocks > _power(SILENCE)]
    if not len(loud):
        return 0.0
    loud = loud[loud > loud.mean() / 100]
    low, high = np.percentile(loud, [10, 95])
    return decibels(float(high / low))
