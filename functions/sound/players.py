"""Instruments: one note of a cue as stereo sound."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from functions.sound import dsp
from functions.sound.dsp import RATE, Array, band, drift, peak, upsampled

SLOW = RATE // 3
"""Tones are computed at 16 kHz and brought up to 48 kHz; nothing sounds above `TOP`."""
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


def rounded(s: float) -> int:
    """Samples at 16 kHz of about s seconds: a length whose Fourier transform is quick."""
    return max(1, round(s * SLOW / 800)) * 800


def _slow_drift(draw: np.random.Generator, n: int, period: float, low: float, high: float) -> Array:
    return drift(draw, n, period, low, high, SLOW)


def _bowing(draw: np.random.Generator, n: int, attack: float) -> Array:
    """Pressure of the bow: a slow swell, a living level, a turn of the bow every few seconds, a short release."""
    t = np.arange(n) / SLOW
    total = n / SLOW
    curve = _slow_drift(draw, n, 1.7, 0.72, 1.0)
    when = attack + draw.uniform(2.5, 4.5)
    while when < total - 1.5:
        curve *= 1 - 0.38 * np.exp(-(((t - when) / 0.11) ** 2))
        when += draw.uniform(3.6, 6.0)
    rise = np.sin(np.clip(t / attack, 0, 1) * np.pi / 2) ** 2
    fall = np.clip((total - t) / min(0.35, total / 3), 0, 1)
    return np.asarray(curve * rise * np.sin(fall * np.pi / 2))


def _desk(draw: np.random.Generator, who: Instrument, note: Note, n: int, detune: float) -> Array:
    """One player, mono at 16 kHz: harmonics that live by themselves, vibrato that comes late, the noise of the bow."""
    t = np.arange(n) / SLOW
    sway = who.vibrato * np.clip((t - 0.7 * who.attack) / 1.2, 0, 1) * _slow_drift(draw, n, 1.3, 0.35, 1.0)
    rate = 2 * np.pi * np.cumsum(_slow_drift(draw, n, 2.0, 4.6, 5.6)) / SLOW
    cents = detune + sway * np.sin(rate) + _slow_drift(draw, n, 0.8, -3.5, 3.5)
    phase = 2 * np.pi * np.cumsum(note.hertz * 2 ** (cents / 1200)) / SLOW
    turn = np.exp(1j * phase)
    wheel, out = np.ones(n, complex), np.zeros(n)
    for k in range(1, min(42, int(TOP / note.hertz)) + 1):
        wheel *= turn
        f = np.array([note.hertz * k])
        colour = 0.35 + sum(float(peak(centre, 3.5)(f)[0]) for centre in who.body) if who.body else 1.0
        living = _slow_drift(draw, n, draw.uniform(0.5, 2.2), max(0.15, 0.75 - 0.03 * k), 1.0)
        tilt = 1 + 0.012 * k * np.sin(rate + k)
        spin = np.exp(1j * draw.uniform(0, 2 * np.pi))
        out += k**-who.slope * colour * living * tilt * (wheel * spin).imag
    pressure = _bowing(draw, n, who.attack)
    bow = dsp.unit(np.fft.irfft(np.fft.rfft(draw.standard_normal(n)) * _rosin(who, note, n), n))
    return np.asarray(dsp.unit(out) * pressure + who.noise * bow * (0.5 + 0.5 * pressure) * np.minimum(pressure * 6, 1))


def _rosin(who: Instrument, note: Note, n: int) -> Array:
    f = np.fft.rfftfreq(n, 1 / SLOW)
    resonances = sum((peak(centre, 2.5)(f) for centre in who.body), np.zeros(len(f)))
    return np.asarray(band(note.hertz * 2, 5200, 1, 0.25)(f) * (0.5 + resonances))


def bowed(draw: np.random.Generator, who: Instrument, note: Note) -> Array:
    """A sustained note by one or several players."""
    n = rounded(note.length)
    out = np.zeros((3 * n, 2))
    for _ in range(who.desks):
        detune = 0.0 if who.desks == 1 else draw.normal(0, 6.0)
        side = note.side if who.desks == 1 else float(np.clip(note.side + draw.uniform(-0.6, 0.6), -1, 1))
        out += dsp.stereo(upsampled(_desk(draw, who, note, n, detune), 3), side) / np.sqrt(who.desks)
    return out * note.level


def struck(draw: np.random.Generator, who: Instrument, note: Note) -> Array:
    """A string, tine or bar that is hit once and rings: stiff partials, two beating each, a touch of hammer."""
    ring = min(who.ring, max(note.length, 0.4) + 0.8) * min(1.5, (ROOT * 4 / note.hertz) ** 0.35)
    n = rounded(ring)
    ring = n / SLOW
    t = np.arange(n) / SLOW
    out = np.zeros(n)
    for k in range(1, 24):
        f = note.hertz * k * np.sqrt(1 + who.stiff * k * k)
        if f > TOP:
            break
        decay = who.ring * (1 + 0.35 * k) ** -0.9
        pair = np.sin(2 * np.pi * f * t + draw.uniform(0, 6)) + 0.8 * np.sin(2 * np.pi * f * 1.0006 * t)
        out += (
            k**-who.slope
            * (0.9 if k % 7 else 0.15)
            * pair
            * (0.75 * 10 ** (-3 * t / decay) + 0.25 * 10 ** (-1.2 * t / decay))
        )
    hammer = draw.standard_normal(n) * np.exp(-t / 0.006) * 0.12
    fade = np.minimum(np.minimum(t / who.attack, 1), (ring - t) / 0.15).clip(0, 1)
    return dsp.stereo(upsampled((dsp.unit(out) * 1.4 + hammer) * fade, 3), note.side) * note.level


def drums(draw: np.random.Generator, who: Instrument, note: Note) -> Array:
    """A large skin drum."""
    n = round(1.6 * RATE)
    t = dsp.seconds(n)
    skin = dsp.swept(62 * (1 + 0.5 * np.exp(-t / 0.03)), [1, 0.4]) * np.exp(-t / 0.28)
    modes = dsp.modes(n, [(98.0, 0.4, 0.7), (142.0, 0.25, 0.5), (190.0, 0.15, 0.4)], draw)
    stick = draw.standard_normal(n) * np.exp(-t / 0.012) * 0.25
    return dsp.stereo(skin + modes + stick, note.side) * note.level * 2.2


PLAYERS = {"bowed": bowed, "struck": struck, "drums": drums}


def played(draw: np.random.Generator, parts: Mapping[str, tuple[Instrument, list[Note]]], n: int) -> Array:
    """All notes of all instruments in one hall, exactly n samples."""
    total = -(-(n + round(2.5 * RATE)) // 9600) * 9600
    out = np.zeros((total, 2))
    for who, notes in parts.values():
        for note in notes:
            sound = PLAYERS[who.make](draw, who, note)
            start = round(note.start * RATE)
            out[start : start + len(sound)] += sound[: max(0, total - start)]
    return dsp.room(out, draw, 2.4, 0.3, 4200)[:n]
