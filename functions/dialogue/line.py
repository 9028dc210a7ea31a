"""A spoken line as sound with word times: joining chunks, trimming, levelling."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from functions.media.pcm import SAMPLE_RATE, Samples

EDGE_S = 0.02
"""Silence kept before the first and after the last sound."""
FLOOR_DB = -42.0
"""Below this, relative to the loudest 10 ms, nothing is heard of the voice."""
FADE_S = 0.005
SPEECH_DBFS = -20.0
"""RMS of plain speech where it sounds; the mixer sets the level of the film."""
PEAK_DBFS = -1.0


@dataclass(frozen=True)
class Span:
    """Where a printed word sounds: samples from the start of its take, at the take's rate."""

    token: int
    start: int
    end: int


@dataclass(frozen=True)
class Take:
    """Mono sound and the words in it."""

    samples: Samples
    rate: int
    spans: tuple[Span, ...]


def loud(samples: Samples, rate: int, floor_db: float = FLOOR_DB) -> tuple[int, int]:
    """First and last sample (exclusive) that is heard, by 10 ms frames; (0, 0) for silence."""
    hop = rate // 100
    power = np.square(np.pad(samples, (0, -len(samples) % hop))).reshape(-1, hop).mean(axis=1)
    if not len(power) or power.max() < 1e-10:
        return 0, 0
    heard = np.flatnonzero(power > power.max() * 10 ** (floor_db / 10))
    return int(heard[0]) * hop, min(len(samples), (int(heard[-1]) + 1) * hop)


def moved(spans: Sequence[Span], by: int, length: int) -> tuple[Span, ...]:
    """Spans shifted and kept within a take of `length`."""
    return tuple(
        replace(s, start=min(max(s.start + by, 0), length), end=min(max(s.end + by, 0), length)) for s in spans
    )


def cut(take: Take, start: int, end: int) -> Take:
    """The part from `start` to `end` with 5 ms fades, its words following."""
    samples = take.samples[start:end].copy()
    ramp = np.linspace(0.0, 1.0, min(int(FADE_S * take.rate), len(samples)), dtype=np.float32)
    samples[: len(ramp)] *= ramp
    samples[len(samples) - len(ramp) :] *= ramp[::-1]
    return Take(samples, take.rate, moved(take.spans, -start, len(samples)))


def trimmed(take: Take) -> Take:
    """The take without the silence around it, 20 ms kept (added where the sound begins at once)."""
    edge = round(EDGE_S * take.rate)
    start, end = loud(take.samples, take.rate)
    padded = Take(np.pad(take.samples, edge), take.rate, moved(take.spans, edge, len(take.samples) + 2 * edge))
    return cut(padded, start, end + 2 * edge)


def joined(takes: Sequence[Take], silences: Sequence[int]) -> Take:
    """Takes in a row with that many samples of silence after each."""
    parts: list[Samples] = []
    spans: list[Span] = []
    at = 0
    for take, silence in zip(takes, silences, strict=True):
        parts += [take.samples, np.zeros(silence, np.float32)]
        spans += [replace(s, start=s.start + at, end=s.end + at) for s in take.spans]
        at += len(take.samples) + silence
    return Take(np.concatenate(parts), takes[0].rate, tuple(spans))


def tightened(take: Take) -> tuple[Span, ...]:
    """Each word's span drawn in to where it is heard, so that a pause beside it is not part of the word."""
    found = []
    for span in take.spans:
        piece = take.samples[span.start : span.end]
        start, end = loud(piece, take.rate)
        found.append(Span(span.token, span.start + start, span.start + end) if end else span)
    return tuple(found)


def levelled(samples: Samples, gain_db: float) -> Samples:
    """Speech at -20 dBFS RMS (where it sounds) plus `gain_db`, held below -1 dBFS peak."""
    hop = SAMPLE_RATE // 100
    power = np.square(samples[: len(samples) // hop * hop]).reshape(-1, hop).mean(axis=1)
    active = power[power > power.max(initial=0.0) * 1e-3]
    if not len(active):
        return samples
    wanted = 10 ** ((SPEECH_DBFS + gain_db) / 20) / float(np.sqrt(active.mean()))
    highest = 10 ** (PEAK_DBFS / 20) / float(np.abs(samples).max())
    return np.asarray(samples * np.float32(min(wanted, highest)), np.float32)
