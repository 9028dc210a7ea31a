"""What every motif draws with: the view, the pen, the scene's values and a few brushes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from functions.animatic import noise
from functions.animatic.canvas import Mask, Pen, Points, Roi, Sheet, View, spline
from functions.animatic.planes import Plane
from functions.animatic.scene import Scene
from functions.animatic.values import Floats, smooth

Outline = Sequence[Sequence[float]]


@dataclass
class Setting:
    """One background being drawn.

    `horizon` is its world y, `metres` what one world unit measures at the background's distance, `unit` one delivery
    pixel at 720 lines in world units.
    """

    scene: Scene
    view: View
    horizon: float
    metres: float
    planes: list[Plane] = field(default_factory=list)
    lamps: list[tuple[float, float, float]] = field(default_factory=list)
    """Light sources seen: x, y, reach, in world units."""
    unit: float = 1 / 720

    @cached_property
    def pen(self) -> Pen:
        """Draws with this place's hand."""
        return Pen(self.view, self.scene.place_seed)

    @property
    def tones(self) -> dict[str, float]:
        """The key's values."""
        return self.scene.tones

    @property
    def half(self) -> tuple[float, float]:
        """Half extents of what is painted."""
        return self.view.half

    def rng(self, *path: int) -> np.random.Generator:
        """Luck of this place."""
        return noise.generator(self.scene.place_seed, *path)

    def plane(self, name: str, parallax: float, value: float | None = None, life: str = "", blur: float = 0.0) -> Sheet:
        """Start a plane; later ones lie in front of earlier ones of the same parallax."""
        sheet = Sheet(self.view, value)
        self.planes.append(Plane(name, parallax, sheet, blur, life=life))
        return sheet

    def clouds(self, roi: Roi, period: tuple[float, float], shift: float = 0.0) -> Floats:
        """Fractal noise, deviation 1, over `roi`."""
        return self.view.noise(noise.clouds(self.scene.place_seed), roi, period, shift)

    def bristle(self, roi: Roi, period: tuple[float, float], shift: float = 0.0) -> Floats:
        """Fine noise, deviation 1, over `roi`."""
        return self.view.noise(noise.bristle(self.scene.place_seed), roi, period, shift)

    def below(self, y: float, soft: float = 0.002) -> Mask:
        """Everything under a level line."""
        rows = smooth(y - soft, y + soft, self.view.rows())
        return self.cut(Mask(self.view.everything, np.repeat(rows, self.view.shape[1], axis=1)))

    @staticmethod
    def cut(mask: Mask) -> Mask:
        """The mask without the rows where it covers nothing."""
        rows = np.flatnonzero(mask.cover.max(axis=1) > 0.0)
        if not len(rows):
            return Mask(Roi(0, 0, 0, 0), mask.cover[:0])
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        roi = Roi(mask.roi.top + top, mask.roi.top + bottom, mask.roi.left, mask.roi.right)
        return Mask(roi, mask.cover[top:bottom])

    def under(self, ridge: Points, rough: float = 1.5, feather: float = 1.2) -> Mask:
        """Everything under a ridge line drawn from left to right (world points)."""
        low = self.half[1] + 0.05
        outline = np.vstack([[[ridge[0][0], low]], ridge, [[ridge[-1][0], low]]])
        return self.pen.fill(outline, rough, feather)

    def ridge(self, y: float, height: float, seed: int, detail: float = 1.5, step: float = 0.02) -> Points:
        """A natural skyline about level `y`, `height` high, the same wherever the view ends."""
        left = np.floor((-self.half[0] - 0.1) / step) * step
        xs = np.arange(left, self.half[0] + 0.1, step)
        total, weight, wave = np.zeros_like(xs), 1.0, 1.1
        for octave in range(6):
            phase = self.rng(seed, octave).random(2) * 6.28
            total += weight * (np.sin(xs * wave * 2.1 + phase[0]) + 0.6 * np.sin(xs * wave * 3.7 + phase[1]))
            weight, wave = weight / (1 + detail * 0.55), wave * 1.9
        return np.stack([xs, y - height * (0.5 + 0.32 * total)], axis=1)

    def wash(self, mask: Mask, value: Floats | float, edge: float = 4.0, mottle: float = 2.0, **hues: float) -> "Wash":
        """A brushful of paint: pigment gathers at its edges and granulates within. Values in L*."""
        return Wash(self, mask, value, edge, mottle, hues)

    def glow(self, sheet: Sheet, at: tuple[float, float], reach: float, amount: float, lit: bool = True) -> None:
        """Light around a point, falling off softly; `amount` in L* at its centre."""
        view = self.view
        dx, dy = view.columns()[:, ::8] - at[0], view.rows()[::8] - at[1]
        small = (1.0 / (1.0 + (dx * dx + dy * dy) / (reach * reach / 6)) ** 1.5).astype(np.float32)
        fall = np.asarray(cv2.resize(small, (view.shape[1], view.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
        warm = 0.7 * self.scene.warmth if lit or self.scene.lamp else 0.0
        sheet.lift(Mask(view.everything, fall), amount, accent=warm, lit=lit)

    def blob(self, outline: Outline, rough: float = 1.5, feather: float = 1.2) -> Mask:
        """A closed spline, filled."""
        return self.pen.fill(spline(outline), rough, feather)

    def box(self, left: float, top: float, right: float, bottom: float, rough: float = 0.6) -> Mask:
        """A rectangle with a hand-drawn edge."""
        return self.pen.fill(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), rough, 0.8)


@dataclass(frozen=True)
class Wash:
    """Paint about to be laid on a sheet."""

    setting: Setting
    mask: Mask
    value: Floats | float
    edge: float
    mottle: float
    hues: dict[str, float]

    def on(self, sheet: Sheet) -> None:
        """Lay it."""
        mask, unit = self.mask, self.setting.view.scale / 720
        if mask.roi.empty:
            return
        pooled = np.asarray(cv2.blur(mask.cover, (int(9 * unit) | 1, int(9 * unit) | 1)), np.float32)
        value = self.value - self.edge * (1.0 - pooled)
        if self.mottle:
            value = value + self.mottle * (
                0.7 * self.setting.clouds(mask.roi, (0.9, 0.9)) + 0.45 * self.setting.bristle(mask.roi, (0.5, 0.5))
            )
        sheet.paint(mask, np.asarray(value, np.float32), **self.hues)
