"""Where a voice is heard: direct, in a room, from off the picture, through a device."""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.media.fir import Fir, Stereo, linear_phase
from functions.media.loudness import ratio

Space = Literal["dry", "interior", "offscreen", "device"]
DECAY_S = 0.35
"""Time in which the room's reverberation falls by 60 dB."""
WET = -18.0
"""Level of the reverberation below the voice in dB."""
_SEED = 3382


@dataclass(frozen=True)
class Treatment:
    """`tone` filters the sound before its level is measured, `room` is added after, `level` in dB is on top."""

    tone: Fir | None = None
    room: Fir | None = None
    level: float = 0.0


@functools.cache
def treatment(space: Space) -> Treatment:
    """The filters of a space."""
    if space == "interior":
        return Treatment(room=_reverberation())
    if space == "offscreen":
        return Treatment(tone=linear_phase(lambda f: _low(f, 3500, 2), 511), level=-4.0)
    if space == "device":
        return Treatment(tone=linear_phase(lambda f: _low(f, 3400, 4) * _high(f, 300, 4), 2047))
    return Treatment()


def _low(frequency: NDArray[np.float64], corner: float, order: int) -> NDArray[np.float64]:
    magnitude: NDArray[np.float64] = 1 / np.sqrt(1 + (frequency / corner) ** (2 * order))
    return magnitude


def _high(frequency: NDArray[np.float64], corner: float, order: int) -> NDArray[np.float64]:
    return _low(corner**2 / np.maximum(frequency, 1e-3), corner, order)


def _reverberation() -> Fir:
    """Decorrelated noise that decays, darker than the voice, 9 ms after it."""
    generator = np.random.Generator(np.random.PCG64(_SEED))
    length = int(DECAY_S * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    noise = generator.standard_normal((length, 2)) * (10 ** (-3 * time / DECAY_S))[:, None]
    dark = linear_phase(lambda f: _low(f, 4500, 1) * _high(f, 180, 1), 255)
    tail = dark.at(lambda start, count: _padded(noise, start, count), 0, length)
    kernel = np.concatenate([np.zeros((SAMPLE_RATE * 9 // 1000, 2)), tail])
    return Fir(kernel / np.sqrt((kernel**2).sum(axis=0)) * ratio(WET))


def _padded(sound: NDArray[np.float64], start: int, count: int) -> Stereo:
    out = np.zeros((count, 2), np.float32)
    low, high = max(0, start), min(len(sound), start + count)
    out[low - start : high - start] = sound[low:high]
    return out
