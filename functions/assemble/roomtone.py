"""Room tone: quiet noise between brown and pink, so that no frame of the film is digitally silent."""

import functools
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from functions.assemble.gains import fades
from functions.contract.base import SAMPLE_RATE
from functions.contract.params import Room
from functions.media.fir import BLOCK, Fir, Stereo, linear_phase
from functions.media.loudness import ratio

LOW, HIGH = 40.0, 6000.0
"""Band in Hz."""
JOIN = SAMPLE_RATE * 2 // 5
"""Samples over which two scenes' tones cross."""
_TAPS = 8191


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
    out = np.zeros((count, 2))
    for room in rooms:
        before = JOIN // 2 if room.at > 0 else 0
        behind = JOIN // 2 if room.at + room.length < samples else 0
        low, high = max(start, room.at - before), min(start + count, room.at + room.length + behind)
        if low < high:
            length = room.length + before + behind
            gain = fades(length, 2 * before, 2 * behind, low - room.at + before, high - low, equal_power=True)
            sound = _coloured().at(partial(_white, room.seed), low, high - low)
            out[low - start : high - start] += sound * ratio(room.level / 10) * np.reshape(gain, (-1, 1))
    return out


@functools.cache
def _coloured() -> Fir:
    """-4.5 dB an octave inside the band, unity RMS for white noise of unity RMS."""

    def response(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
        safe = np.maximum(frequency, 1.0)
        slope = safe**-0.75
        band = 1 / np.sqrt((1 + (LOW / safe) ** 8) * (1 + (safe / HIGH) ** 8))
        result: NDArray[np.float64] = slope * band * (frequency > 0)
        return result

    fir = linear_phase(response, _TAPS)
    return Fir(fir.kernel / np.sqrt((fir.kernel**2).sum(axis=0)), fir.delay)


def _white(seed: int, start: int, count: int) -> Stereo:
    first, last = start // BLOCK, (start + count - 1) // BLOCK
    whole = np.concatenate([_chunk(seed, n) for n in range(first, last + 1)])
    return whole[start - first * BLOCK : start - first * BLOCK + count]


@functools.lru_cache(maxsize=4)
def _chunk(seed: int, number: int) -> Stereo:
    """White noise of unity RMS, decorrelated left and right; any chunk can be made without those before it."""
    sequence = np.random.SeedSequence([seed, number + (1 << 20)])
    return np.random.Generator(np.random.PCG64(sequence)).standard_normal((BLOCK, 2))
