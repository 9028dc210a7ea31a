"""Single sounds: each maker gives a stereo sound `(n, 2)` of its natural length, dry, of any level.

A maker takes a seeded generator and the entry's settings; `size` 1 is usual, 2 twice as large and so lower and longer.
"""

from collections.abc import Callable, Mapping

import numpy as np

from functions.sound import dsp
from functions.sound.dsp import RATE, Array, band, envelope, modes, peak, seconds, stereo, unit

Settings = Mapping[str, float]
Maker = Callable[[np.random.Generator, Settings], Array]


def length(s: float) -> int:
    """Samples in that many seconds."""
    return round(s * RATE)


def burst(draw: np.random.Generator, s: float, response: dsp.Response, attack: float, decay: float) -> Array:
    """A shaped breath of noise, mono, peak near 1."""
    n = length(s)
    raw = dsp.noise(draw, n, response, 1)[:, 0] * envelope(n, attack, decay)
    return np.asarray(raw / max(float(np.abs(raw).max()), 1e-9))


def late(x: Array, s: float, total: float) -> Array:
    """The sound delayed within a longer silence."""
    return dsp.padded(np.concatenate([np.zeros(length(s)), x]), length(total))


def switch(draw: np.random.Generator, of: Settings) -> Array:
    """A lever thrown home: a scrape, the latch, the blades' clack a moment later, and the box ringing with it."""
    size, total = of.get("size", 1.0), 0.9 * of.get("size", 1.0) ** 0.5
    blades = [
        (f / size, a, d * size) for f, a, d in ((92, 1.0, 0.25), (171, 0.8, 0.2), (388, 0.5, 0.16), (905, 0.35, 0.1))
    ]
    metal = [(f / size**0.5, a, d) for f, a, d in ((1740, 0.22, 0.12), (2630, 0.16, 0.16), (4110, 0.1, 0.09))]
    clack = modes(length(0.6 * size**0.5), blades + metal, draw)
    click = burst(draw, 0.05, band(900, 9000, 1), 0.0005, 0.02)
    scrape = burst(draw, 0.12, band(1200, 5000, 1), 0.09, 0.05) * 0.07
    thud = burst(draw, 0.2, band(40, 240, 1), 0.002, 0.12) * 0.9
    parts = (late(scrape, 0.0, total), late(click * 0.35, 0.1, total), late(clack * 0.55, 0.145, total))
    hit = sum(parts) + late(click * 0.7 + 0.0, 0.145, total) + late(thud, 0.146, total)
    return dsp.room(stereo(hit), draw, 0.5, 0.12)


def click(draw: np.random.Generator, of: Settings) -> Array:
    """A small switch or latch: press and release."""
    size = of.get("size", 1.0)
    partials = [(1450 / size, 0.6, 0.03), (2900 / size, 0.5, 0.02), (4700 / size, 0.3, 0.015), (480 / size, 0.4, 0.03)]
    one = modes(length(0.08), partials, draw) + 0.5 * burst(draw, 0.08, band(1500, 12000, 1), 0.0003, 0.01)
    return stereo(late(one, 0.0, 0.3) + 0.5 * late(one[::1], 0.07, 0.3))


def motor_down(draw: np.random.Generator, of: Settings) -> Array:
    """A motor losing its current: whine and rotor beat fall together, bearings rumble, then a last settling."""
    size = of.get("size", 1.0)
    total = 3.2 * size**0.8
    n = length(total)
    t = seconds(n)
    speed = np.maximum(np.exp(-t / (0.36 * total)) - 0.035 - 0.02 * t / total, 0.0) / 0.965
    rotor = 62 / size * speed
    body = dsp.swept(rotor, [1.0, 0.8, 0.55, 0.5, 0.3, 0.25, 0.2, 0.15, 0.1, 0.08])
    whine = dsp.swept(rotor * 11.0, [1.0, 0.35, 0.2, 0.1]) * speed**1.2
    gear = dsp.swept(rotor * 17.3, [0.6, 0.25]) * speed**1.6
    beat = 0.7 + 0.3 * np.sin(np.cumsum(2 * np.pi * rotor / RATE))
    rumble = dsp.noise(draw, n, band(35, 420, 1, 0.4), 1)[:, 0] * beat * speed**0.8
    air = dsp.noise(draw, n, band(500, 5000, 1, 0.4), 1)[:, 0] * speed**2
    tone = (0.5 * unit(body) * speed**0.5 + 0.26 * unit(whine) + 0.1 * unit(gear)) * np.minimum(speed * 14, 1)
    mix = tone + 0.35 * rumble + 0.12 * air
    settle = modes(length(0.5), [(71 / size**0.5, 1, 0.3), (143 / size**0.5, 0.5, 0.2), (620, 0.12, 0.08)], draw)
    mix = mix + late(settle * 0.35, 0.86 * total, total)
    mix *= np.minimum(np.minimum(t / 0.03, 1), np.minimum((total - t) / 0.25, 1))
    return dsp.room(stereo(mix), draw, 0.7, 0.18)


def motor_up(draw: np.random.Generator, of: Settings) -> Array:
    """A motor gathering speed, then cut off."""
    turned = motor_down(draw, of)[::-1].copy()
    turned[-length(0.15) :] *= np.linspace(1, 0, length(0.15))[:, None] ** 2
    return turned


def horn(draw: np.random.Generator, of: Settings) -> Array:
    """A ship's horn: two low reeds a fifth apart beating with each other, slow to speak, with a breath of steam."""
    size, total = of.get("size", 1.0), of.get("seconds", 3.6)
    n = length(total)
    t = seconds(n)
    swell = np.minimum(t / 0.28, 1) ** 1.5 * np.minimum((total - t) / 0.5, 1) ** 1.2
    out = np.zeros(n)
    for base, level in ((118.0, 1.0), (177.4, 0.62)):
        bend = base / size * (1 - 0.045 * np.exp(-t / 0.12) - 0.03 * np.clip((t - total + 0.5) / 0.5, 0, 1) ** 2)
        wobble = 1 + 0.0025 * np.sin(2 * np.pi * 5.1 * t + draw.uniform(0, 6))
        out += level * dsp.swept(bend * wobble, [1.0, 0.9, 0.75, 0.6, 0.42, 0.33, 0.25, 0.18, 0.13, 0.1, 0.07])
    breath = dsp.noise(draw, n, band(200, 2500, 1, 0.4), 1)[:, 0] * 0.16
    shaped = dsp.filtered(unit(out) * (1 + 0.0 * t) + breath, lambda f: band(70, 1500, 1)(f) + 0.6 * peak(420, 2)(f))
    return stereo(shaped * swell)


def bell(draw: np.random.Generator, of: Settings) -> Array:
    """A cast bell: hum, prime, tierce, quint, nominal and above (minor-third bell), each a beating pair."""
    base, ring = of.get("base", 440.0) / of.get("size", 1.0), of.get("ring", 5.0) * of.get("size", 1.0) ** 0.5
    ratios = (
        (0.5, 0.6, 1.3),
        (1, 0.8, 1),
        (1.19, 0.75, 0.8),
        (1.5, 0.4, 0.6),
        (2, 0.9, 0.55),
        (2.51, 0.4, 0.35),
        (3.01, 0.4, 0.3),
        (4.17, 0.25, 0.18),
        (5.43, 0.15, 0.12),
    )
    pairs = [(base * r * split, a * 0.5, ring * d) for r, a, d in ratios for split in (1.0, 1.0013)]
    n = length(min(ring, 7.0))
    strike = dsp.padded(burst(draw, 0.03, band(1500, 9000, 1), 0.0005, 0.012) * 0.5, n)
    fade = np.minimum((n - np.arange(n)) / length(0.4), 1)
    return dsp.room(stereo((modes(n, pairs, draw) + strike) * fade), draw, 1.2, 0.15)


def thunder(draw: np.random.Generator, of: Settings) -> Array:
    """A crack torn open, then rolling: low noise in overlapping claps that darken as they come from farther off."""
    total = of.get("seconds", 6.5)
    n = length(total)
    out = np.zeros((n, 2))
    claps = np.concatenate([[0.05], np.sort(draw.gamma(1.6, 1.1, 9))])
    for k, when in enumerate(claps[claps < total - 1]):
        corner = 2600 * np.exp(-when * 0.8) + 110
        piece = burst(draw, min(2.6, total - when), band(25, corner, 1, 0.5), 0.01 + 0.09 * (k > 0), 2.2)
        out += dsp.padded(np.concatenate([np.zeros((length(when), 2)), stereo(piece, draw.uniform(-0.6, 0.6))]), n) / (
            1 + 0.35 * k
        )
    crack = (
        burst(draw, 0.5, band(400, 7000, 1), 0.002, 0.25)
        * np.repeat(draw.uniform(0.1, 1, 60), length(0.5) // 60 + 1)[: length(0.5)]
    )
    out += dsp.padded(stereo(0.5 * crack), n) * of.get("crack", 1.0)
    return dsp.room(out * np.minimum((n - np.arange(n)) / length(1.2), 1)[:, None], draw, 2.5, 0.4, 1800)


def footsteps(draw: np.random.Generator, of: Settings) -> Array:
    """Heel and sole, step by step, no two alike. settings: count, period, hard (1 stone, 0 earth)."""
    count, period, hard = round(of.get("count", 5)), of.get("period", 0.56), of.get("hard", 0.6)
    total = count * period + 0.5
    out = np.zeros((length(total), 2))
    for k in range(count):
        tune = draw.uniform(0.92, 1.08)
        heel = modes(length(0.2), [(95 * tune, 1, 0.1), (190 * tune, 0.6, 0.07), (760 * tune, 0.3 * hard, 0.04)], draw)
        sole = burst(draw, 0.16, band(300, 1500 + 5000 * hard, 1, 0.3), 0.012, 0.09) * (0.35 - 0.15 * hard)
        grit = burst(draw, 0.06, band(1800, 8000, 1), 0.0006, 0.025) * 0.3 * hard
        step = late(heel * 0.5, 0, 0.4) + late(grit, 0, 0.4) + late(sole, 0.055, 0.4)
        when = k * period + draw.normal(0, 0.015) + 0.02
        start = length(max(when, 0))
        out[start : start + len(step)] += stereo(step * draw.uniform(0.75, 1.0), 0.12 * (-1) ** k)
    return dsp.room(out, draw, 0.5, 0.15 + 0.1 * hard)


def knock(draw: np.random.Generator, of: Settings) -> Array:
    """Knuckles on a wooden door."""
    count, out = round(of.get("count", 3)), np.zeros((length(0.28 * of.get("count", 3) + 0.7), 2))
    for k in range(count):
        tune = draw.uniform(0.97, 1.03)
        wood = [(128 * tune, 1, 0.14), (247 * tune, 0.8, 0.11), (452 * tune, 0.5, 0.08), (890 * tune, 0.3, 0.05)]
        hit = modes(length(0.35), wood, draw) + late(
            burst(draw, 0.03, band(800, 5000, 1), 0.0005, 0.012) * 0.5, 0, 0.35
        )
        start = length(0.24 * k + abs(draw.normal(0, 0.01)))
        out[start : start + len(hit)] += stereo(hit * draw.uniform(0.8, 1))
    return dsp.room(out, draw, 0.4, 0.2)


def door(draw: np.random.Generator, of: Settings) -> Array:
    """A door shut: the leaf's thump in its frame, the latch, and the room. `creak` lets the hinge speak first."""
    size, creaks = of.get("size", 1.0), of.get("creak", 0.0)
    start = 1.3 * creaks
    total = start + 1.2 * size
    wood = [
        (58 / size, 1, 0.35),
        (104 / size, 0.9, 0.3),
        (187 / size, 0.6, 0.2),
        (336 / size, 0.35, 0.13),
        (610, 0.2, 0.08),
    ]
    thump = (
        modes(length(0.8), wood, draw) * 0.5
        + late(burst(draw, 0.15, band(80, 1800, 1, 0.3), 0.001, 0.09), 0, 0.8) * 0.6
    )
    latch = modes(length(0.1), [(1900, 0.5, 0.05), (3300, 0.4, 0.04), (850, 0.4, 0.05)], draw) * 0.3
    out = late(thump, start + 0.05, total) + late(latch, start, total) + late(latch * 0.6, start + 0.11, total)
    if creaks:
        out = out + late(_creak(draw, start) * 0.4, 0, total)
    return dsp.room(stereo(out), draw, 0.6, 0.2)


def _creak(draw: np.random.Generator, total: float) -> Array:
    """Stick and slip of a dry hinge: a pulse train whose rate wanders, through the wood's resonances."""
    n = length(total)
    rate = 55 + 130 * dsp.drift(draw, n, 0.35) ** 2
    phase = np.cumsum(rate) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0) * draw.uniform(0.4, 1.0, n)
    wood = ((620, 9, 1.0), (1180, 12, 0.8), (2350, 10, 0.5))
    ringing = dsp.filtered(pulses, lambda f: sum((a * peak(c, q)(f) for c, q, a in wood), np.zeros(len(f))))
    out = unit(ringing) * np.sin(np.pi * np.arange(n) / n) ** 0.6
    return np.asarray(out / np.abs(out).max())


def creak(draw: np.random.Generator, of: Settings) -> Array:
    """A hinge or a board under weight."""
    return dsp.room(stereo(_creak(draw, of.get("seconds", 1.4))), draw, 0.5, 0.2)


def clink(draw: np.random.Generator, of: Settings) -> Array:
    """Glass touched by glass: a few thin modes that ring clear."""
    base, size = of.get("base", 2150.0), of.get("size", 1.0)
    ratios = ((1, 1, 1.1), (2.32, 0.6, 0.7), (4.25, 0.35, 0.4), (6.63, 0.2, 0.2), (1.53, 0.3, 0.5))
    one = modes(length(1.4), [(base * r / size, a, d) for r, a, d in ratios], draw)
    two = modes(length(1.3), [(base * 1.21 * r / size, 0.6 * a, 0.8 * d) for r, a, d in ratios], draw)
    return dsp.room(stereo(late(one, 0, 1.5), -0.15) + stereo(late(two, 0.013, 1.5), 0.2), draw, 0.8, 0.2, 8000)


def shatter(draw: np.random.Generator, of: Settings) -> Array:
    """Glass breaking: a crash, then dozens of pieces landing ever more sparsely."""
    out = dsp.padded(stereo(burst(draw, 0.3, band(1200, 14000, 1), 0.0008, 0.18)), length(2.2))
    for when in np.sort(draw.exponential(0.32, 70)):
        if when < 1.7:
            tone = draw.uniform(2400, 9500)
            piece = modes(length(0.25), [(tone, 1, 0.12), (tone * 1.61, 0.5, 0.08)], draw) * draw.exponential(0.25)
            start = length(when)
            out[start : start + len(piece)] += stereo(piece, draw.uniform(-0.9, 0.9)) * np.exp(-when)
    return dsp.room(out, draw, 0.6, 0.15, 9000)


def whoosh(draw: np.random.Generator, of: Settings) -> Array:
    """Something passing fast: a band of air that rises, falls, and crosses from left to right."""
    total = of.get("seconds", 1.1)
    n = length(total)
    t = seconds(n)
    hill = np.sin(np.pi * np.clip(t / total, 0, 1)) ** 2.5

    def gains(time: Array, f: Array) -> Array:
        centre = 300 + 2300 * np.sin(np.pi * np.clip(time / total, 0, 1)) ** 2
        return np.asarray(1 / (1 + (2.2 * np.log2(np.maximum(f, 20) / centre)) ** 2))

    air = dsp.sculpted(dsp.noise(draw, n, band(80, 9000, 1, 0.5)), gains) * hill[:, None]
    side = np.clip(t / total, 0, 1)
    return np.asarray(air * np.stack([np.cos(side * np.pi / 2), np.sin(side * np.pi / 2)], axis=1))


def splash(draw: np.random.Generator, of: Settings) -> Array:
    """A body into water: slap, cavity closing, and bubbles after."""
    size, total = of.get("size", 1.0), 2.0
    slap = burst(draw, 0.7, band(250 / size, 7000, 1, 0.3), 0.004, 0.45)
    plunge = burst(draw, 0.5, band(50, 300 / size, 1), 0.03, 0.35)
    out = stereo(late(slap, 0, total) * 0.8 + late(plunge, 0.05, total) * 0.7)
    for _bubble in range(40):
        when, tone, life = draw.gamma(2, 0.22), float(np.exp(draw.normal(6.2, 0.5))) / size, draw.uniform(0.02, 0.07)
        t = seconds(length(3 * life))
        wave = (
            np.sin(2 * np.pi * tone * (t + 2 * t**2))
            * np.exp(-2 * t / life)
            * np.minimum(t / 0.003, 1)
            * draw.exponential(0.2)
        )
        start = length(min(when, total - 0.3))
        out[start : start + len(wave)] += stereo(wave, draw.uniform(-0.6, 0.6))
    return out


def phone(draw: np.random.Generator, of: Settings) -> Array:
    """A bell telephone: two gongs struck twenty times a second, two seconds on."""
    total, rate = 2.6, 21.0
    out = np.zeros((length(total), 2))
    for k in range(int(2.0 * rate)):
        base = 1480 if k % 2 else 1720
        gong = modes(length(0.5), [(base, 1, 0.5), (base * 2.71, 0.5, 0.3), (base * 4.2, 0.25, 0.15)], draw)
        start = length(k / rate)
        out[start : start + len(gong)] += stereo(gong * draw.uniform(0.85, 1.0))
    return dsp.room(out, draw, 0.5, 0.2, 7000)


def beep(draw: np.random.Generator, of: Settings) -> Array:
    """An electronic signal: short tones with a speaker's edge."""
    count, base = round(of.get("count", 3)), of.get("base", 980.0)
    one = seconds(length(0.13))
    tone = np.sign(np.sin(2 * np.pi * base * one)) * np.minimum(np.minimum(one / 0.004, 1), (0.13 - one) / 0.006)
    row = np.concatenate(
        [np.concatenate([tone, np.zeros(length(0.12))]) for _ in range(count)] + [np.zeros(length(0.2))]
    )
    return dsp.room(stereo(dsp.filtered(row, band(350, 4200, 2))), draw, 0.3, 0.12)


def gunshot(draw: np.random.Generator, of: Settings) -> Array:
    """A blast: a step of pressure, its broad crack, and the landscape returning it."""
    n = length(2.4)
    crack = dsp.padded(burst(draw, 0.4, band(150, 9000, 1, 0.2), 0.0004, 0.14), n)
    boom = dsp.padded(burst(draw, 0.7, band(35, 220, 1), 0.002, 0.35), n)
    dry = stereo(crack + 0.9 * boom)
    return dsp.room(dry, draw, 1.9, 0.35, 3500)


def thud(draw: np.random.Generator, of: Settings) -> Array:
    """Something heavy and soft comes down."""
    size = of.get("size", 1.0)
    body = modes(length(0.7), [(52 / size, 1, 0.3), (88 / size, 0.7, 0.22), (151 / size, 0.3, 0.12)], draw)
    skin = late(burst(draw, 0.15, band(120, 1400, 1, 0.4), 0.002, 0.08) * 0.5, 0, 0.7)
    return dsp.room(stereo(dsp.padded(body + skin, length(1.2))), draw, 0.5, 0.18)


def boom(draw: np.random.Generator, of: Settings) -> Array:
    """An impact of the trailer kind, or an explosion with `debris`: a falling low tone under a dark burst."""
    n = length(4.0)
    t = seconds(n)
    tone = dsp.swept(34 + 46 * np.exp(-t / 0.18), [1, 0.3, 0.15]) * envelope(n, 0.004, 3.0)
    dark = dsp.padded(burst(draw, 3.0, band(30, 900, 1, 0.5), 0.003, 1.6), n)
    debris = dsp.filtered(dsp.sparks(draw, n, 60, 1.2), band(600, 6000, 1))[:, 0] * envelope(n, 0.2, 2.5)
    mix = tone + 0.8 * dark + of.get("debris", 0.0) * 0.4 * debris / max(float(np.abs(debris).max()), 1e-9)
    return dsp.room(stereo(mix * np.minimum((n - np.arange(n)) / length(0.8), 1)), draw, 2.2, 0.3, 2500)


def heartbeat(draw: np.random.Generator, of: Settings) -> Array:
    """Two thuds a beat, felt more than heard."""
    count, period = round(of.get("count", 4)), of.get("period", 0.95)
    out = np.zeros(length(count * period + 0.5))
    for k in range(count):
        for shift, level in ((0.0, 1.0), (0.3, 0.65)):
            beat = modes(length(0.35), [(47, 1, 0.25), (69, 0.6, 0.18), (118, 0.15, 0.08)], draw) * level
            start = length(k * period + shift)
            out[start : start + len(beat)] += beat
    return stereo(dsp.filtered(out, band(25, 300, 1)))


def breath(draw: np.random.Generator, of: Settings) -> Array:
    """One breath in and out, as air in a throat."""
    inward = burst(draw, 0.9, lambda f: band(400, 6000, 1, 0.3)(f) + peak(1700, 4)(f), 0.45, 1.2)
    out = burst(draw, 1.2, lambda f: band(250, 4000, 1, 0.4)(f) + peak(900, 4)(f), 0.25, 1.6)
    fade = np.hanning(2 * length(0.3))
    inward[-length(0.3) :] *= fade[length(0.3) :]
    out[-length(0.3) :] *= fade[length(0.3) :]
    return stereo(late(inward * 0.6, 0, 2.4) + late(out, 1.05, 2.4))


MAKERS: Mapping[str, Maker] = {
    maker.__name__: maker
    for maker in (
        switch,
        click,
        motor_down,
        motor_up,
        horn,
        bell,
        thunder,
        footsteps,
        knock,
        door,
        creak,
        clink,
        shatter,
        whoosh,
        splash,
        phone,
        beep,
        gunshot,
        thud,
        boom,
        heartbeat,
        breath,
    )
}
