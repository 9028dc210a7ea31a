"""Planar pictures on a canvas: cut from a painted plane at sub-pixel places, and laid over each other. All 8 bit.

Luma and coverage have full size, chroma and a copy of the coverage half of it, as 4:2:0 has them.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
_SEARCH: Final = 40
"""Source pixels on each side among which the ends of a stretch are chosen."""
_WHOLE: Final = 1 / 40
"""Offsets up to this many pixels are not seen."""
_TINY: Final = 1 / 16
_BAND: Final = 1 / 8
"""Drift in pixels within one shifted band."""
_MOST_DRIFT: Final = 4.0
"""A scale that moves the far end by no more pixels is made of shifted bands: no stretch hits scales so near 1."""


@dataclass(frozen=True)
class Picture:
    """Premultiplied luma and chroma (Cb, Cr at half size) with coverage at both sizes; None where all is covered."""

    y: Bytes
    u: Bytes
    v: Bytes
    cover: Bytes | None = None
    half: Bytes | None = None

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(p.nbytes for p in (self.y, self.u, self.v, self.cover, self.half) if p is not None)

    def mixed(self, other: "Picture", share: float) -> "Picture":
        """This picture and `share` (0..1) of another of the same shape."""
        return self._each(lambda a, b: _bytes(cv2.addWeighted(a, 1.0 - share, b, share, 0.0)), other)

    def _each(self, work: Callable[[Bytes, Bytes], Bytes], other: "Picture") -> "Picture":
        def both(a: Bytes | None, b: Bytes | None) -> Bytes | None:
            return None if a is None or b is None else work(a, b)

        y, u, v = work(self.y, other.y), work(self.u, other.u), work(self.v, other.v)
        return Picture(y, u, v, both(self.cover, other.cover), both(self.half, other.half))


def _bytes(made: object) -> Bytes:
    return np.asarray(made, np.uint8)


@dataclass(frozen=True)
class Axis:
    """Canvas pixels along one axis in a plane's pixels: the canvas's edge x lies at `step` x + `start`."""

    step: float
    start: float

    @property
    def halved(self) -> "Axis":
        """The same in pixels of half size on both sides."""
        return Axis(self.step, self.start / 2)

    def apart(self, other: "Axis", size: int) -> float:
        """Most canvas pixels between where this and another put one point, over a canvas of `size` pixels."""
        begin = self.start - other.start
        return max(abs(begin), abs(begin + (self.step - other.step) * size)) / self.step

    def reach(self, size: int, most: int) -> tuple[int, int]:
        """The even canvas pixels (first, past the last) that a plane of `size` pixels covers wholly."""
        low, high = -self.start / self.step, (size - self.start) / self.step
        first = max(math.ceil(low / 2 - 1e-6) * 2, 0)
        return first, max(min(math.floor(high / 2 + 1e-6) * 2, most), first)


@dataclass(frozen=True)
class Fit:
    """Source pixels from and to that are brought to `size`, and where the canvas then lies in that: nearly unscaled."""

    begin: int
    end: int
    size: int
    rest: Axis

    def bands(self, first: int, last: int) -> list[tuple[int, int, float]]:
        """The canvas from `first` to `last` in parts that need a shift only: from, to, and where that begins."""
        drift = abs(self.rest.step - 1.0) * (last - first)
        if drift <= _TINY:
            return [(first, last, first + self.rest.start)]
        count = min(math.ceil(drift / _BAND), last - first)
        edges = [first + (last - first) * k // count for k in range(count + 1)]
        middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        places = [self.rest.step * m + self.rest.start - m for m in middles]
        return [(a, b, a + place) for a, b, place in zip(edges, edges[1:], places, strict=False)]


@lru_cache(maxsize=64)
def fit(axis: Axis, first: int, last: int, size: int) -> Fit:
    """How to bring a plane of `size` pixels under the canvas's `first` to `last` by stretching whole pixels.

    `cv2.resize` is four times as fast as a free warp, but knows whole pixels only: among the source pixels around the
    wanted ones are some that fall on the canvas's grid to within a few hundredths of a pixel.
    """
    step, low, high = axis.step, axis.step * first + axis.start, axis.step * last + axis.start
    if abs(step - 1.0) * (last - first) <= _MOST_DRIFT:
        return Fit(0, size, size, axis)
    least, most = min(max(int(low), 0), size - 1), min(max(math.ceil(high), 1), size)
    begins = np.arange(least, max(least - _SEARCH, 0) - 1, -1)
    begin = int(begins[np.argmin(np.abs(((low - begins) / step + 0.5) % 1.0 - 0.5))])
    ends = np.arange(most, min(most + _SEARCH, size) + 1)
    end = int(ends[np.argmin(np.abs(((ends - begin) / step + 0.5) % 1.0 - 0.5))])
    brought = max(round((end - begin) / step), 1)
    scale = brought / (end - begin)
    return Fit(begin, end, brought, Axis(step * scale, (axis.start - begin) * scale))


def cut(plane: Bytes, across: Axis, down: Axis, box: Box) -> Bytes:
    """The part of a plane that lies under the canvas's `box` (left, top, right, bottom)."""
    left, top, right, bottom = box
    rows, columns = plane.shape
    x, y = fit(across, left, right, columns), fit(down, top, bottom, rows)
    if (x.size, y.size) != (columns, rows):
        source = plane[y.begin : y.end, x.begin : x.end]
        plane = _bytes(cv2.resize(source, (x.size, y.size), interpolation=cv2.INTER_LINEAR))
    wide, high = x.bands(left, right), y.bands(top, bottom)
    if len(wide) == len(high) == 1:
        return _shifted(plane, wide[0][2], high[0][2], right - left, bottom - top)
    made = np.empty((bottom - top, right - left), np.uint8)
    for y0, y1, at_y in high:
        for x0, x1, at_x in wide:
            made[y0 - top : y1 - top, x0 - left : x1 - left] = _shifted(plane, at_x, at_y, x1 - x0, y1 - y0)
    return made


def _shifted(plane: Bytes, x: float, y: float, columns: int, rows: int) -> Bytes:
    """`rows` and `columns` of the plane from (x, y) on; whole steps cost nothing."""
    near_x, near_y = round(x), round(y)
    inside = 0 <= near_x <= plane.shape[1] - columns and 0 <= near_y <= plane.shape[0] - rows
    if inside and abs(x - near_x) < _WHOLE and abs(y - near_y) < _WHOLE:
        return plane[near_y : near_y + rows, near_x : near_x + columns]
    return _bytes(cv2.getRectSubPix(plane, (columns, rows), (x + (columns - 1) / 2, y + (rows - 1) / 2)))


@dataclass(frozen=True)
class Canvas:
    """What planes are laid on: luma, and chroma at half size."""

    y: Bytes
    u: Bytes
    v: Bytes

    @classmethod
    def blank(cls, rows: int, columns: int) -> "Canvas":
        """An empty canvas; even sizes."""
        return cls(*(np.zeros((rows // k, columns // k), np.uint8) for k in (1, 2, 2)))

    def copy_from(self, other: "Canvas") -> None:
        """Take over another canvas of the same size."""
        for mine, theirs in zip(self.planes, other.planes, strict=True):
            np.copyto(mine, theirs)

    def enlarge_from(self, other: "Canvas") -> None:
        """Take over a canvas of half the size, or a little more at its right and bottom."""
        for mine, theirs in zip(self.planes, other.planes, strict=True):
            rows, columns = theirs.shape
            whole = cv2.resize(theirs, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)
            np.copyto(mine, _bytes(whole)[: mine.shape[0], : mine.shape[1]])

    @property
    def planes(self) -> tuple[Bytes, Bytes, Bytes]:
        """Luma, Cb, Cr."""
        return self.y, self.u, self.v

    def clear(self) -> None:
        """Empty it."""
        for plane in self.planes:
            plane[:] = 0

    def lay(self, picture: Picture, axes: tuple[Axis, Axis], box: Box, solid: bool) -> None:
        """Lay a picture over `box` (even); where it is `solid` there nothing shows through."""
        across, down = axes
        small = across.halved, down.halved, (box[0] // 2, box[1] // 2, box[2] // 2, box[3] // 2)
        thick = solid or picture.cover is None or picture.half is None
        for mine, laid, cover, where in (
            (self.y, picture.y, picture.cover, (across, down, box)),
            (self.u, picture.u, picture.half, small),
            (self.v, picture.v, picture.half, small),
        ):
            left, top, right, bottom = where[2]
            part, above = mine[top:bottom, left:right], cut(laid, *where)
            if thick or cover is None:
                np.copyto(part, above)
                continue
            if mine is not self.v:
                gap = cv2.bitwise_not(cut(cover, *where))
            cv2.multiply(part, gap, dst=part, scale=1 / 255)
            cv2.add(part, above, dst=part)
