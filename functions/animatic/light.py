"""Light over time: how far the lamp burns, beams that sweep, what falls through the air, how the exposure breathes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from functions.animatic.camera import Path, State
from functions.animatic.canvas import Roi, View
from functions.animatic.noise import clouds, generator, sample
from functions.animatic.palette import ENTRIES, Palette
from functions.animatic.planes import Tile, dither_tile, tiled, yuv_of
from functions.animatic.raster import Bytes, Picture
from functions.animatic.render import Matrix
from functions.animatic.scene import Scene
from functions.animatic.values import Floats, smooth

Level = Callable[[float], float]
PASS_SECONDS: Final = 5.2
BEAM_SECONDS: Final = 9.0
_BEAM_LINES: Final = 5


def lamp_level(scene: Scene, seconds: float) -> Level:
    """How far the lamp burns (0..1) at a moment of a clip of `seconds`."""
    if scene.change == "drain":
        start = 0.42 * seconds
        return lambda t: 1.0 if t < start else math.exp(-(t - start) / 0.45)
    if scene.change == "wake":
        return lambda t: 0.35 + 0.65 * _rise((t - 0.1 * seconds) / 1.4)
    if scene.change == "pass" and scene.interior:
        return lambda t: 0.28 + 0.72 * (0.5 + 0.5 * math.cos(2 * math.pi * (t + 0.35) / PASS_SECONDS)) ** 1.5
    return lambda t: 1.0


def _rise(u: float) -> float:
    x = min(max(u, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def changes(scene: Scene) -> bool:
    """True where the lamp's level moves within the shot."""
    return scene.change in ("drain", "wake") or (scene.change == "pass" and scene.interior)


def exposure(scene: Scene, seed: int) -> Level:
    """Gain of the whole frame: a slow swing of 1.5 %, livelier by firelight. Exactly 1 at the start."""
    a, b = generator(seed, 21).random(2) * 0.6
    if scene.flickers:
        return lambda t: (
            1.0
            + 0.020 * math.sin(7.1 * t + a * math.sin(3.3 * t)) * math.sin(1.7 * t)
            + 0.012 * math.sin(12.7 * t + b * t)
        )
    return lambda t: 1.0 + 0.015 * math.sin(2 * math.pi * (0.11 + 0.03 * a) * t) * math.sin(0.31 * t + 0.5)


def colour_at(palette: Palette, value: float, accent: float) -> Floats:
    """YUV codes of a value, this far over to the accent hue."""
    index = int(min(max(value, 0.0), 100.0) / 100 * (ENTRIES - 1))
    main, _, warm = palette.ramps()
    return yuv_of(main[index] * (1 - accent) + warm[index] * accent)


@dataclass
class Beam:
    """A lighthouse's beam seen from aside: it turns about the tower, long when it crosses the picture, broad and
    short when it comes at us. `origin` is in world units."""

    origin: tuple[float, float]
    parallax: float
    view: View
    palette: Palette
    level: Level
    seed: int
    strength: float = 0.95
    _drawn: tuple[float, Tile] | None = field(default=None, repr=False)

    @cached_property
    def _small(self) -> View:
        return View(self.view.aspect, self.view.height // _BEAM_LINES, self.view.margin_x, self.view.margin_y)

    @cached_property
    def _colour(self) -> Floats:
        return colour_at(self.palette, 86.0, 0.85)

    @cached_property
    def _grid(self) -> tuple[Floats, Floats]:
        view = self._small
        return view.columns() - self.origin[0], view.rows() - self.origin[1]

    def tile(self, moment: float) -> Tile:
        """The beam at this moment."""
        if self._drawn is None or self._drawn[0] != moment:
            cover = self._pixels(moment)
            rows = np.flatnonzero(cover.max(axis=1) > 1)
            top, bottom = (int(rows[0]) // 2 * 2, int(rows[-1]) // 2 * 2 + 2) if len(rows) else (0, 2)
            roi = Roi(top, bottom, 0, cover.shape[1])
            self._drawn = moment, Tile(self._small, roi, of_one_colour(cover[top:bottom], self._colour), None, False)
        return self._drawn[1]

    def weight(self, moment: float) -> float:
        """Drawn anew each time."""
        return 0.0

    def place(self, path: Path, state: State, moment: float) -> Matrix:
        """With the tower."""
        return path.matrix(state, self.parallax)

    def _pixels(self, t: float) -> Bytes:
        phase = 2 * math.pi * t / BEAM_SECONDS + math.pi * 0.93
        strength = np.zeros(self._small.shape, np.float32)
        for turn in (0.0, math.pi):
            strength += self._ray(phase + turn) * (1.0 if turn == 0 else 0.55)
        flash = max(abs(math.sin(phase)) ** 24 * (1.0 if math.sin(phase) > 0 else 0.5), 0.0)
        dx, dy = self._grid
        strength += (0.10 + 0.9 * flash) / (1.0 + (dx * dx + dy * dy) / 0.0011) ** (1.15 - 0.35 * flash)
        return self._cover(strength * self.level(t), t)

    def _ray(self, phase: float) -> Floats:
        """Light along one direction: wider the more it points at us, thinned by distance."""
        across, towards = math.cos(phase), math.sin(phase)
        dx, dy = self._grid
        reach = max(abs(across), 0.03)
        along = dx * math.copysign(1.0, across)
        centre = dy - along * 0.035 / reach * (0.4 + 0.6 * max(towards, 0.0))
        width = 0.0085 + np.maximum(along, 0.0) * (0.055 + 0.05 * (1 - reach) ** 2) / reach**0.5
        body = np.exp(-((centre / width) ** 2)) * smooth(0.0, 0.012, np.asarray(along, np.float32))
        fade = 1.0 / (1.0 + np.maximum(along, 0.0) / (0.62 * reach)) ** 1.25
        gain = 0.62 + 0.3 * max(towards, 0.0) - 0.25 * max(-towards, 0.0)
        return np.asarray(body * fade * gain * reach**0.35, np.float32)

    def _cover(self, strength: Floats, t: float) -> Bytes:
        """Coverage codes."""
        haze = sample(clouds(self.seed), (t * 0.012, t * 0.012 + 1.1), (0.0, 0.5), strength.shape)
        alpha = np.clip(strength * (0.86 + 0.14 * haze) * self.strength, 0.0, 0.94) * 255
        rows, columns = strength.shape
        alpha += tiled(dither_tile(), rows, columns)
        return np.asarray(np.clip(alpha + 0.5, 0, 255), np.uint8)


def of_one_colour(cover: Bytes, colour: Floats) -> Picture:
    """Premultiplied picture of one YUV colour from its coverage codes."""
    rows, columns = cover.shape
    half = np.asarray(cv2.resize(cover, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA), np.uint8)
    y, u, v = (
        np.asarray(cv2.convertScaleAbs(c, alpha=float(code) / 255), np.uint8)
        for c, code in zip((cover, half, half), colour, strict=True)
    )
    return Picture(y, u, v, cover, half)
