"""A note that is held: players whose harmonics live by themselves, given piece by piece however long it is."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from functions.sound import dsp
from functions.sound.dsp import Array, Drift, band, peak
from functions.sound.instruments import HOP, SLOW, TOP, Instrument, Note, rounded

SPAN = 1600
"""Points of a piece: 5 s, 80,000 samples at 16 kHz."""
AT_ONCE = 64
"""Points whose harmonics are in memory together."""
LOOP = 8 * SLOW
"""Longest loop of bow noise."""
NARROWEST = 0.35
"""Colour of a harmonic that no resonance of the body helps."""


def bowed(draw: np.random.Generator, who: Instrument, note: Note) -> Iterator[Array]:
    """A sustained note by one or several players, as stereo pieces at 16 kHz."""
    seats = [_seat(draw, who, note) for _ in range(who.desks)]
    desks = [(_Desk(draw, who, note, detune), side) for detune, side in seats]
    share = np.float32(note.level / np.sqrt(who.desks))
    for parts in zip(*(desk.pieces() for desk, _ in desks), strict=True):
        heard = [dsp.stereo(part, side) for part, (_, side) in zip(parts, desks, strict=True)]
        yield np.asarray(sum(heard[1:], heard[0]) * share)


def _seat(draw: np.random.Generator, who: Instrument, note: Note) -> tuple[float, float]:
    """Cents by which a player is off, and where he sits."""
    if who.desks == 1:
        return 0.0, note.side
    return draw.normal(0, 6.0), float(np.clip(note.side + draw.uniform(-0.6, 0.6), -1, 1))


class _Desk:
    """One player, mono at 16 kHz: harmonics that live by themselves, vibrato that comes late, the noise of the bow.

    All that is random is drawn at the start; what changes slowly is worked out every `HOP` samples. The phases of tone
    and vibrato pass from piece to piece.
    """

    def __init__(self, draw: np.random.Generator, who: Instrument, note: Note, detune: float) -> None:
        self.who, self.note, self.detune = who, note, detune
        n = rounded(note.length)
        self.s, self.points = n / SLOW, n // HOP
        self.sway = self._drift(draw, 1.3, 0.35, 1.0)
        self.vibrato = self._drift(draw, 2.0, 4.6, 5.6)
        self.wander = self._drift(draw, 0.8, -3.5, 3.5)
        self.harmonics = np.arange(1, min(42, int(TOP / note.hertz)) + 1)
        self.living = [
            self._drift(draw, draw.uniform(0.5, 2.2), max(0.15, 0.75 - 0.03 * k), 1.0) for k in self.harmonics.tolist()
        ]
        spin = np.exp(1j * draw.uniform(0, 2 * np.pi, len(self.harmonics)))
        self.strength = self.harmonics**-who.slope * _colour(who, note.hertz * self.harmonics) * spin
        self.strength /= self._loudness()
        self.swell = self._drift(draw, 1.7, 0.72, 1.0)
        self.turns = self._turns(draw)
        self.rosin = _rosin(draw, who, note, min(n, LOOP))
        self._swayed, self._turned = 0.0, 0.0

    def _drift(self, draw: np.random.Generator, period: float, low: float, high: float) -> Drift:
        return Drift(draw, self.s, period, low, high)

    def _turns(self, draw: np.random.Generator) -> Array:
        """When the bow turns: every few seconds."""
        turns, when = [], self.who.attack + draw.uniform(2.5, 4.5)
        while when < self.s - 1.5:
            turns.append(when)
            when += draw.uniform(3.6, 6.0)
        return np.array(turns)

    def _loudness(self) -> float:
        """RMS of all harmonics together."""
        share = np.arange(256) / 256
        power = sum(
            abs(strength) ** 2 * float((curve.at(share) ** 2).mean())
            for strength, curve in zip(self.strength.tolist(), self.living, strict=True)
        )
        return float(np.sqrt(power / 2))

    def pieces(self) -> Iterator[Array]:
        """The whole note, `SPAN` points at a time."""
        for start in range(0, self.points, SPAN):
            yield self._piece(np.arange(start, min(start + SPAN, self.points) + 1))

    def _piece(self, points: npt.NDArray[np.int64]) -> Array:
        """What sounds between the first of these points and the last."""
        t = points * (HOP / SLOW)
        share = t / self.s
        rate = self._swayed + np.concatenate([[0.0], np.cumsum(self.vibrato.at(share[1:]))]) * (2 * np.pi * HOP / SLOW)
        self._swayed = float(rate[-1] % (2 * np.pi))
        late = self.who.vibrato * np.clip((t - 0.7 * self.who.attack) / 1.2, 0, 1)
        cents = self.detune + late * self.sway.at(share) * np.sin(rate) + self.wander.at(share)
        pressure = self._pressure(t, share)
        air = self.who.noise * (0.5 + 0.5 * pressure) * np.minimum(pressure * 6, 1)
        tone = self._sung(self.note.hertz * 2 ** (cents / 1200), self._gains(rate, share))
        bow = np.take(self.rosin, np.arange(points[0] * HOP, points[-1] * HOP), mode="wrap")
        return np.asarray(tone * _drawn(pressure) + bow * _drawn(air), np.float32)

    def _gains(self, rate: Array, share: Array) -> npt.NDArray[np.complex64]:
        """Strength of each harmonic at each point."""
        living = np.stack([curve.at(share) for curve in self.living], axis=1)
        tilt = 1 + 0.012 * self.harmonics * np.sin(rate[:, None] + self.harmonics)
        return np.asarray(living * tilt * self.strength, np.complex64)

    def _pressure(self, t: Array, share: Array) -> Array:
        """Pressure of the bow: a slow swell, a living level, its turns, a short release."""
        near = self.turns[(self.turns > t[0] - 1) & (self.turns < t[-1] + 1)]
        turned = np.prod(1 - 0.38 * np.exp(-(((t[:, None] - near) / 0.11) ** 2)), axis=1)
        rise = np.sin(np.clip(t / self.who.attack, 0, 1) * np.pi / 2) ** 2
        fall = np.clip((self.s - t) / min(0.35, self.s / 3), 0, 1)
        return np.asarray(self.swell.at(share) * turned * rise * np.sin(fall * np.pi / 2))

    def _sung(self, hertz: Array, gains: npt.NDArray[np.complex64]) -> Array:
        """Harmonics of a frequency, both drawn at points: `(points,)` and complex `(points, harmonics)`."""
        step = np.arange(HOP)
        moved = hertz[:-1, None] * step + np.diff(hertz)[:, None] * (step**2 / (2 * HOP))
        begun = self._turned + np.concatenate([[0.0], np.cumsum((hertz[:-1] + hertz[1:]) * (HOP / 2 / SLOW))])
        self._turned = float(begun[-1] % 1.0)
        turn = np.exp(2j * np.pi * ((begun[:-1, None] + moved / SLOW) % 1.0)).astype(np.complex64)
        shares = np.stack([gains[:-1], np.diff(gains, axis=0)], axis=1)
        share, out = (step / HOP).astype(np.float32), np.empty(turn.shape, np.float32)
        wheels = np.empty((AT_ONCE, gains.shape[1], HOP), np.complex64)
        for at in range(0, len(turn), AT_ONCE):
            heard = (shares[at : at + AT_ONCE] @ _powers(turn[at : at + AT_ONCE], wheels)).imag
            out[at : at + AT_ONCE] = heard[:, 0] + heard[:, 1] * share
        return out.reshape(-1)


def _powers(turn: npt.NDArray[np.complex64], room: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
    """The first powers of every number, in `room` of shape (rows, powers, columns)."""
    wheel = room[: len(turn)]
    wheel[:, 0] = turn
    for k in range(1, wheel.shape[1]):
        np.multiply(wheel[:, k - 1], turn, out=wheel[:, k])
    return wheel


def _colour(who: Instrument, hertz: Array) -> Array:
    """What the body makes of harmonics."""
    if not who.body:
        return np.ones(len(hertz))
    return np.asarray(NARROWEST + sum((peak(centre, 3.5)(hertz) for centre in who.body), np.zeros(len(hertz))))


def _drawn(points: Array) -> Array:
    """A curve at every sample, straight between its points."""
    share = (np.arange(HOP) / HOP).astype(np.float32)
    start = points.astype(np.float32)
    return np.asarray((start[:-1, None] + np.diff(start)[:, None] * share).reshape(-1))


def _rosin(draw: np.random.Generator, who: Instrument, note: Note, n: int) -> Array:
    """A loop of the bow's noise, RMS 1: above the note, through the body."""

    def response(f: Array) -> Array:
        resonances = sum((peak(centre, 2.5)(f) for centre in who.body), np.zeros(len(f)))
        return np.asarray(band(note.hertz * 2, 5200, 1, 0.25)(f) * (0.5 + resonances))

    return dsp.noise(draw, n, response, 1, SLOW)[:, 0]
