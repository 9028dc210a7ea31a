"""Whether restored speech still says what was said, when it was said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.media.fir import BLOCK, linear_phase
from functions.speech_enhance.hearing import Span
from functions.speech_enhance.sound import Block, Scratch

FRAME = SAMPLE_RATE // 200
"""Samples of one step of an envelope: 5 ms."""
LOW_HZ, HIGH_HZ = 300.0, 3400.0
"""The telephone's band, which speech keeps whatever was lost."""
FURTHEST_S = 0.25
ALIKE, AGREED, LATEST_S = 0.6, 0.9, 0.02
"""Least correlation of envelopes, least agreement of the speech detector, and most shift that pass."""
QUIETEST = 1e-6


@dataclass(frozen=True)
class Likeness:
    """Correlation of the speech bands' envelopes, how much later the result is in seconds, and in which share of the
    time the speech detector says the same of both.
    """

    correlation: float
    late_s: float
    agreement: float

    @property
    def fault(self) -> str:
        """What is wrong; empty where nothing is."""
        if self.correlation < ALIKE:
            return f"the speech bands correlate by {self.correlation:.2f}, at least {ALIKE} is asked for"
        if abs(self.late_s) > LATEST_S:
            return f"it lies {1000 * self.late_s:.0f} ms from its input"
        if self.agreement < AGREED:
            return f"speech is heard in other places than before ({100 * self.agreement:.0f} % agree)"
        return ""


def compared(before: Scratch, after: Scratch, spans: Sequence[Span], agreement: float) -> Likeness:
    """Two sounds of one length, within the spans."""
    heard = _within(spans, len(range(0, before.samples, FRAME)))
    one, other = (_envelope(sound) * heard for sound in (before, after))
    return Likeness(_correlation(one[heard], other[heard]), _late(one, other), agreement)


def _envelope(sound: Scratch) -> NDArray[np.float64]:
    """Level of the speech band over time, compressed as hearing does (cube root of power)."""
    level: NDArray[np.float64] = np.cbrt(np.concatenate(list(_powers(sound))))
    return level


def _powers(sound: Scratch) -> Iterator[NDArray[np.float64]]:
    fir = linear_phase(lambda hertz: np.where((hertz >= LOW_HZ) & (hertz <= HIGH_HZ), 1.0, 0.0), 1025)

    def read(start: int, count: int) -> Block:
        block = sound.read(start, count).mean(axis=1, keepdims=True)
        return np.repeat(block, 2, axis=1)

    step = BLOCK // FRAME * FRAME
    for at in range(0, sound.samples, step):
        band = fir.at(read, at, step)[: sound.samples - at, 0].astype(np.float64)
        yield np.square(np.pad(band, (0, -len(band) % FRAME))).reshape(-1, FRAME).mean(axis=1)


def _within(spans: Sequence[Span], frames: int) -> NDArray[np.bool_]:
    found = np.zeros(frames, np.bool_)
    for span in spans:
        found[span.start // FRAME : -(-span.end // FRAME)] = True
    return found


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > QUIETEST else 0.0


def _late(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Seconds by which `other` lies behind, where their envelopes agree best."""
    most = round(FURTHEST_S * SAMPLE_RATE / FRAME)
    size = 1 << (len(one) + 2 * most).bit_length()
    spectra = [np.fft.rfft(x - x.mean(), size) for x in (one, other)]
    lags = np.fft.irfft(spectra[1] * spectra[0].conj(), size)
    around = np.concatenate([lags[-most:], lags[: most + 1]])
    return float(int(np.argmax(around)) - most) * FRAME / SAMPLE_RATE
