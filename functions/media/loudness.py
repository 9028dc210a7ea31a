"""Loudness, loudness range and true peak of stereo sound at 48 kHz, measured as it streams by.

ITU-R BS.1770-5 (K-weighting, gating, true peak by four times oversampling) and EBU Tech 3342 (loudness range).
"""

import copy
import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.media.fir import Stereo

STEP = SAMPLE_RATE // 10
"""Samples between gating blocks: 400 ms blocks with 75 % overlap."""
SILENCE = -70.0
"""The absolute gate in LUFS; nothing below it is loud at all."""
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
_BLOCK = 64
"""Samples that the K-weighting works out at once; a whole part of `STEP`."""
_PHASES, _LOBES = 4, 8
_CHUNK = 32
"""Samples that are oversampled together, or left alone together where they lie too low to matter."""


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


class KWeighting:
    """Both filters of BS.1770-5 tables 1 and 2 over a stream of stereo sound, in whole steps of 100 ms.

    The recursion runs once for 64 samples: within them the filters are one matrix, and four numbers a channel (the
    filters' state) carry what came before. Within a step those states follow from a second matrix.
    """

    def __init__(self) -> None:
        self._state = np.zeros((2, 4), np.float32)

    def feed(self, sound: NDArray[np.floating]) -> NDArray[np.float32]:
        """The weighted sound, shape (2, steps, STEP), of (steps * STEP, 2) samples."""
        m = _matrices()
        steps = len(sound) // STEP
        blocks = np.ascontiguousarray(sound.T, np.float32).reshape(2, steps, -1, _BLOCK)
        states = (blocks @ m.driven).reshape(2, steps, -1) @ m.gathered
        for step in range(steps):
            states[:, step] += self._state @ m.carried
            self._state = np.array(states[:, step, -4:], np.float32)
        weighted: NDArray[np.float32] = blocks @ m.direct
        weighted += np.ascontiguousarray(states[:, :, :-4]).reshape(2, steps, -1, 4) @ m.released
        return weighted.reshape(2, steps, STEP)


@dataclass(frozen=True)
class _Matrices:
    """State-space form of the K-weighting, for rows of samples and rows of states."""

    direct: NDArray[np.float32]
    """Samples of a block to its output, from rest."""
    driven: NDArray[np.float32]
    """Samples of a block to the state behind it, from rest."""
    released: NDArray[np.float32]
    """The state before a block to its output."""
    carried: NDArray[np.float32]
    """The state before a step to the state before each of its blocks, and behind the last."""
    gathered: NDArray[np.float32]
    """The states that each block drives to the state before each block, and behind the last."""


@functools.cache
def _matrices() -> _Matrices:
    a, b, c, d = _cascade()
    count = STEP // _BLOCK
    powers = [np.linalg.matrix_power(a, k) for k in range(_BLOCK + 1)]
    impulse = np.array([d, *(c @ p @ b for p in powers[: _BLOCK - 1])])
    direct = np.zeros((_BLOCK, _BLOCK))
    for row in range(_BLOCK):
        direct[row, row:] = impulse[: _BLOCK - row]
    leaps = [np.linalg.matrix_power(powers[_BLOCK].T, k) for k in range(count + 1)]
    gathered = np.zeros((count, 4, count + 1, 4))
    for row in range(count):
        for column in range(row + 1, count + 1):
            gathered[row, :, column] = leaps[column - row - 1]
    return _Matrices(
        direct=direct.astype(np.float32),
        driven=np.array([powers[_BLOCK - 1 - k] @ b for k in range(_BLOCK)], np.float32),
        released=np.array([c @ p for p in powers[:_BLOCK]], np.float32).T,
        carried=np.concatenate(leaps, axis=1).astype(np.float32),
        gathered=gathered.reshape(4 * count, -1).astype(np.float32),
    )


def _cascade() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """A, b, c, d of both filters in a row, each in its transposed direct form II."""
    parts = []
    for (b0, b1, b2), (a1, a2) in (_SHELF, _HIGH_PASS):
        parts.append((np.array([[-a1, 1.0], [-a2, 0.0]]), np.array([b1 - a1 * b0, b2 - a2 * b0]), b0))
    (a_first, b_first, d_first), (a_second, b_second, d_second) = parts
    out = np.array([1.0, 0.0])
    a = np.block([[a_first, np.zeros((2, 2))], [np.outer(b_second, out), a_second]])
    return a, np.concatenate([b_first, b_second * d_first]), np.concatenate([d_second * out, out]), d_first * d_second


@functools.cache
def _interpolators() -> NDArray[np.float64]:
    """Kernels of the three positions between two samples, Kaiser-windowed sinc."""
    at = np.arange(-_LOBES + 1, _LOBES + 1)
    rows = [np.sinc(at - p / _PHASES) * np.kaiser(2 * _LOBES, 5.0) for p in range(1, _PHASES)]
    return np.array([row / row.sum() for row in rows])


@functools.cache
def _interpolation() -> tuple[NDArray[np.float32], float]:
    """All positions between the samples of a chunk, as one matrix from the samples around them; and the most by which
    they may stand above those samples.
    """
    rows = _interpolators()
    matrix = np.zeros((_CHUNK + 2 * _LOBES, _PHASES - 1, _CHUNK), np.float32)
    for at in range(_CHUNK):
        matrix[at + 1 : at + 1 + 2 * _LOBES, :, at] = rows.T
    return matrix.reshape(len(matrix), -1), float(np.abs(rows).sum(axis=1).max())


def oversampled_peaks(sound: NDArray[np.floating], floor: float = 0.0) -> NDArray[np.float32]:
    """Greatest magnitude at and just after each sample over both channels, four times oversampled. Shape (n,) from
    (n + 2 * CONTEXT, 2): the sound and what lies on both sides of it. Exact above `floor`; where no peak can pass it,
    the samples' own magnitudes.
    """
    matrix, most = _interpolation()
    count = len(sound) - 2 * CONTEXT
    chunks = -(-count // _CHUNK)
    whole = np.zeros((2, chunks * _CHUNK + 2 * CONTEXT), np.float32)
    whole[:, : len(sound)] = sound.T
    around = np.lib.stride_tricks.sliding_window_view(whole, _CHUNK + 2 * CONTEXT, axis=1)[:, ::_CHUNK]
    magnitude = np.abs(whole)
    peaks: NDArray[np.float32] = magnitude[:, CONTEXT : len(magnitude[0]) - CONTEXT].max(axis=0).reshape(chunks, _CHUNK)
    rims = np.zeros(chunks + 2, np.float32)
    rims[1:-1] = peaks.max(axis=1, initial=0.0)
    rims[0], rims[-1] = magnitude[:, :CONTEXT].max(initial=0.0), magnitude[:, -CONTEXT:].max(initial=0.0)
    high = np.flatnonzero(np.maximum(np.maximum(rims[:-2], rims[1:-1]), rims[2:]) * most > floor)
    if len(high):
        between = np.abs(around[:, high] @ matrix).max(axis=0).reshape(-1, _PHASES - 1, _CHUNK).max(axis=1)
        peaks[high] = np.maximum(peaks[high], between)
    return peaks.reshape(-1)[:count]


CONTEXT = _LOBES
"""Samples that `oversampled_peaks` needs on both sides."""


class Meter:
    """Feed it sound in blocks of any length, then read `result`. Memory: 8 bytes for every 100 ms."""

    def __init__(self, *, peaks: bool = True, floor: float = 0.0) -> None:
        """`floor` is a magnitude that the true peak is known to reach: what cannot pass it is not oversampled."""
        self._peaks = peaks
        self._steps: list[float] = []
        self._filter, self._waiting = KWeighting(), np.zeros((0, 2), np.float32)
        self._edge = np.zeros((2 * CONTEXT, 2), np.float32)
        self._true_peak, self._peak, self._square = floor, 0.0, 0.0
        self.samples = 0

    def feed(self, block: NDArray[np.floating]) -> None:
        """Measure the next samples, shape (n, 2)."""
        sound = np.asarray(block, np.float32)
        waiting = np.concatenate([self._waiting, sound])
        whole = len(waiting) // STEP * STEP
        if whole:
            self._steps += energies(self._filter.feed(waiting[:whole]))
        self._waiting = waiting[whole:]
        self.samples += len(block)
        self._square += float(np.vdot(sound, sound))
        self._peak = max(self._peak, float(sound.max(initial=0.0)), -float(sound.min(initial=0.0)))
        if self._peaks:
            self._oversample(sound)

    def feed_all(self, blocks: Iterable[NDArray[np.floating]]) -> "Meter":
        """Measure all of a stream."""
        for block in blocks:
            self.feed(block)
        return self

    def _oversample(self, block: Stereo) -> None:
        sound = np.concatenate([self._edge, block])
        self._edge = sound[len(sound) - 2 * CONTEXT :]
        if len(sound) > 2 * CONTEXT:
            floor = max(self._true_peak, self._peak)
            self._true_peak = max(floor, float(oversampled_peaks(sound, floor).max()))

    @property
    def rms(self) -> float:
        """Unweighted level in dBFS over all samples and both channels."""
        return decibels(self._square / max(1, 2 * self.samples))

    @property
    def weighted(self) -> float:
        """K-weighted level in LUFS over all samples, without gates."""
        rest = np.concatenate([self._waiting, np.zeros((STEP - len(self._waiting), 2), np.float32)])
        tail = copy.copy(self._filter).feed(rest)[:, :, : len(self._waiting)]
        return loudness_of((sum(self._steps) + sum(energies(tail))) / max(1, self.samples))

    @property
    def result(self) -> Loudness:
        """What was measured so far. Under 400 ms `integrated` is the ungated K-weighted level."""
        if self._peaks:
            flushed = np.concatenate([self._edge, np.zeros((2 * CONTEXT, 2), np.float32)])
            self._true_peak = max(self._true_peak, self._peak, float(oversampled_peaks(flushed).max()))
        integrated = _integrated(np.array(self._steps)) if len(self._steps) >= 4 else self.weighted
        loudness_range = _range(np.array(self._steps))
        return Loudness(integrated, loudness_range, decibels(self._true_peak**2), decibels(self._peak**2))


def energies(weighted: NDArray[np.float32]) -> list[float]:
    """The sum of squares of each step, both channels together."""
    left, right = weighted
    return [float(np.vdot(a, a)) + float(np.vdot(b, b)) for a, b in zip(left, right, strict=True)]


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
