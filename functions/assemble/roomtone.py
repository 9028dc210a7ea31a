"""Room tone: quiet noise between brown and pink, so that no frame of the film is digitally silent."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from functions.assemble.gains import fades
from functions.contract.base import SAMPLE_RATE
from functions.contract.params import Room
from functions.media.fir import Stereo
from functions.media.loudness import ratio

LOW, HIGH = 40.0, 6000.0
"""Band in Hz."""
JOIN = SAMPLE_RATE * 2 // 5
"""Samples over which two scenes' tones cross."""
LOOP = 1 << 20
"""Samples after which the noise repeats: 21.8 s."""


def covered(rooms: Sequence[Room], samples: int) -> tuple[Room, ...]:
    """Rooms in order over the whole film: what no room covers is given the default one."""
    out: list[Room] = []
    at = 0
    for room in sorted(rooms, key=lambda r: r.at):
        if room.at > at:
            out.append(Room(at=at, length=room.at - at))
        if room.at + room.length > at:
            out.append(room)
            at = room.at + room.length
    if at < samples:
        out.append(Room(at=at, length=samples - at))
    return tuple(_merged(out))


def _merged(rooms: Sequence[Room]) -> Iterator[Room]:
    """Neighbours that sound alike as one: the same noise crossed with itself would swell."""
    current: Room | None = None
    for room in rooms:
        if current and (current.seed, current.level) == (room.seed, room.level):
            current = current.model_copy(update={"length": room.at + room.length - current.at})
            continue
        if current:
            yield current
        current = room
    if current:
        yield current


def tone(rooms: Sequence[Room], samples: int, start: int, count: int) -> Stereo:
    """The film's room tone over `count` samples from `start`. `rooms` as `covered` gives them."""
    out = np.zeros((count, 2), np.float32)
    for room in rooms:
        before = JOIN // 2 if room.at > 0 else 0
        behind = JOIN // 2 if room.at + room.length < samples else 0
        low, high = max(start, room.at - before), min(start + count, room.at + room.length + behind)
        if low < high:
            length = room.length + before + behind
            gain = fades(length, 2 * before, 2 * behind, low - room.at + before, high - low, equal_power=True)
            sound = _noise(room.seed, low, high - low)
            level = np.asarray(gain * ratio(room.level / 10), np.float32)
            out[low - start : high - start] += sound * np.reshape(level, (-1, 1))
    return out


def _noise(seed: int, start: int, count: int) -> Stereo:
    """A stretch of an endless repetition of 22 s of noise, whose end meets its beginning."""
    loop, at = _loop(seed), start % LOOP
    if at + count <= LOOP:
        return loop[at : at + count]
    return np.take(loop, np.arange(at, at + count), axis=0, mode="wrap")


@functools.lru_cache(maxsize=2)
def _loop(seed: int) -> Stereo:
    """-4.5 dB an octave inside the band, unity RMS, decorrelated left and right; shaped over the whole loop at once."""
    frequency = np.fft.rfftfreq(LOOP, 1 / SAMPLE_RATE)
    safe = np.maximum(frequency, 1.0)
    shape = safe**-0.75 / np.sqrt((1 + (LOW / safe) ** 8) * (1 + (safe / HIGH) ** 8)) * (frequency > 0)
    draw = np.random.Generator(np.random.PCG64(seed))
    bins = draw.standard_normal((2, 2 * len(shape)), np.float32).view(np.complex64) * shape.astype(np.float32)
    sound = np.fft.irfft(bins, LOOP)
    loop: Stereo = np.ascontiguousarray((sound / np.sqrt((sound**2).mean(axis=1, keepdims=True))).T)
    return loop
