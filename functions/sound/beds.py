"""Ambiences: each maker gives a seamless stereo loop `(n, 2)` of any level; the engine sets the loudness.

A maker takes the loop's length in samples, a seeded generator and the entry's settings from the vocabulary.
"""

from collections.abc import Callable, Mapping

import numpy as np

from functions.sound import dsp
from functions.sound.dsp import Array, Drift, at, band, drift, noise, peak, sculpted, seconds, unit

Settings = Mapping[str, float]
EASY = 48
"""Samples between the points at which what changes slowly is worked out."""
Maker = Callable[[int, np.random.Generator, Settings], Array]


def room_tone(n: int, draw: np.random.Generator, _: Settings) -> Array:
    """The air of a quiet room: noise between brown and pink, 40 Hz to 6 kHz, left and right unrelated."""
    return noise(draw, n, band(40, 6000, 3, 0.75))


def wind(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """Gusts that open upward in pitch as they swell, over a low body, with a faint moan at edges."""
    gust = drift(draw, n, of.get("gust", 3.2)) ** 1.3
    slow = drift(draw, n, 9.0, 0.35, 1.0)
    moan = drift(draw, n, 2.1, 380, 720)

    def gains(t: Array, f: Array) -> Array:
        force = at(gust * slow, t)
        edge = 260 + 1500 * force**1.5
        low = 1 / np.sqrt(1 + (f / edge) ** 3)
        whistle = 0.9 * force**2 / np.sqrt(1 + (14 * (f / at(moan, t) - at(moan, t) / np.maximum(f, 1))) ** 2)
        return np.asarray((0.12 + force) * (low + whistle))

    return sculpted(noise(draw, n, band(45, 7000, 1, 0.55)), gains)


def sea(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """Waves: each one gathers, breaks (on `rock` with a slap and a hiss of falling spray) and draws back."""
    loop, period = n / dsp.RATE, of.get("period", 7.5)
    count = max(1, round(loop / period))
    times = (np.arange(count) + draw.uniform(-0.22, 0.22, count)) * loop / count
    size, place = draw.uniform(0.45, 1.0, count), draw.uniform(0.25, 0.75, count)
    rock = of.get("rock", 0.0)
    deep, wash = noise(draw, n, band(35, 260, 2, 0.6)), noise(draw, n, band(150, 9000, 1, 0.5))
    points = -(-n // EASY)
    swell: Array = np.zeros(points)
    crash: Array = np.zeros((points, 2))
    foam: Array = np.zeros((points, 2))
    t = np.arange(points) * loop / points
    for when, strength, side in zip(times, size, place, strict=True):
        since = (t - when + loop / 2) % loop - loop / 2
        before, after = np.minimum(since, 0), np.maximum(since, 0)
        sides = np.array([1 - side, side]) * 2
        swell += strength * np.exp(-((since / 1.9) ** 2))
        body = strength * np.exp(-((before / (1.1 - 0.75 * rock)) ** 2)) * np.exp(-after / (0.5 + 0.6 * strength))
        crash += body[:, None] * sides
        hiss = strength * (1 - np.exp(-after / 0.3)) * np.exp(-after / (1.8 + rock))
        foam += hiss[:, None] * sides
    swell, crash, foam = _fine(swell[:, None], n)[:, 0], _fine(crash, n), _fine(foam, n)
    edge = crash.mean(axis=1)

    def gains(time: Array, f: Array) -> Array:
        corner = 260 + 4200 * np.minimum(at(edge, time), 1.2)
        return np.asarray(1 / np.sqrt(1 + (f / corner) ** 2.6))

    spray = noise(draw, n, band(1400, 9500, 1, 0.2)) * foam * (0.12 + 0.1 * rock)
    drops = dsp.filtered(dsp.sparks(draw, n, 160 * rock + 1, 0.8), band(1500, 8000, 1)) * foam
    far = 0.1 * noise(draw, n, band(60, 1200, 1, 0.6)) * drift(draw, n, 4.0, 0.6, 1.0)[:, None]
    water = 0.8 * deep * (0.12 + swell)[:, None] + sculpted(wash * (crash + 0.05), gains) * 1.8 + spray + far
    return np.asarray(water + 0.1 * rock * drops / max(float(np.sqrt(np.mean(drops**2))), 1e-9))


def _shares(n: int, step: int) -> Array:
    """Points around a loop of n samples, one for every `step` of them, as shares of it."""
    points = -(-n // step)
    return np.arange(points) / points


def _fine(curves: Array, n: int) -> Array:
    """Curves around a loop, shape (points, k), at each of its n samples."""
    points, place = len(curves), np.arange(n) * (len(curves) / n)
    return np.stack([np.interp(place, np.arange(points + 1), np.append(c, c[0])) for c in curves.T], axis=1)


def rain(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """A steady hiss of many drops and single near ones, some on a surface that rings."""
    heavy = of.get("heavy", 1.0)
    hiss = noise(draw, n, band(700, 11000, 1, 0.25)) * drift(draw, n, 5.0, 0.8, 1.0)[:, None]
    near = unit(dsp.filtered(dsp.sparks(draw, n, 90 * heavy, 0.9), band(1800, 9000, 1)))
    drips = sum(
        unit(dsp.filtered(dsp.sparks(draw, n, 5, 0.6), peak(tone, 9))) for tone in (620.0, 1150.0, 1900.0, 2700.0)
    )
    ground = noise(draw, n, band(120, 900, 1, 0.4))
    return 0.9 * heavy * hiss + 0.3 * near + 0.06 * drips + 0.3 * heavy * ground


def stream(n: int, draw: np.random.Generator, _: Settings) -> Array:
    """Running water: thousands of bubbles, each a short tone that rises (Minnaert resonance), over a soft wash."""
    loop = n / dsp.RATE
    events = []
    for _count in range(int(45 * loop)):
        tone, life = float(np.exp(draw.normal(6.75, 0.45))), draw.uniform(0.015, 0.06)
        t = seconds(int(3 * life * dsp.RATE))
        wave = np.sin(2 * np.pi * tone * (t + 1.6 * t**2)) * np.exp(-t / life * 2.2) * np.minimum(t / 0.002, 1)
        events.append((draw.uniform(0, loop), dsp.stereo(wave * draw.exponential(0.5), draw.uniform(-0.8, 0.8))))
    wash = noise(draw, n, band(250, 6000, 1, 0.5)) * drift(draw, n, 1.2, 0.7, 1.0)[:, None]
    return unit(dsp.placed(n, events)) + 0.7 * wash


def fire(n: int, draw: np.random.Generator, _: Settings) -> Array:
    """A flame's flutter, a low roar, and crackles of very unequal strength."""
    flutter = noise(draw, n, band(60, 500, 1, 0.6)) * drift(draw, n, 0.28, 0.5, 1.0)[:, None]
    hiss = noise(draw, n, band(1500, 9000, 1, 0.3)) * drift(draw, n, 0.6, 0.2, 1.0)[:, None]
    snaps = dsp.filtered(dsp.sparks(draw, n, 9, 1.3), band(900, 8000, 1))
    pops = dsp.filtered(dsp.sparks(draw, n, 1.6, 0.9), peak(420, 3))
    return np.asarray(flutter + 0.18 * hiss + 0.3 * unit(snaps) + 0.25 * unit(pops))


def hum(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """A body that sings faintly: partials with whole periods in the loop, each drifting by itself, and its air.

    settings: base Hz, odd (share of even harmonics removed), glass (inharmonic, high and thin).
    """
    loop, share = n / dsp.RATE, _shares(n, 4)
    base, glass = of.get("base", 100.0), of.get("glass", 0.0)
    ratios = (1, 2.32, 4.25, 6.63, 9.38) if glass else (1, 2, 3, 4, 5, 6, 8, 10, 12)
    out = np.zeros((len(share), 2))
    for k, ratio in enumerate(ratios):
        for beat in (0, draw.integers(1, 4)):
            cycles = round(base * ratio * loop) + int(beat)
            strength = (
                0.75**k * Drift(draw, loop, 4.0, 0.25, 1.0).at(share) * (1 if k % 2 == 0 else 1 - of.get("odd", 0.0))
            )
            side, phase = draw.uniform(-0.5, 0.5), draw.uniform(0, 2 * np.pi)
            if cycles < 0.45 * len(share):
                out += dsp.stereo(strength * np.sin(2 * np.pi * cycles * share + phase), side)
    air = noise(draw, n, band(80, 3000, 1, 0.6)) + 0.25 * noise(draw, n, peak(base * 8 if glass else base * 5, 6))
    return unit(dsp.resampled(out, n)) + (0.35 + 0.2 * glass) * air


def clockwork(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """A movement's ticks, the second of each pair duller, with its wheels' small rattle and a wooden case."""
    loop = n / dsp.RATE
    pairs = max(1, round(loop / (2 * of.get("period", 0.85))))
    step = loop / (2 * pairs)
    heavy = of.get("heavy", 1.0)
    brass = [(2350 / heavy, 0.5, 0.05), (3720 / heavy, 0.4, 0.035), (5480 / heavy, 0.3, 0.02)]
    case = [(310 / heavy, 0.7, 0.11), (540 / heavy, 0.4, 0.08)]
    events = []
    for index in range(2 * pairs):
        dull = index % 2
        partials = [(f * (0.86 if dull else 1.0), a * (0.7 if dull else 1.0), d) for f, a, d in brass] + case
        tick = dsp.modes(round(0.16 * dsp.RATE), partials, draw)
        rattle = draw.standard_normal(len(tick)) * dsp.envelope(len(tick), 0.001, 0.03) * 0.35
        wheel = dsp.padded(np.zeros(round(0.05 * dsp.RATE)), len(tick)) + np.roll(tick, round(0.045 * dsp.RATE)) * 0.3
        events.append(((index + 0.4) * step + draw.normal(0, 0.003), dsp.stereo(tick + rattle + wheel, 0.15)))
    return dsp.room(dsp.placed(n, events), draw, 0.5, 0.25) + 0.01 * noise(draw, n, band(60, 2000, 1, 0.5))


def engine(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """A running motor: a firing rate with its harmonics, uneven from stroke to stroke, and mechanical noise."""
    loop, share = n / dsp.RATE, _shares(n, 8)
    cycles = round(of.get("base", 27.0) * loop)
    phase = 2 * np.pi * cycles * share + 0.6 * (Drift(draw, loop, 0.7).at(share) - 0.5)
    turn = np.exp(1j * phase)
    wheel, out = np.ones(len(share), complex), np.zeros(len(share))
    for k in range(1, min(33, int(0.45 * len(share) / max(1, cycles))) + 1):
        wheel *= turn
        strength = Drift(draw, loop, 0.9, 0.5, 1.0).at(share) / (k**0.8 * (1 + (k / 18) ** 2))
        out += (wheel * np.exp(1j * draw.uniform(0, 2 * np.pi))).imag * strength
    stroke = dsp.resampled(0.55 + 0.45 * turn.real**3, n)
    clatter = noise(draw, n, band(600, 5000, 1, 0.4)) * stroke[:, None] ** 2
    body = dsp.filtered(dsp.stereo(unit(dsp.resampled(out, n))), band(30, 900, 1, 0.2))
    return unit(body) + of.get("clatter", 0.25) * clatter + 0.15 * noise(draw, n, band(40, 300, 1, 0.5))


def gulls(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """Gulls over open air: falling, hoarse cries in groups, near and far."""
    loop, events = n / dsp.RATE, []
    for _group in range(max(1, round(loop / 5))):
        when, side, gain = draw.uniform(0, loop), draw.uniform(-0.9, 0.9), draw.uniform(0.2, 1.0)
        tone = draw.uniform(850, 1250)
        for cry in range(int(draw.integers(2, 7))):
            length = draw.uniform(0.22, 0.5) * (0.9**cry)
            t = seconds(round(length * dsp.RATE))
            glide = tone * (1.25 - 0.45 * (t / length) ** 0.7) * (1 + 0.012 * np.sin(2 * np.pi * 33 * t))
            wave = dsp.swept(glide, [0.6, 1.0, 0.7, 0.45, 0.3, 0.15]) * np.sin(np.pi * (t / length) ** 0.6) ** 1.2
            events.append((when, dsp.stereo(gain * wave * (1 + 0.3 * draw.standard_normal(len(t))), side)))
            when += length + draw.uniform(0.05, 0.2)
    return dsp.room(unit(dsp.placed(n, events)), draw, 1.6, 0.4, 5000) + 0.1 * noise(draw, n, band(60, 2000, 1, 0.6))


def crickets(n: int, draw: np.random.Generator, _: Settings) -> Array:
    """A summer night: several insects chirping each at its own rate and place, far ones fused to a shimmer."""
    loop, out = n / dsp.RATE, 0.02 * noise(draw, n, band(40, 2000, 1, 0.7))
    events = []
    for _insect in range(7):
        tone, rate, side, gain = (
            draw.uniform(3900, 5100),
            draw.uniform(1.3, 2.6),
            draw.uniform(-0.9, 0.9),
            draw.uniform(0.15, 1),
        )
        calls = max(1, round(loop * rate))
        t = seconds(round(0.12 * dsp.RATE))
        pulses = np.sin(np.pi * np.clip(t / 0.12, 0, 1)) * np.maximum(np.sin(2 * np.pi * 27 * t), 0) ** 0.7
        chirp = dsp.stereo(gain * pulses * np.sin(2 * np.pi * tone * t), side)
        rests = drift(draw, n, 5.0) > 0.18
        events += [
            (k * loop / calls + draw.normal(0, 0.01), chirp) for k in range(calls) if rests[round(k * n / calls) % n]
        ]
    shimmer = (
        noise(draw, n, peak(4500, 16)) * (0.6 + 0.4 * np.sin(2 * np.pi * round(31 * loop) / loop * seconds(n)))[:, None]
    )
    return np.asarray(unit(dsp.placed(n, events)) * 0.3 + 0.05 * shimmer + out)


def birds(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """Leaves and a few birds, each with its own short phrase of swept whistles, heard through the trees."""
    loop = n / dsp.RATE
    events = []
    for _bird in range(max(2, round(of.get("many", 5) * loop / 20))):
        tone, side, gain = draw.uniform(2300, 5200), draw.uniform(-0.9, 0.9), draw.uniform(0.15, 0.9)
        notes = [
            (draw.uniform(0.05, 0.16), draw.uniform(-0.3, 0.35), draw.uniform(0.85, 1.2))
            for _n in range(draw.integers(2, 6))
        ]
        for _call in range(draw.integers(1, 4)):
            when = draw.uniform(0, loop)
            for length, sweep, height in notes:
                t = seconds(round(length * dsp.RATE))
                glide = tone * height * (1 + sweep * (t / length - 0.5) + 0.03 * np.sin(2 * np.pi * 38 * t))
                call = np.sin(2 * np.pi * np.cumsum(glide) / dsp.RATE) * np.sin(np.pi * t / length) ** 1.5
                events.append((when, dsp.stereo(gain * call, side)))
                when += length * draw.uniform(1.15, 1.7)
    leaves = noise(draw, n, band(900, 8000, 1, 0.5)) * drift(draw, n, 2.5, 0.25, 1.0)[:, None]
    calls = dsp.room(unit(dsp.placed(n, events)), draw, 1.1, 0.45, 6000)
    return calls + of.get("leaves", 1.6) * leaves


def crowd(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """Murmur of many talkers: vowel-coloured voices with syllables and pauses, none of them a word."""
    short, rate = -(-n // 4), dsp.RATE / 4
    loop, out, share = short / rate, np.zeros((short, 2)), np.arange(short) / short
    f = np.fft.rfftfreq(short, 1 / rate)
    for _voice in range(round(of.get("many", 14))):
        pitch = draw.uniform(95, 230) * (1 + 0.12 * (Drift(draw, loop, 0.4).at(share) - 0.5))
        pitch *= round(pitch.mean() * loop) / (pitch.mean() * loop)
        talk = np.clip(Drift(draw, loop, 0.16).at(share) - 0.25, 0, 1)
        talk = talk * np.clip(2.2 * Drift(draw, loop, 2.5).at(share) - 0.5, 0, 1)
        source = dsp.swept(pitch, [0.8**k for k in range(12)], int(rate)) * talk
        vowel = peak(draw.uniform(350, 700), 4)(f) + 0.5 * peak(draw.uniform(1000, 1900), 6)(f)
        voiced = np.fft.irfft(np.fft.rfft(source) * vowel, short)
        out += dsp.stereo(voiced * draw.uniform(0.4, 1.0), draw.uniform(-0.9, 0.9))
    near = unit(dsp.resampled(out, n))
    return dsp.room(near, draw, 0.9, 0.5, 3500) + 0.12 * noise(draw, n, band(150, 3000, 1, 0.6))


def city(n: int, draw: np.random.Generator, _: Settings) -> Array:
    """Traffic at a distance: a low wash that breathes, with single cars passing from side to side."""
    loop, t = n / dsp.RATE, seconds(n)
    out = noise(draw, n, band(40, 700, 1, 0.7)) * drift(draw, n, 4.0, 0.7, 1.0)[:, None]
    for _car in range(max(1, round(loop / 6))):
        when, width, way = draw.uniform(0, loop), draw.uniform(1.2, 2.6), draw.choice([-1, 1])
        since = (t - when + loop / 2) % loop - loop / 2
        swell = np.exp(-((since / width) ** 2))
        pan = np.clip(0.5 + way * since / (5 * width), 0.1, 0.9)
        tyres = noise(draw, n, band(300, 2600, 1, 0.5), 1)[:, 0]
        out += 0.5 * (tyres * swell)[:, None] * np.stack([np.sqrt(1 - pan), np.sqrt(pan)], axis=1)
    return out


def underwater(n: int, draw: np.random.Generator, of: Settings) -> Array:
    """A heavy low body of water with bubbles rising now and then."""
    return noise(draw, n, band(30, 220, 2, 0.5)) * drift(draw, n, 3.0, 0.6, 1.0)[:, None] + 0.3 * stream(n, draw, of)


MAKERS: Mapping[str, Maker] = {
    maker.__name__: maker
    for maker in (
        room_tone,
        wind,
        sea,
        rain,
        stream,
        fire,
        hum,
        clockwork,
        engine,
        crickets,
        birds,
        gulls,
        crowd,
        city,
        underwater,
    )
}
