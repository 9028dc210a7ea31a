"""Colour from words: one hue family, its neighbour and an accent, each a ramp from dark to light in OKLCH.

Sheets are painted in values; this is where they get their colour.
"""

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import numpy as np

from functions.animatic.values import Floats, encode, linear_of

ENTRIES: Final = 512
"""Steps of a ramp over L* 0..100."""
SURFACE_CHROMA: Final = 0.09
ACCENT_CHROMA: Final = 0.15
_NEUTRAL: Final = 0.022


@dataclass(frozen=True)
class Tint:
    """An OKLCH colour: hue in degrees, chroma, lightness (OKLab L)."""

    hue: float
    chroma: float
    light: float


@dataclass(frozen=True)
class Palette:
    """The hues of a film: `main` covers most of the picture, `near` lies beside it, `accent` is sparing."""

    main: Tint
    near: Tint
    accent: Tint
    paper: Tint

    @property
    def warm(self) -> bool:
        """The accent is a colour that a flame or a lamp could have."""
        return _apart(self.accent.hue, 62.0) < 50

    def ramps(self) -> tuple[Floats, Floats, Floats]:
        """sRGB code values (ENTRIES, 3) by L* for main, near and accent."""
        return (
            _ramp(self.main, self.paper, SURFACE_CHROMA),
            _ramp(self.near, self.paper, SURFACE_CHROMA),
            _ramp(self.accent, self.paper, ACCENT_CHROMA),
        )


@cache
def _tables() -> tuple[dict[str, Tint], dict[str, Tint], dict[str, float]]:
    raw = tomllib.loads(files("functions.animatic").joinpath("palette.toml").read_text("utf-8"))
    colours = {word: Tint(*value) for word, value in raw["colours"].items()}
    moods = {word: Tint(*value) for word, value in raw["moods"].items()}
    return colours, moods, raw["strength"]


def _from_hex(word: str) -> Tint | None:
    digits = word.lstrip("#")
    if len(digits) not in (3, 6) or not word.startswith("#") or not set(digits) <= set("0123456789abcdef"):
        return None
    wide = digits if len(digits) == 6 else "".join(d * 2 for d in digits)
    code = np.array([int(wide[k : k + 2], 16) / 255 for k in (0, 2, 4)], np.float64)
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    light, a, b = _LAB @ np.cbrt(_LMS @ linear)
    return Tint(float(np.degrees(np.arctan2(b, a)) % 360), float(np.hypot(a, b)), float(light))


def colour_named(word: str) -> Tint | None:
    """The tint of a colour word or of `#rrggbb`, None for a word that names no colour."""
    lowered = word.lower().strip()
    found = _from_hex(lowered)
    return found or next((_tables()[0][w] for w in reversed(lowered.split()) if w in _tables()[0]), None)


def _apart(a: float, b: float) -> float:
    return abs((a - b + 180.0) % 360.0 - 180.0)


def _of_place(place: str) -> Tint:
    """A hue for a place that no word colours: the same for the same id, for ever."""
    digest = hashlib.sha256(place.encode()).digest()
    return Tint(int.from_bytes(digest[:2]) * 360 / 65536, 0.055, 0.5)


def choose(named: Sequence[str], words: Sequence[str], place: str) -> Palette:
    """The palette of a shot.

    `named` are the storyboard's palette entries, `words` those of style, light and place in order of weight, `place`
    the place's id, which seeds the hue where nothing else says one.
    """
    colours, moods, strengths = _tables()
    told = [t for t in (colour_named(w) for w in named) if t]
    said = [colours[w] for w in words if w in colours]
    felt = [moods[w] for w in words if w in moods]
    factor = min([strengths[w] for w in words if w in strengths], default=1.0)
    factor = max(factor, 0.5) if told or len(said) > 1 else factor
    found = told or [*said, *felt]
    pale = next((t for t in [*told, *said] if t.light >= 0.85 and t.chroma <= 0.05), Tint(88.0, 0.02, 0.93))
    strong = [t for t in found if t is not pale and t.chroma >= _NEUTRAL]
    main = strong[0] if strong else (felt[0] if felt else _of_place(place))
    near = next((t for t in strong[1:] if _apart(t.hue, main.hue) < 75), None)
    far = [t for t in [*strong, *said, *felt] if _apart(t.hue, main.hue) >= 75]
    accent = max(far, key=lambda t: t.chroma, default=Tint(75.0 if _apart(main.hue, 75.0) > 45 else 235.0, 0.10, 0.7))
    near = near or Tint(_towards(main.hue, accent.hue, 28.0), main.chroma * 0.7, main.light)
    return Palette(_toned(main, factor), _toned(near, factor), accent, pale)


def _towards(hue: float, goal: float, step: float) -> float:
    """`hue` moved away from `goal` by `step` degrees, so that the accent keeps its distance."""
    side = (goal - hue + 180.0) % 360.0 - 180.0
    return float((hue - np.copysign(step, side)) % 360.0)


def _toned(tint: Tint, factor: float) -> Tint:
    return Tint(tint.hue, tint.chroma * factor, tint.light)


# OKLab (Ottosson 2020): linear sRGB -> LMS, cube-rooted LMS -> Lab, and their inverses.
_LMS: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LMS_INVERSE: Final = np.linalg.inv(_LMS)
_LAB_INVERSE: Final = np.linalg.inv(_LAB)


def oklch_to_linear(light: Floats, chroma: Floats, hue: float) -> Floats:
    """Linear sRGB (..., 3) of OKLCH; `hue` in degrees. Values outside 0..1 are out of gamut."""
    angle = np.radians(hue)
    lab = np.stack([light, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)
    return np.asarray(((lab @ _LAB_INVERSE.T) ** 3) @ _LMS_INVERSE.T, np.float32)


@lru_cache(maxsize=64)
def _ramp(tint: Tint, paper: Tint, limit: float) -> Floats:
    """A hue from dark to light: chroma swells in the mid values and gives way to the paper's warmth at the top."""
    lstar = np.linspace(0.0, 100.0, ENTRIES, dtype=np.float32)
    linear = linear_of(lstar)
    light = np.cbrt(linear).astype(np.float32)
    swell = 0.45 + 0.55 * np.sin(np.pi * np.clip(lstar / 105.0, 0.0, 1.0)) ** 0.8
    chroma = (min(tint.chroma, limit) * swell * (1.0 - 0.35 * np.clip((lstar - 70) / 30, 0, 1))).astype(np.float32)
    rgb = oklch_to_linear(light, chroma, tint.hue)
    for _ in range(8):
        outside = ((rgb < -1e-4) | (rgb > 1.0001)).any(axis=-1)
        chroma = np.where(outside, chroma * 0.85, chroma).astype(np.float32)
        rgb = oklch_to_linear(light, chroma, tint.hue)
    tip = np.clip((lstar - 78.0) / 22.0, 0.0, 1.0)[:, None] * 0.6
    rgb = rgb * (1 - tip) + oklch_to_linear(light, np.full_like(light, paper.chroma), paper.hue) * tip
    exact = linear / np.maximum(rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32), 1e-6)
    return encode(rgb * exact[:, None])
