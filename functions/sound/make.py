"""Layers to sound: makers called, distance and walls applied, loops tiled to length, levels set."""

from collections.abc import Iterator

import numpy as np

from functions.media.loudness import Loudness
from functions.sound import beds, dsp, hits
from functions.sound.dsp import RATE, Array
from functions.sound.prompt import Layer

BED_LUFS = -26.0
HIT_PEAK_DBFS = -8.0
FAINTEST = -90.0
"""LUFS below which a bed is too short to be measured."""
BED_PEAK = -3.1
"""dBFS of a bed's highest sample."""
UNMEASURED = -40.0
"""dB that a bed is lowered which cannot be measured."""
LOOP_S = 20.0
"""Longest loop that is synthesised; longer beds repeat it."""
SEAM_S = 0.05
CREST = 6.0
"""How far a bed's peaks may stand above its RMS: 15.6 dB."""


def settings(layer: Layer) -> dict[str, float]:
    """What the maker is told: the entry's own settings, scaled by the describing words."""
    told = {"size": layer.size, "heavy": layer.size if layer.sound.make == "clockwork" else layer.strong}
    told |= layer.sound.settings
    if "base" in told:
        told["base"] /= layer.size
    if layer.rate != 1.0:
        usual = {"clockwork": 0.85, "footsteps": 0.56, "sea": 7.5, "heartbeat": 0.95}
        told["period"] = told.get("period", usual.get(layer.sound.make, 1.0)) / layer.rate
    return told


def distance(x: Array, draw: np.random.Generator, layer: Layer) -> Array:
    """The sound from as far off as was said and through what stands between: treble lost to the air and to walls,
    more of it reverberation, narrower and weaker.
    """
    out = x
    if layer.far > 0.2:
        out = dsp.filtered(out, dsp.band(20, 5200 / (1 + layer.far) ** 2.1, 1))
        out = dsp.room(out, draw, 1.2 + 1.3 * layer.far, min(0.75, 0.32 * layer.far), 2600 / (1 + 0.4 * layer.far))
        narrow = out.mean(axis=1, keepdims=True)
        out = narrow + (out - narrow) / (1 + 0.4 * layer.far)
    if layer.cut < 20_000:
        out = dsp.filtered(out, dsp.band(10, layer.cut, 1))
    return out


def loop(layer: Layer, n: int, draw: np.random.Generator) -> Array:
    """A seamless loop of n samples of one layer, at an RMS that balances layers."""
    if layer.sound.kind == "bed":
        made = beds.MAKERS[layer.sound.make](n, draw, settings(layer))
    else:
        made = scattered(layer, n, draw)
    return dsp.unit(distance(made, draw, layer)) * 10 ** (layer.gain_db / 20)


def scattered(layer: Layer, n: int, draw: np.random.Generator) -> Array:
    """A single sound as an ambience: heard now and then."""
    maker = hits.MAKERS[layer.sound.make]
    count = max(1, round(n / RATE / 7))
    times = (np.arange(count) + draw.uniform(0.1, 0.6, count)) * n / RATE / count
    return dsp.placed(n, [(float(when), maker(draw, settings(layer))) for when in times])


def hit(layer: Layer, n: int, draw: np.random.Generator) -> Array:
    """One sound once, peak 1, with silence behind it for its reverberation; a bed swells in and out over n samples."""
    if layer.sound.kind == "bed":
        made = loop(layer, n, draw)
        ramp = np.minimum(np.minimum(np.arange(n), n - np.arange(n)) / (0.3 * RATE), 1.0)
        made = made * np.sin(ramp * np.pi / 2)[:, None]
    else:
        dry = hits.MAKERS[layer.sound.make](draw, settings(layer))
        tail = round(RATE * (0.3 + (1.2 + 1.3 * layer.far if layer.far > 0.2 else 0.0)))
        made = distance(dsp.padded(dry, -(-(len(dry) + tail) // 480) * 480), draw, layer)
    return made / max(float(np.abs(made).max()), 1e-9)


def tiled(x: Array, n: int) -> Iterator[Array]:
    """A loop repeated to n samples that again meet their beginning: the last 50 ms cross into the right phase."""
    seam = min(round(SEAM_S * RATE), n) if n % len(x) else 0
    for start in range(0, n, len(x)):
        block = x[: n - start]
        place = np.arange(max(start, n - seam), start + len(block))
        if len(place):
            into = ((place - (n - seam) + 1) / (seam + 1))[:, None] * (np.pi / 2)
            block = block.copy()
            block[place - start] = block[place - start] * np.cos(into) + x[(place - n) % len(x)] * np.sin(into)
        yield block


def loop_length(n: int) -> int:
    """Samples of the loop that is synthesised for n: a whole part of n that transforms quickly where there is one."""
    fewest = -(-n // round(LOOP_S * RATE))
    whole = (n // k for k in range(fewest, fewest + 6) if n % k == 0 and dsp.smooth(n // k))
    return next(whole, n // fewest // 480 * 480 or n)


def bed(layers: tuple[Layer, ...], n: int, draw: np.random.Generator) -> Iterator[Array]:
    """All layers as one seamless bed of exactly n samples, of any level."""
    period = loop_length(n)
    mixed: Array = np.zeros((period, 2))
    for position, layer in enumerate(layers):
        mixed += loop(layer, period, draw) * max(0.5, 1 - 0.3 * position)
    return tiled(dsp.softened(mixed, CREST), n)


def bed_gain(heard: Loudness) -> float:
    """dB that bring a bed to -26 LUFS under its highest peak."""
    wanted = BED_LUFS - heard.integrated if heard.integrated > FAINTEST else UNMEASURED
    return min(wanted, BED_PEAK - heard.peak)


def hits_together(layers: tuple[Layer, ...], n: int, draw: np.random.Generator) -> Array:
    """All layers at once, at most n samples, peak -8 dBFS (quieter where the words say so), silence after it cut."""
    made = [hit(layer, n, draw) * 10 ** ((layer.gain_db - 5 * layer.far) / 20) for layer in layers]
    longest = max(map(len, made))
    mixed = sum((dsp.padded(x, longest) for x in made), np.zeros((longest, 2)))
    level = max(10 ** (min(0.0, layer.gain_db - 5 * layer.far) / 20) for layer in layers)
    mixed *= level * 10 ** (HIT_PEAK_DBFS / 20) / max(float(np.abs(mixed).max()), 1e-9)
    heard = np.flatnonzero(np.abs(mixed).max(axis=1) > 2e-5)
    out = mixed[: min(n, int(heard[-1]) + 1)].copy()
    fade = min(round(0.05 * RATE), len(out))
    out[-fade:] *= np.linspace(1, 0, fade)[:, None]
    return out
