"""Planes: painted sheets turned into what the render loop moves, premultiplied YUV with coverage, 8 bit.

Colour is BT.709, limited range, so that the loop needs no colour conversion; blending is linear in these codes.
"""

from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from functions.animatic.canvas import Roi, Sheet, View
from functions.animatic.noise import blurred_tile, generator
from functions.animatic.palette import ENTRIES, Palette
from functions.animatic.values import Floats

Bytes = npt.NDArray[np.uint8]
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


def settled(plane: Plane) -> Plane:
    """The plane without its paint, once a tile is made of it: what moves it needs no more."""
    return replace(plane, sheet=Sheet(View(1.0, 2)))


@dataclass(frozen=True)
class Tile:
    """A plane ready to move: pixels (rows, columns, 4: premultiplied Y Cb Cr and coverage) and where they lie."""

    view: View
    roi: Roi
    pixels: Bytes
    other: Bytes | None
    """The same under the lamp's full light (or in the other focus), where that changes within the clip."""
    opaque: bool


@lru_cache(maxsize=8)
def paper_tile(seed: int) -> Floats:
    """Paper tooth in L*, periodic."""
    rng = generator(seed, 3)
    return np.asarray(sum(blurred_tile(rng, sigma) * strength for sigma, strength in PAPER), np.float32)


@cache
def dither_tile() -> Floats:
    """Triangular noise of one code value, periodic."""
    rng = generator(0, 4)
    return (rng.random((512, 512, 1), np.float32) - rng.random((512, 512, 1), np.float32)) * 0.5


def _tiled(tile: Floats, rows: int, columns: int) -> Floats:
    across = -(-columns // tile.shape[1])
    down = -(-rows // tile.shape[0])
    return np.tile(tile, (down, across, *([1] * (tile.ndim - 2))))[:rows, :columns]


def tile(plane: Plane, palette: Palette, seed: int, levels: tuple[float, float | None], warm: bool = True) -> Tile:
    """Colour a plane under one light level, or under two where the light changes; `warm` light brings the accent."""
    sheet = plane.sheet
    sigma = plane.blur * sheet.view.scale / 720
    roi = sheet.roi if sigma < 0.4 else _grown(sheet.roi, int(3 * sigma) + 1, sheet.view)
    first = _coloured(sheet, roi, palette, seed, levels[0], sigma, warm)
    changes = levels[1] is not None and bool(np.abs(sheet.lit[roi.slices]).max(initial=0.0) > 0.3)
    other = _coloured(sheet, roi, palette, seed, levels[1] or 0.0, sigma, warm) if changes else None
    return Tile(sheet.view, roi, first, other, _opaque(sheet))


def racked(plane: Plane, palette: Palette, seed: int, level: float, warm: bool) -> Tile:
    """A plane in both focuses: as composed, and with the subject soft against a sharp background."""
    sheet = plane.sheet
    unit = sheet.view.scale / 720
    blurs = plane.blur * unit, (RACK_BLUR if plane.parallax >= 1.0 else 0.0) * unit
    roi = _grown(sheet.roi, int(3 * max(blurs)) + 1, sheet.view)
    first, other = (_coloured(sheet, roi, palette, seed, level, sigma, warm) for sigma in blurs)
    return Tile(sheet.view, roi, first, other, _opaque(sheet))


def _opaque(sheet: Sheet) -> bool:
    """Covers its whole view."""
    return sheet.roi == sheet.view.everything and bool(sheet.alpha[::7, ::7].min() > 0.998)


def _grown(roi: Roi, by: int, view: View) -> Roi:
    rows, columns = view.shape
    return Roi(max(roi.top - by, 0), min(roi.bottom + by, rows), max(roi.left - by, 0), min(roi.right + by, columns))


def _coloured(sheet: Sheet, roi: Roi, palette: Palette, seed: int, level: float, sigma: float, warm: bool) -> Bytes:
    where = roi.slices
    value = sheet.value[where] + sheet.lit[where] * level
    value += _tiled(paper_tile(seed), *value.shape) * (0.35 + value * 0.006)
    index = np.clip(value * ((ENTRIES - 1) / 100), 0, ENTRIES - 1).astype(np.uint16)
    main, near, accent = (np.pad(yuv_of(ramp), ((0, 0), (0, 1)), constant_values=255.0) for ramp in palette.ramps())
    made = np.take(main, index, axis=0, mode="clip")
    for weights, ramp in ((sheet.near[where], near), (_accent(sheet, where, level if warm else 0.0), accent)):
        if weights.max(initial=0.0) > 0.01:
            made += np.take(ramp - main, index, axis=0, mode="clip") * weights[..., None]
    alpha = sheet.alpha[where]
    if not _opaque(sheet):
        made *= alpha[..., None]
    if sigma >= 0.4:
        made = np.asarray(cv2.GaussianBlur(made, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)
    made[..., :3] += _tiled(dither_tile(), *value.shape) * np.minimum(alpha, 1.0)[..., None]
    return np.asarray(np.clip(made + 0.5, 0, 255), np.uint8)


def _accent(sheet: Sheet, where: tuple[slice, slice], level: float) -> Floats:
    """The lamp brings its own hue: accent grows with what it adds."""
    lamp = np.clip(sheet.lit[where] * level / 40.0, 0.0, 1.0)
    base = sheet.accent[where]
    return np.asarray(base + (1.0 - base) * lamp * 0.8, np.float32)


def flattened(below: Tile, above: Tile) -> Tile:
    """Two tiles of one view laid over each other, in both states of their light."""
    roi = below.roi.joined(above.roi)
    pixels = _over(_spread(below.pixels, below.roi, roi), above.pixels, above.roi, roi)
    if below.other is None and above.other is None:
        return Tile(below.view, roi, pixels, None, below.opaque or above.opaque)
    base = _spread(below.pixels if below.other is None else below.other, below.roi, roi)
    other = _over(base, above.pixels if above.other is None else above.other, above.roi, roi)
    return Tile(below.view, roi, pixels, other, below.opaque or above.opaque)


def _spread(pixels: Bytes, roi: Roi, wide: Roi) -> Bytes:
    out = np.zeros((wide.bottom - wide.top, wide.right - wide.left, 4), np.uint8)
    out[roi.top - wide.top : roi.bottom - wide.top, roi.left - wide.left : roi.right - wide.left] = pixels
    return out


def _over(base: Bytes, above: Bytes, roi: Roi, wide: Roi) -> Bytes:
    """`above` laid over `base`, in place."""
    part = base[roi.top - wide.top : roi.bottom - wide.top, roi.left - wide.left : roi.right - wide.left]
    gap = cv2.bitwise_not(cv2.extractChannel(above, 3))
    part[:] = cv2.add(cv2.multiply(part, cv2.merge([gap] * 4), scale=1 / 255), above)
    return base
