"""Rain and snow: sheets of drops at three depths, drawn once, that move past the camera and start over unseen."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from functions.animatic.camera import Path, State
from functions.animatic.light import colour_at
from functions.animatic.noise import generator
from functions.animatic.raster import Axis, Bytes, Canvas, cut
from functions.animatic.scene import Scene
from functions.animatic.values import Floats

_DEPTHS: Final = ((0.8, 0.6, 260), (1.3, 1.0, 130), (1.8, 1.7, 46))
"""Parallax, size and number of drops over a frame and a third (16:9) of each sheet, from far to near."""


@dataclass(frozen=True)
class Sheet:
    """Coverage of one depth's drops, over two periods each way. `speed` in world units a second."""

    cover: Bytes
    parallax: float
    speed: float
    sway: float


@dataclass(frozen=True)
class Falling:
    """All that falls in a shot."""

    sheets: tuple[Sheet, ...]
    colour: Floats
    height: int
    wind: float
    rain: bool

    def over(self, canvas: Canvas, path: Path, state: State, moment: float, origin: tuple[int, int]) -> None:
        """Lay the drops over a canvas. Rain moves by whole pixels and takes the hue of what is behind it."""
        rows, columns = canvas.y.shape
        cover = np.zeros((rows, columns), np.uint8)
        for sheet in self.sheets:
            x, y = self._offset(sheet, path, state, moment, origin)
            part = cut(sheet.cover, Axis(1.0, x), Axis(1.0, y), (0, 0, columns, rows))
            cv2.add(cover, part, dst=cover)
        _tinted(canvas.y, cover, float(self.colour[0]))
        if not self.rain:
            half = np.asarray(cv2.resize(cover, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA), np.uint8)
            _tinted(canvas.u, half, float(self.colour[1]))
            _tinted(canvas.v, half, float(self.colour[2]))

    def _offset(
        self, sheet: Sheet, path: Path, state: State, moment: float, origin: tuple[int, int]
    ) -> tuple[float, float]:
        """Where in the sheet the canvas begins, in pixels."""
        shift = path.matrix(state, sheet.parallax)[:, 2]
        fallen = sheet.speed * moment
        aside = self.wind * fallen + sheet.sway * math.sin(math.tau * moment * sheet.speed)
        x, y = (shift - (aside, fallen)) * self.height - origin
        x, y = x % (sheet.cover.shape[1] // 2), y % (sheet.cover.shape[0] // 2)
        return (math.floor(x), math.floor(y)) if self.rain else (float(x), float(y))


def _tinted(plane: Bytes, cover: Bytes, code: float) -> None:
    """Lay a code over a plane in place."""
    cv2.multiply(plane, cv2.bitwise_not(cover), dst=plane, scale=1 / 255)
    cv2.add(plane, cv2.convertScaleAbs(cover, alpha=code / 255), dst=plane)


def falling(scene: Scene, size: tuple[int, int], seed: int) -> list[Falling]:
    """The rain or snow that the words ask for, over a canvas of `size` (rows, columns) of the frame's pixels."""
    kinds = [kind for kind in ("rain", "snow") if kind in scene.weather]
    if not kinds:
        return []
    rain = kinds[0] == "rain"
    wind = 0.10 if rain else 0.25
    sheets = []
    for number, (parallax, width, count) in enumerate(_DEPTHS):
        speed = (2.6 if rain else 0.16) * (0.6 + 0.4 * width)
        cover = _drops(size, (width, count), rain, wind, generator(seed, 51, number))
        sheets.append(Sheet(cover, parallax, speed, 0.0 if rain else 0.012 * width))
    colour = colour_at(scene.palette, min(scene.tones["light"] + 4, 94), 0.0)
    return [Falling(tuple(sheets), colour, size[0], wind, rain)]


def _drops(size: tuple[int, int], kind: tuple[float, int], rain: bool, wind: float, rng: np.random.Generator) -> Bytes:
    """Streaks or flakes over a period a little larger than the frame, then the same again each way."""
    (rows, columns), (width, count) = size, kind
    tall, wide = rows * 9 // 8 // 2 * 2, (columns + rows // 4) // 2 * 2
    cover = np.zeros((tall, wide), np.uint8)
    for x, y, z in rng.random((count, 3)):
        length = 0.055 * width * (0.7 + 0.6 * z) * rows
        for lap_x in (-wide, 0):
            for lap_y in (-tall, 0, tall):
                at = (x * wide + lap_x, y * tall + lap_y)
                if rain:
                    _streak(cover, at, (wind * length, length), int(40 + 46 * z), width * rows)
                else:
                    radius = max(round(0.0026 * width * (0.7 + 0.6 * z) * rows * 16), 16)
                    at16 = (round(at[0] * 16), round(at[1] * 16))
                    cv2.circle(cover, at16, radius, int(120 + 110 * z), -1, cv2.LINE_AA, 4)
    border = 8
    wrapped = cv2.copyMakeBorder(cover, border, border, border, border, cv2.BORDER_WRAP)
    soft = cv2.GaussianBlur(wrapped, (0, 0), (0.4 + width * (0.4 if rain else 0.6)) * 0.8)
    return np.tile(np.asarray(soft, np.uint8)[border:-border, border:-border], (2, 2))


def _streak(cover: Bytes, at: tuple[float, float], reach: tuple[float, float], code: int, size: float) -> None:
    tip = (round((at[0] + reach[0]) * 16), round((at[1] + reach[1]) * 16))
    thick = max(round(0.0014 * size), 1)
    cv2.line(cover, (round(at[0] * 16), round(at[1] * 16)), tip, code, thick, cv2.LINE_AA, 4)
