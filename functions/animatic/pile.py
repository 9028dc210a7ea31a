"""A pile of planes on one canvas: drawn again only from the first that moved, without the rows that nobody sees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from functions.animatic.planes import Tile
from functions.animatic.raster import Axis, Canvas, Picture

_LEAST_SOLID: Final = 16.0
"""Rows of the canvas below which it does not pay to lay solid ones apart."""


@dataclass(frozen=True)
class Drawn:
    """One plane at one moment: what to lay, the share of its other state, and where its pixels lie on the canvas."""

    tile: Tile
    weight: float
    axes: tuple[Axis, Axis]

    def close_to(self, other: "Drawn", columns: int, rows: int, lag: float) -> bool:
        """Whether this looks the same on a canvas of so many pixels, but for `lag` of them in place."""
        if self.tile.pixels is not other.tile.pixels or self.weight != other.weight:
            return False
        pairs = zip(self.axes, other.axes, (columns, rows), strict=True)
        return self.axes == other.axes or all(a.apart(b, size) <= lag for a, b, size in pairs)


@dataclass(frozen=True)
class _Laid:
    """A plane on a canvas: the even box that it covers, and the rows in it behind which nothing is seen."""

    drawn: Drawn
    box: tuple[int, int, int, int]
    solid: tuple[int, int]


class Pile:
    """Planes from back to front on a canvas of so many pixels."""

    def __init__(self, rows: int, columns: int) -> None:
        self.canvas = Canvas.blank(rows, columns)
        self._base = Canvas.blank(rows, columns)
        self._kept: list[Drawn] = []
        self._depth = 0
        self._mixed: dict[int, tuple[float, Picture]] = {}

    def draw(
        self, drawn: Sequence[Drawn], under: Canvas | None = None, changed: bool = False, lag: float = 0.0
    ) -> bool:
        """Bring the canvas up to date, over a picture `under` it that may have changed. True where anything had to be
        drawn: not where every plane lies where it is drawn already, to within `lag` pixels of the canvas.
        """
        known = not changed and len(drawn) == len(self._kept)
        if known and self._unmoved(drawn, lag) == len(drawn):
            return False
        same = self._unmoved(drawn, 0.0) if known else 0
        self._kept = list(drawn)
        laid = [self._placed(item) for item in drawn]
        if same < self._depth or not same:
            self._depth = 0
        if not same:
            self._lay(self.canvas, laid, under)
            return True
        if self._depth != same:
            self._lay(self._base, laid[:same], under)
            self._depth = same
        self._lay(self.canvas, laid[same:], self._base)
        return True

    def _unmoved(self, drawn: Sequence[Drawn], lag: float) -> int:
        """How many planes from the back lie where they lie already, to within `lag` pixels."""
        rows, columns = self.canvas.y.shape
        pairs = enumerate(zip(drawn, self._kept, strict=True))
        return next((n for n, (new, old) in pairs if not new.close_to(old, columns, rows, lag)), len(drawn))

    def _placed(self, item: Drawn) -> _Laid:
        (across, down), roi = item.axes, item.tile.roi
        rows, columns = self.canvas.y.shape
        left, right = across.reach(roi.right - roi.left, columns)
        top, bottom = down.reach(roi.bottom - roi.top, rows)
        solid = _even_rows(item.tile.solid, down, top, bottom) if left == 0 and right == columns else (0, 0)
        return _Laid(item, (left, top, right, bottom), solid)

    def _lay(self, canvas: Canvas, laid: Sequence[_Laid], under: Canvas | None) -> None:
        """Lay all on the canvas, leaving out rows that something in front covers."""
        top, bottom = 0, canvas.y.shape[0]
        seen: list[tuple[int, int]] = []
        for item in reversed(laid):
            seen.append((top, bottom))
            first, last = item.solid
            if first <= top < last:
                top = min(last, bottom)
            elif first < bottom <= last:
                bottom = max(first, top)
        if top < bottom and under is not None:
            canvas.copy_from(under)
        elif top < bottom:
            canvas.clear()
        for item, (top, bottom) in zip(laid, reversed(seen), strict=True):
            self._lay_one(canvas, item, top, bottom)

    def _lay_one(self, canvas: Canvas, item: _Laid, top: int, bottom: int) -> None:
        left, first, right, last = item.box
        first, last = max(first, top), min(last, bottom)
        if first >= last or left >= right:
            return
        picture, axes = self._lit(item.drawn), item.drawn.axes
        begin = min(max(item.solid[0], first), last)
        end = min(max(item.solid[1], begin), last)
        for from_, to, solid in ((first, begin, False), (begin, end, True), (end, last, False)):
            if from_ < to:
                canvas.lay(picture, axes, (left, from_, right, to), solid)

    def _lit(self, item: Drawn) -> Picture:
        """The tile's picture in the state that its weight says; the last mixture of each is remembered."""
        tile = item.tile
        if tile.other is None or item.weight <= 0.002:
            return tile.pixels
        weight, picture = self._mixed.get(id(tile), (-1.0, tile.pixels))
        if weight != item.weight:
            picture = tile.pixels.mixed(tile.other, item.weight)
            self._mixed[id(tile)] = item.weight, picture
        return picture


def _even_rows(solid: tuple[int, int], down: Axis, top: int, bottom: int) -> tuple[int, int]:
    """Rows of the canvas (even) that a picture's solid rows fill, less the ones that are mixed at their edges."""
    first, last = ((row - down.start) / down.step for row in solid)
    if last - first < _LEAST_SOLID:
        return 0, 0
    first, last = math.ceil((first + 2) / 2) * 2, math.floor((last - 2) / 2) * 2
    return top if solid[0] == 0 else max(first, top), bottom if last >= bottom - 4 else min(last, bottom)
