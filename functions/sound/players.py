"""The notes of a cue, played together in one hall."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from functions.sound import dsp
from functions.sound.bowed import bowed
from functions.sound.dsp import Array
from functions.sound.hall import BLOCK, halled
from functions.sound.instruments import ROOT, SLOW, TOP, Instrument, Note, rounded


def struck(draw: np.random.Generator, who: Instrument, note: Note) -> Iterator[Array]:
    """A string, tine or bar that is hit once and rings: stiff partials, two beating each, a touch of hammer."""
    ring = min(who.ring, max(note.length, 0.4) + 0.8) * min(1.5, (ROOT * 4 / note.hertz) ** 0.35)
    n = rounded(ring)
    ring = n / SLOW
    t = np.arange(n) / SLOW
    partials: list[tuple[float, complex, float]] = []
    for k in range(1, 24):
        f = note.hertz * k * np.sqrt(1 + who.stiff * k * k)
        if f > TOP:
            break
        decay = who.ring * (1 + 0.35 * k) ** -0.9
        strength = k**-who.slope * (0.9 if k % 7 else 0.15)
        spin = np.exp(1j * draw.uniform(0, 6))
        for share, slower in ((0.75, 1.0), (0.25, 2.5)):
            partials.append((f, strength * share * spin, decay * slower))
            partials.append((f * 1.0006, 0.8 * strength * share, decay * slower))
    hammer = draw.standard_normal(n) * np.exp(-t / 0.006) * 0.12
    fade = np.minimum(np.minimum(t / who.attack, 1), (ring - t) / 0.15).clip(0, 1)
    out = dsp.unit(dsp.ringing(n, partials, SLOW)) * 1.4 + hammer
    yield dsp.stereo((out * fade).astype(np.float32), note.side) * np.float32(note.level)


def drums(draw: np.random.Generator, who: Instrument, note: Note) -> Iterator[Array]:
    """A large skin drum."""
    n = round(1.6 * SLOW)
    t = np.arange(n) / SLOW
    skin = dsp.swept(62 * (1 + 0.5 * np.exp(-t / 0.03)), [1, 0.4], SLOW) * np.exp(-t / 0.28)
    modes = dsp.modes(n, [(98.0, 0.4, 0.7), (142.0, 0.25, 0.5), (190.0, 0.15, 0.4)], draw, SLOW)
    stick = draw.standard_normal(n) * np.exp(-t / 0.012) * 0.25
    yield dsp.stereo((skin + modes + stick).astype(np.float32), note.side) * np.float32(note.level * 2.2)


PLAYERS = {"bowed": bowed, "struck": struck, "drums": drums}
Part = tuple[Instrument, Sequence[Note]]


def played(draw: np.random.Generator, parts: Mapping[str, Part], samples: int) -> Iterator[Array]:
    """All notes of all instruments in one hall: stereo blocks, together `samples` at 48 kHz."""
    return halled(_together(draw, [(who, note) for who, notes in parts.values() for note in notes]), samples)


def _together(draw: np.random.Generator, notes: list[tuple[Instrument, Note]]) -> Iterator[Array]:
    """The dry sum of notes in blocks of `BLOCK` at 16 kHz, without end. A note is drawn when its block begins."""
    waiting = sorted(notes, key=lambda each: -each[1].start)
    sounding: list[_Sounding] = []
    start = 0
    while True:
        out = np.zeros((BLOCK, 2), np.float32)
        while waiting and (first := round(waiting[-1][1].start * SLOW)) < start + BLOCK:
            who, note = waiting.pop()
            sounding.append(_Sounding(PLAYERS[who.make](draw, who, note), first - start))
        sounding = [each for each in sounding if each.add(out)]
        start += BLOCK
        yield out


class _Sounding:
    """A note that has begun; `at` is where in the next block it goes on."""

    def __init__(self, pieces: Iterator[Array], at: int) -> None:
        self.pieces, self.at = pieces, at
        self.rest = next(pieces)

    def add(self, out: Array) -> bool:
        """Sound in this block; whether it goes on in the next."""
        while self.at < len(out):
            count = min(len(out) - self.at, len(self.rest))
            out[self.at : self.at + count] += self.rest[:count]
            self.at, self.rest = self.at + count, self.rest[count:]
            if not len(self.rest):
                following = next(self.pieces, None)
                if following is None:
                    return False
                self.rest = following
        self.at -= len(out)
        return True
