"""Planes: painted sheets turned into what the render loop moves, premultiplied planar YUV with coverage, 8 bit.

Colour is BT.709, limited range, so that the loop needs no colour conversion; blending is linear in these codes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Final

import cv2
import numpy as np

from functions.animatic.canvas import Roi, Sheet, View
from functions.animatic.noise import blurred_tile, generator
from functions.animatic.palette import ENTRIES, Palette
from functions.animatic.raster import Bytes, Picture
from functions.animatic.values import Floats

RACK_BLUR: Final = 4.5
"""Defocus of a subject that focus has left, in delivery pixels at 720 lines."""
PAPER: Final = ((0.8, 1.2), (3.0, 0.8), (12.0, 0.6))
"""Paper: (grain in pixels, strength in percent)."""
_RGB_TO_YUV: Final = np.array(
    [
        [0.2126 * 219, 0.7152 * 219, 0.0722 * 219],
        [-0.2126 / 1.8556 * 224, -0.7152 / 1.8556 * 224, 0.5 * 224],
        [0.5 * 224, -0.7152 / 1.5748 * 224, -0.0722 / 1.5748 * 224],
    ],
    np.float32,
)
_ZERO: Final = np.array([16.0, 128.0, 128.0], np.float32)


def yuv_of(code: Floats) -> Floats:
    """BT.709 limited range Y, Cb, Cr (0..255) of sRGB code values (..., 3) in 0..1."""
    return np.asarray(code @ _RGB_TO_YUV.T + _ZERO, np.float32)


def rgb_of(yuv: Floats) -> Floats:
    """sRGB code values (..., 3) in 0..1 of BT.709 limited range codes."""
    return np.asarray(np.clip((yuv - _ZERO) @ np.linalg.inv(_RGB_TO_YUV).T, 0.0, 1.0), np.float32)


@dataclass
class Plane:
    """One layer of the picture.

    `parallax` is 1 for what the subject stands on, less further away. `lamp` says that the sheet's `lit` follows the
    shot's light, `blur` is its defocus in delivery pixels at 720 lines. `life` names how it moves by itself.
    """

    name: str
    parallax: float
    sheet: Sheet
    blur: float = 0.0
    subject: bool = False
    life: str = ""
    pivot: tuple[float, float] = (0.0, 0.5)
    drift: tuple[tuple[float, float], ...] = ()
    tags: dict[str, float] = field(default_factory=dict)
    stride: Callable[[float], Sheet] | None = None
    """Paints one who walks at a share (0..1) of a stride, which is two steps."""


def settled(plane: Plane) -> Plane:
    """The plane without its paint, once a tile is made of it: what moves it needs no more."""
    return replace(plane, sheet=Sheet(View(1.0, 2)), stride=None)


@dataclass(frozen=True)
class Tile:
    """A plane ready to move: its picture and where it lies; an even rectangle."""

    view: View
    roi: Roi
    pixels: Picture
    other: Picture | None
    """The same under the lamp's full light (or in the other focus), where that changes within the clip."""
    opaque: bool
    solid: tuple[int, int] = (0, 0)
    """Rows of the picture that cover all behind them across the whole view."""


@lru_cache(maxsize=2)
def paper_tile(seed: int) -> Floats:
    """Paper tooth in L*, periodic."""
    rng = generator(seed, 3)
    return np.asarray(sum(blurred_tile(rng, sigma) * strength for sigma, strength in PAPER), np.float32)


@cache
def dither_tile() -> Floats:
    """High-pass noise of half a code value, periodic: hides banding in dark gradients."""
    white = generator(0, 4).random((512, 512), np.float32)
    high = white - np.asarray(cv2.blur(white, (3, 3)), np.float32)
    return np.asarray(high / high.std() * 0.5, np.float32)


def tiled(tile: Floats, rows: int, columns: int) -> Floats:
    """The periodic tile over so many pixels."""
    rest = max(rows - tile.shape[0], 0), max(columns - tile.shape[1], 0)
    return np.asarray(cv2.copyMakeBorder(tile, 0, rest[0], 0, rest[1], cv2.BORDER_WRAP)[:rows, :columns], np.float32)


def tile(plane: Plane, palette: Palette, seed: int, levels: tuple[float, float | None], warm: bool) -> Tile:
    """A plane under one light level, or under two where the light changes; `warm` light brings the accent."""
    sheet = plane.sheet
    sigma = plane.blur * sheet.view.scale / 720
    paint = _Paint(sheet, _grown(sheet, int(3 * sigma) + 1 if sigma >= _SHARP else 0), palette, seed)
    first = paint.picture(levels[0], sigma, warm)
    changes = levels[1] is not None and bool(np.abs(sheet.lit[sheet.roi.slices]).max(initial=0.0) > 0.3)
    other = paint.picture(levels[1] or 0.0, sigma, warm) if changes else None
    return Tile(sheet.view, paint.roi, first, other, first.cover is None, _solid(first, paint.roi, sheet.view))


def racked(plane: Plane, palette: Palette, seed: int, level: float, warm: bool) -> Tile:
    """A plane in both focuses: as composed, and with the subject soft against a sharp background."""
    sheet = plane.sheet
    unit = sheet.view.scale / 720
    blurs = plane.blur * unit, (RACK_BLUR if plane.parallax >= 1.0 else 0.0) * unit
    paint = _Paint(sheet, _grown(sheet, int(3 * max(blurs)) + 1), palette, seed)
    first, other = (paint.picture(level, sigma, warm) for sigma in blurs)
    return Tile(sheet.view, paint.roi, first, other, first.cover is None)


def _solid(picture: Picture, roi: Roi, view: View) -> tuple[int, int]:
    """The longest run of rows that cover everything across the view."""
    if picture.cover is None:
        return 0, roi.bottom - roi.top
    if roi.left > 0 or roi.right < view.shape[1]:
        return 0, 0
    thin = np.flatnonzero(np.asarray(cv2.reduce(picture.cover, 1, cv2.REDUCE_MIN)).ravel() < _THICK)
    edges = np.concatenate([[-1], thin, [roi.bottom - roi.top]])
    widest = int(np.argmax(np.diff(edges)))
    return int(edges[widest]) + 1, int(edges[widest + 1])


_THICK: Final = 253
"""Coverage code from which nothing behind can be seen."""
_SHARP: Final = 0.4
"""Defocus in pixels below which none is drawn."""
_BORDER: Final = 24
"""Empty pixels around a shape, so that it may be cut at sub-pixel places."""


def _opaque(sheet: Sheet) -> bool:
    """Covers its whole view."""
    return sheet.roi == sheet.view.everything and bool(sheet.alpha[::7, ::7].min() > 0.998)


def _grown(sheet: Sheet, by: int) -> Roi:
    """The painted rectangle grown on all sides as far as the view goes, even."""
    roi, (rows, columns) = sheet.roi, sheet.view.shape
    by += _BORDER
    top, left = max(roi.top - by, 0) // 2 * 2, max(roi.left - by, 0) // 2 * 2
    return Roi(top, min(-(-(roi.bottom + by) // 2) * 2, rows), left, min(-(-(roi.right + by) // 2) * 2, columns))


class _Paint:
    """The sheet's values and hue weights over a rectangle, ready to be coloured at any light."""

    def __init__(self, sheet: Sheet, roi: Roi, palette: Palette, seed: int) -> None:
        where = roi.slices
        self.roi = roi
        self._palette, self._seed = palette, seed
        self._value, self._lit = sheet.value[where], sheet.lit[where]
        self._accent, self._near = sheet.accent[where], sheet.near[where]
        self._alpha = None if _opaque(sheet) else sheet.alpha[where]
        self._own = None if sheet.own is None else [_half(channel[where]) for channel in sheet.own]

    def picture(self, level: float, sigma: float, warm: bool) -> Picture:
        """Coloured with the lamp at `level`, softened by `sigma` pixels. Chroma is found at half size."""
        value = np.asarray(cv2.scaleAdd(self._lit, level, self._value), np.float32) if level else self._value.copy()
        paper = tiled(paper_tile(self._seed), *value.shape)
        value += paper * (0.35 + value * np.float32(0.006))
        accent = self._lamplit(level) if warm and level else self._accent
        weights = [w if cv2.minMaxLoc(w)[1] > 0.01 else None for w in (self._near, accent)]
        (y,) = self._coloured(np.asarray(value, np.float32), weights, slice(0, 1))
        u, v = self._coloured(_half(value), [w if w is None else _half(w) for w in weights], slice(1, 3))
        if self._own is not None:
            u, v = (c + (own - c) * self._own[2] for c, own in zip((u, v), self._own[:2], strict=True))
        if self._alpha is None:
            y, u, v = (_softened(p, s) for p, s in ((y, sigma), (u, sigma / 2), (v, sigma / 2)))
            return Picture(_codes(y, None), _codes(u, None), _codes(v, None))
        alpha, half = self._alpha, _half(self._alpha)
        y, cover = (_softened(p, sigma) for p in (y * alpha, alpha))
        u, v, small = (_softened(p, sigma / 2) for p in (u * half, v * half, half))
        return Picture(
            _codes(y, cover), _codes(u, small), _codes(v, small), _rounded(cover, 255.0), _rounded(small, 255.0)
        )

    def _lamplit(self, level: float) -> Floats:
        """The lamp brings its own hue: accent grows with what it adds."""
        lamp = np.clip(self._lit * (level / 40.0), 0.0, 1.0)
        return np.asarray(self._accent + (1.0 - self._accent) * lamp * 0.8, np.float32)

    def _coloured(self, value: Floats, weights: list[Floats | None], channels: slice) -> list[Floats]:
        """Channels of the main ramp at each value, with this much of the near and the accent ramps."""
        index = _rounded(np.maximum(value, 0.0), 2.55)
        main, *others = (yuv_of(ramp)[_AT] for ramp in self._palette.ramps())
        made = []
        for k in range(*channels.indices(3)):
            channel = _looked_up(index, main[:, k])
            for weight, ramp in zip(weights, others, strict=True):
                if weight is not None:
                    channel += _looked_up(index, ramp[:, k] - main[:, k]) * weight
            made.append(channel)
        return made


_AT: Final = np.round(np.linspace(0, ENTRIES - 1, 256)).astype(int)
"""Entries of a ramp for 256 steps."""


def _looked_up(index: Bytes, table: Floats) -> Floats:
    return np.asarray(cv2.LUT(index, np.asarray(table, np.float32)[None, :]), np.float32)


def _half(values: Floats) -> Floats:
    rows, columns = values.shape
    return np.asarray(cv2.resize(values, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA), np.float32)


def _softened(values: Floats, sigma: float) -> Floats:
    if sigma < _SHARP / 2:
        return values
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _codes(values: Floats, cover: Floats | None) -> Bytes:
    """8-bit codes, dithered where there is paint."""
    noise = tiled(dither_tile(), *values.shape)
    return _rounded(values + (noise if cover is None else noise * cover))


def _rounded(values: Floats, scale: float = 1.0) -> Bytes:
    """Values from 0 on as codes."""
    return np.asarray(cv2.convertScaleAbs(values, alpha=scale), np.uint8)


def flattened(below: Tile, above: Tile) -> Tile:
    """Two tiles of one view laid over each other, in both states of their light."""
    roi = below.roi.joined(above.roi)
    first = _over(below.pixels, below.roi, above.pixels, above.roi, roi)
    other = None
    if below.other is not None or above.other is not None:
        other = _over(below.other or below.pixels, below.roi, above.other or above.pixels, above.roi, roi)
    return Tile(below.view, roi, first, other, first.cover is None, _solid(first, roi, below.view))


def _over(below: Picture, under: Roi, above: Picture, roi: Roi, wide: Roi) -> Picture:
    """`above` laid over `below` on the rectangle `wide`."""
    if above.cover is None or above.half is None:
        return above
    y, cover = (_spread(p, under, wide, 1) for p in (below.y, below.cover))
    u, v, half = (_spread(p, under, wide, 2) for p in (below.u, below.v, below.half))
    full, small = cv2.bitwise_not(above.cover), cv2.bitwise_not(above.half)
    for base, laid, gap, k in (
        (y, above.y, full, 1),
        (cover, above.cover, full, 1),
        (u, above.u, small, 2),
        (v, above.v, small, 2),
        (half, above.half, small, 2),
    ):
        part = base[_within(roi, wide, k)]
        cv2.add(cv2.multiply(part, gap, scale=1 / 255), laid, dst=part)
    return Picture(y, u, v) if below.cover is None else Picture(y, u, v, cover, half)


def _within(roi: Roi, wide: Roi, by: int) -> tuple[slice, slice]:
    return (
        slice((roi.top - wide.top) // by, (roi.bottom - wide.top) // by),
        slice((roi.left - wide.left) // by, (roi.right - wide.left) // by),
    )


def _spread(plane: Bytes | None, roi: Roi, wide: Roi, by: int) -> Bytes:
    """A plane on the wide rectangle; full coverage where it has none of its own."""
    shape = (wide.bottom - wide.top) // by, (wide.right - wide.left) // by
    if plane is None:
        return np.full(shape, 255, np.uint8)
    if roi == wide:
        return plane.copy()
    out = np.zeros(shape, np.uint8)
    out[_within(roi, wide, by)] = plane
    return out
