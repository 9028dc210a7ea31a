"""Instruments: one note of a cue as stereo sound."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from functions.sound import dsp
from functions.sound.dsp import RATE, Array, band, drift, peak, upsampled

UP = 3
SLOW = RATE // UP
"""Cues are computed at 16 kHz and brought up to 48 kHz; no tone lies above `TOP`."""
TOP = 6800.0
ROOT = 146.8324
"""D3 in Hz, equal temperament at A4 = 440 Hz: semitone 0 of every cue."""


class Instrument(BaseModel):
    """See `music.toml` for units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    make: str
    words: tuple[str, ...]
    slope: float = 1.2
    vibrato: float = 0.0
    attack: float = 0.5
    noise: float = 0.0
    body: tuple[float, ...] = ()
    semitones: int = 0
    desks: int = 1
    ring: float = 3.0
    stiff: float = 0.0


@dataclass(frozen=True)
class Note:
    """`start` and `length` in s, `tone` in semitones from D3, `level` linear, `side` -1 left to 1 right."""

    start: float
    length: float
    tone: float
    level: float = 1.0
    side: float = 0.0

    @property
    def hertz(self) -> float:
        return float(ROOT * 2 ** (self.tone / 12))


HOP = 50
"""Samples at 16 kHz between the points at which a note's life is drawn: 3 ms."""
AT_ONCE = 64 * HOP
"""Samples whose harmonics are in memory together."""
BOW = 8 * SLOW
"""Longest loop of bow noise."""


def rounded(s: float) -> int:
    """Samples at 16 kHz of about s seconds: whole hops, and a length whose Fourier transform is quick."""
    return max(1, round(s * SLOW / 800)) * 800


def _slow_drift(draw: np.random.Generator, points: int, period: float, low: float, high: float) -> Array:
    return drift(draw, points, period, low, high, SLOW // HOP)


def _bowing(draw: np.random.Generator, points: int, attack: float) -> Array:
    """Pressure of the bow: a slow swell, a living level, a turn of the bow every few seconds, a short release."""
    t = np.arange(points) * (HOP / SLOW)
    total = t[-1]
    curve = _slow_drift(draw, points, 1.7, 0.72, 1.0)
    when = attack + draw.uniform(2.5, 4.5)
    while when < total - 1.5:
        curve *= 1 - 0.38 * np.exp(-(((t - when) / 0.11) ** 2))
        when += draw.uniform(3.6, 6.0)
    rise = np.sin(np.clip(t / attack, 0, 1) * np.pi / 2) ** 2
    fall = np.clip((total - t) / min(0.35, total / 3), 0, 1)
    return np.asarray(curve * rise * np.sin(fall * np.pi / 2))


def _desk(draw: np.random.Generator, who: Instrument, note: Note, n: int, detune: float) -> Array:
    """One player, mono at 16 kHz: harmonics that live by themselves, vibrato that comes late, the noise of the bow.

    What changes slowly is drawn every `HOP` samples.
    """
    points = n // HOP + 1
    t = np.arange(points) * (HOP / SLOW)
    sway = who.vibrato * np.clip((t - 0.7 * who.attack) / 1.2, 0, 1) * _slow_drift(draw, points, 1.3, 0.35, 1.0)
    rate = 2 * np.pi * np.cumsum(_slow_drift(draw, points, 2.0, 4.6, 5.6)) * (HOP / SLOW)
    cents = detune + sway * np.sin(rate) + _slow_drift(draw, points, 0.8, -3.5, 3.5)
    harmonics = np.arange(1, min(42, int(TOP / note.hertz)) + 1)
    gains = np.empty((points, len(harmonics)), np.complex64)
    for k in harmonics.tolist():
        f = np.array([note.hertz * k])
        colour = 0.35 + sum(float(peak(centre, 3.5)(f)[0]) for centre in who.body) if who.body else 1.0
        living = _slow_drift(draw, points, draw.uniform(0.5, 2.2), max(0.15, 0.75 - 0.03 * k), 1.0)
        tilt = 1 + 0.012 * k * np.sin(rate + k)
        gains[:, k - 1] = k**-who.slope * colour * living * tilt * np.exp(1j * draw.uniform(0, 2 * np.pi))
    tone = dsp.unit(_sung(note.hertz * 2 ** (cents / 1200), gains))
    pressure = _bowing(draw, points, who.attack)
    air = who.noise * (0.5 + 0.5 * pressure) * np.minimum(pressure * 6, 1)
    bow = np.resize(_rosin(draw, who, note, min(n, BOW)), n)
    return np.asarray(tone * _drawn(pressure) + bow * _drawn(air), np.float32)


def _drawn(points: Array) -> Array:
    """A curve at every sample, straight between its points."""
    share = (np.arange(HOP) / HOP).astype(np.float32)
    start = points.astype(np.float32)
    return np.asarray((start[:-1, None] + np.diff(start)[:, None] * share).reshape(-1))


def _sung(hertz: Array, gains: npt.NDArray[np.complex64]) -> Array:
    """Harmonics of a frequency, both drawn every `HOP` samples: `(points,)` and complex `(points, harmonics)`."""
    step = np.arange(HOP)
    moved = hertz[:-1, None] * step + np.diff(hertz)[:, None] * (step**2 / (2 * HOP))
    begun = np.concatenate([[0.0], np.cumsum((hertz[:-1] + hertz[1:]) * (HOP / 2))[:-1]])
    turns = (begun[:, None] + moved) / SLOW
    turn = np.exp(2j * np.pi * (turns % 1.0)).astype(np.complex64)
    shares = np.stack([gains[:-1], np.diff(gains, axis=0)], axis=1)
    share, out = (step / HOP).astype(np.float32), np.empty(turn.shape, np.float32)
    wheels = np.empty((AT_ONCE // HOP, gains.shape[1], HOP), np.complex64)
    for at in range(0, len(turn), len(wheels)):
        part = turn[at : at + len(wheels)]
        wheel = wheels[: len(part)]
        wheel[:, 0] = part
        for k in range(1, wheel.shape[1]):
            np.multiply(wheel[:, k - 1], part, out=wheel[:, k])
        heard = (shares[at : at + len(part)] @ wheel).imag
        out[at : at + len(part)] = heard[:, 0] + heard[:, 1] * share
    return out.reshape(-1)


def _rosin(draw: np.random.Generator, who: Instrument, note: Note, n: int) -> Array:
    """A loop of the bow's noise, RMS 1: above the note, through the body."""

    def response(f: Array) -> Array:
        resonances = sum((peak(centre, 2.5)(f) for centre in who.body), np.zeros(len(f)))
        return np.asarray(band(note.hertz * 2, 5200, 1, 0.25)(f) * (0.5 + resonances))

    return dsp.noise(draw, n, response, 1, SLOW)[:, 0]


def bowed(draw: np.random.Generator, who: Instrument, note: Note) -> Array:
    """A sustained note by one or several players."""
    n = rounded(note.length)
    out = np.zeros((n, 2), np.float32)
    for _ in range(who.desks):
        detune = 0.0 if who.desks == 1 else draw.normal(0, 6.0)
        side = note.side if who.desks == 1 else float(np.clip(note.side + draw.uniform(-0.6, 0.6), -1, 1))
        out += dsp.stereo(_desk(draw, who, note, n, detune), side) / np.float32(np.sqrt(who.desks))
    return out * np.float32(note.level)


def struck(draw: np.random.Generator, who: Instrument, note: Note) -> Array:
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
    return dsp.stereo((out * fade).astype(np.float32), note.side) * np.float32(note.level)


def drums(draw: np.random.Generator, who: Instrument, note: Note) -> Array:
    """A large skin drum."""
    n = round(1.6 * SLOW)
    t = np.arange(n) / SLOW
    skin = dsp.swept(62 * (1 + 0.5 * np.exp(-t / 0.03)), [1, 0.4], SLOW) * np.exp(-t / 0.28)
    modes = dsp.modes(n, [(98.0, 0.4, 0.7), (142.0, 0.25, 0.5), (190.0, 0.15, 0.4)], draw, SLOW)
    stick = draw.standard_normal(n) * np.exp(-t / 0.012) * 0.25
    return dsp.stereo(skin + modes + stick, note.side) * note.level * 2.2


PLAYERS = {"bowed": bowed, "struck": struck, "drums": drums}


def played(draw: np.random.Generator, parts: Mapping[str, tuple[Instrument, list[Note]]], n: int) -> Array:
    """All notes of all instruments in one hall, exactly n samples at 48 kHz."""
    total = dsp.quick(-(-n // UP) + round(2.5 * SLOW))
    out = np.zeros((total, 2), np.float32)
    for who, notes in parts.values():
        for note in notes:
            sound = PLAYERS[who.make](draw, who, note)
            start = round(note.start * SLOW)
            out[start : start + len(sound)] += sound[: max(0, total - start)]
    return upsampled(dsp.room(out, draw, 2.4, 0.3, 4200, SLOW), UP)[:n]
