"""Where paint goes: a view of the world in pixels, masks of shapes, and sheets that hold values.

World units are frame heights, origin at the frame's centre, y down: the frame spans -0.5..0.5 vertically.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from functions.animatic import noise
from functions.animatic.values import Floats

Points = npt.NDArray[np.float64]
_FULL: Final = 0.9999
"""Coverage from which there is nothing left to cover."""
_SUB: Final = 4  # fractional bits of cv2 polygon coordinates


@dataclass(frozen=True)
class View:
    """A window on the world: `aspect` frame widths a height, plus margins (world units) on each side.

    `oversample` is how many pixels of paint a delivery pixel has: as many as the closest moment of the move needs.
    """

    aspect: float
    height: int
    margin_x: float = 0.0
    margin_y: float = 0.0
    oversample: float = 1.0

    @property
    def scale(self) -> float:
        """Pixels of paint a world unit."""
        return self.height * self.oversample

    @property
    def half(self) -> tuple[float, float]:
        """Half extents in world units, margins included; whole pixels."""
        rows, columns = self.shape
        return columns / 2 / self.scale, rows / 2 / self.scale

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of paint."""
        rows = 2 * round((0.5 + self.margin_y) * self.scale)
        columns = 2 * round((self.aspect / 2 + self.margin_x) * self.scale)
        return rows, columns

    def pixels(self, points: Points) -> Points:
        """Pixel positions of world points (n, 2)."""
        return np.asarray((points + np.array(self.half)) * self.scale, np.float64)

    def rows(self, roi: "Roi | None" = None) -> Floats:
        """World y of each row, as a column."""
        top, bottom = (roi.top, roi.bottom) if roi else (0, self.shape[0])
        return ((np.arange(top, bottom, dtype=np.float32) + 0.5) / self.scale - self.half[1])[:, None]

    def columns(self, roi: "Roi | None" = None) -> Floats:
        """World x of each column, as a row."""
        left, right = (roi.left, roi.right) if roi else (0, self.shape[1])
        return ((np.arange(left, right, dtype=np.float32) + 0.5) / self.scale - self.half[0])[None, :]

    @property
    def everything(self) -> "Roi":
        """All of the view."""
        return Roi(0, self.shape[0], 0, self.shape[1])

    def noise(self, tile: Floats, roi: "Roi", period: tuple[float, float], shift: float = 0.0) -> Floats:
        """A noise tile over `roi`; `period` is the world size of one tile (x, y)."""
        x0 = (roi.left / self.scale - self.half[0]) / period[0] + shift
        y0 = (roi.top / self.scale - self.half[1]) / period[1] + shift * 1.7
        x1 = x0 + (roi.right - roi.left) / self.scale / period[0]
        y1 = y0 + (roi.bottom - roi.top) / self.scale / period[1]
        return noise.sample(tile, (x0, x1), (y0, y1), (roi.bottom - roi.top, roi.right - roi.left))


@dataclass(frozen=True)
class Roi:
    """A rectangle of pixels; `bottom` and `right` are exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index into an array of the view."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def joined(self, other: "Roi") -> "Roi":
        """The least rectangle that holds both."""
        if self.empty or other.empty:
            return other if self.empty else self
        top, bottom = min(self.top, other.top), max(self.bottom, other.bottom)
        return Roi(top, bottom, min(self.left, other.left), max(self.right, other.right))

    @property
    def empty(self) -> bool:
        """True where nothing of it lies in the view."""
        return self.bottom <= self.top or self.right <= self.left


@dataclass(frozen=True)
class Mask:
    """Coverage 0..1 of a shape over its rectangle."""

    roi: Roi
    cover: Floats

    def times(self, factor: Floats | float) -> "Mask":
        """This shape, thinned."""
        return Mask(self.roi, np.asarray(self.cover * factor, np.float32))


def grown(mask: Mask, by: int, view: View) -> Mask:
    """The mask on a rectangle larger by `by` pixels on each side, as far as the view goes."""
    roi, (rows, columns) = mask.roi, view.shape
    wide = Roi(max(roi.top - by, 0), min(roi.bottom + by, rows), max(roi.left - by, 0), min(roi.right + by, columns))
    edges = ((roi.top - wide.top, wide.bottom - roi.bottom), (roi.left - wide.left, wide.right - roi.right))
    return Mask(wide, np.pad(mask.cover, edges))


def spline(points: Sequence[Sequence[float]] | Points, closed: bool = True, steps: int = 10) -> Points:
    """A Catmull-Rom curve through the points, `steps` samples a span."""
    p = np.asarray(points, np.float64)
    if not closed:
        p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    spans = len(p) if closed else len(p) - 3
    first = np.arange(spans) - (1 if closed else 0)
    a, b, c, d = (p[(first + k) % len(p)][:, None, :] for k in range(4))
    t = (np.arange(steps) / steps)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    flat = curve.reshape(-1, 2)
    return np.asarray(flat if closed else np.vstack([flat, p[-2]]), np.float64)


def taper(points: Points, widths: Sequence[float]) -> Points:
    """The outline of a round-ended stroke along `points` whose full width runs through `widths` (world units)."""
    along = np.linspace(0.0, 1.0, len(points))
    half = np.interp(along, np.linspace(0.0, 1.0, len(widths)), widths)[:, None] / 2
    tangent = np.gradient(points, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T)[:, None], 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 7)[1:-1, None]
    start = points[0] - (np.cos(turn) * tangent[0] - np.sin(turn) * normal[0]) * half[0]
    end = points[-1] + (np.cos(turn) * tangent[-1] - np.sin(turn) * normal[-1]) * half[-1]
    return np.asarray(np.vstack([start, points + normal * half, end, (points - normal * half)[::-1]]), np.float64)


def _dense(points: Points, step: float) -> Points:
    """The closed outline with a vertex at least every `step` pixels."""
    closed = np.vstack([points, points[:1]])
    lengths = np.hypot(*np.diff(closed, axis=0).T)
    position = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(int(position[-1] / step), 8)
    at = np.linspace(0.0, position[-1], count, endpoint=False)
    return np.stack([np.interp(at, position, closed[:, k]) for k in (0, 1)], axis=1)


class Pen:
    """Turns outlines into masks of a view, with a hand's small wander on each edge."""

    def __init__(self, view: View, seed: int) -> None:
        self.view = view
        self._wander = noise.clouds(seed)

    def _roughen(self, pixels: Points, amount: float) -> Points:
        """Displace each vertex by noise that depends on where it lies; `amount` in delivery pixels at 720 lines."""
        unit = self.view.scale / 720
        dense = _dense(pixels, 4.0 * unit)
        at = ((dense / self.view.scale - np.array(self.view.half)) * 900).astype(np.int64)
        size = self._wander.shape[0]
        dx = self._wander[at[:, 1] % size, at[:, 0] % size]
        dy = self._wander[at[:, 0] % size, (at[:, 1] + 137) % size]
        wander = np.clip(np.stack([dx, dy], axis=1), -1.5, 1.5)
        return np.asarray(dense + wander * (amount * unit / 1.5), np.float64)

    def fill(self, outline: Points, rough: float = 1.5, feather: float = 1.2) -> Mask:
        """The inside of a closed outline. `feather` is the blur in delivery pixels at 720 lines."""
        pixels = self.view.pixels(np.asarray(outline, np.float64))
        if rough:
            pixels = self._roughen(pixels, rough)
        sigma = feather * self.view.scale / 720 / 2
        pad = int(np.ceil(3 * sigma)) + 2
        rows, columns = self.view.shape
        low, high = np.floor(pixels.min(axis=0)) - pad, np.ceil(pixels.max(axis=0)) + pad
        roi = Roi(
            int(np.clip(low[1], 0, rows)),
            int(np.clip(high[1], 0, rows)),
            int(np.clip(low[0], 0, columns)),
            int(np.clip(high[0], 0, columns)),
        )
        if roi.empty:
            return Mask(Roi(0, 0, 0, 0), np.zeros((0, 0), np.float32))
        cover = np.zeros((roi.bottom - roi.top, roi.right - roi.left), np.uint8)
        fixed = np.round((pixels - (roi.left, roi.top)) * (1 << _SUB) - (1 << (_SUB - 1))).astype(np.int32)
        cv2.fillPoly(cover, [fixed], 255, cv2.LINE_AA, _SUB)
        made = cover.astype(np.float32) * (1 / 255)
        if sigma > 0.3:
            made = np.asarray(cv2.GaussianBlur(made, (0, 0), sigma), np.float32)
        return Mask(roi, made)

    def stroke(self, points: Points, widths: Sequence[float], rough: float = 0.8, feather: float = 0.8) -> Mask:
        """A brush stroke along an open curve; `widths` in world units."""
        return self.fill(taper(points, widths), rough, feather)


class Sheet:
    """One plane while it is painted: per pixel value (L*), accent and neighbour hue weights, coverage, and how much
    L* the key lamp adds (`lit`). Nothing is painted outside `roi`."""

    def __init__(self, view: View, value: float | None = None) -> None:
        shape = view.shape
        self.view = view
        self.value: Floats = np.zeros(shape, np.float32) if value is None else np.full(shape, value, np.float32)
        self.accent: Floats = np.zeros(shape, np.float32)
        self.near: Floats = np.zeros(shape, np.float32)
        self.lit: Floats = np.zeros(shape, np.float32)
        self.alpha: Floats = np.zeros(shape, np.float32) if value is None else np.ones(shape, np.float32)
        self.roi = Roi(0, 0, 0, 0) if value is None else view.everything
        self.own: Floats | None = None
        """Cb, Cr and their share (3, rows, columns), where something keeps colour of its own."""

    def paint(
        self,
        mask: Mask,
        value: Floats | float,
        accent: Floats | float = 0.0,
        near: float = 0.0,
        lit: Floats | float = 0.0,
    ) -> None:
        """Lay paint over the sheet where `mask` covers. `value` in L*, hue weights 0..1."""
        if mask.roi.empty:
            return
        fresh = self.roi.empty
        self.roi = self.roi.joined(mask.roi)
        where, share = mask.roi.slices, mask.cover if fresh else self._share(mask)
        for channel, laid in ((self.value, value), (self.accent, accent), (self.near, near), (self.lit, lit)):
            part = channel[where]
            plain = isinstance(laid, float | int) and not laid
            if plain and not part.any():
                continue
            if fresh:
                part[:] = laid
            elif plain:
                part -= part * share
            else:
                part += (laid - part) * share
        if self.own is not None:
            self.own[2][where] *= 1.0 - share
        if fresh:
            self.alpha[where] = mask.cover

    def _share(self, mask: Mask) -> Floats:
        """How far new paint takes the place of the old: less the more of it shows anyway. Coverage grows."""
        cover, behind = mask.cover, self.alpha[mask.roi.slices]
        if cv2.minMaxLoc(behind)[0] > _FULL:
            return cover
        total = behind * (1.0 - cover)
        total += cover
        behind[:] = total
        return np.asarray(cover / np.maximum(total, 1e-4, out=total), np.float32)

    def colour(self, mask: Mask, chroma: Floats) -> None:
        """Give what is painted already colour of its own, Cb and Cr codes (rows, columns, 2), where `mask` covers."""
        if self.own is None:
            self.own = np.zeros((3, *self.view.shape), np.float32)
        where = mask.roi.slices
        for channel, laid in zip(self.own, (*np.moveaxis(chroma, 2, 0), mask.cover), strict=True):
            channel[where] = laid

    def lift(self, mask: Mask, amount: Floats | float, accent: float = 0.0, lit: bool = False) -> None:
        """Add `amount` L* (may be negative) to what is painted already; with `lit` only while the key lamp burns."""
        if mask.roi.empty:
            return
        where = mask.roi.slices
        channel = self.lit if lit else self.value
        channel[where] += amount * mask.cover
        if accent:
            self.accent[where] += (1.0 - self.accent[where]) * (accent * mask.cover)
