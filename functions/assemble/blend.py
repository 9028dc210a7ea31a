"""Lettering laid on BT.709 limited-range planes, touching only its own rectangle."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from functions.assemble.lettering import Lettering, Mask
from functions.media.picture import BLACK, WHITE, Plane

Weights = tuple[NDArray[np.uint16], NDArray[np.uint16]]


@dataclass(frozen=True)
class Patch:
    """Coverage and light at an even place of the frame, of even size, clipped to the frame."""

    x: int
    y: int
    cover: Mask
    light: Mask

    def lay(self, planes: tuple[Plane, Plane, Plane], opacity: float = 1.0) -> None:
        """Blend onto the planes of a frame."""
        weights = self._full if opacity >= 1 else self._weights(opacity)
        for plane, step, (keep, add) in zip(planes, (1, 2, 2), weights, strict=True):
            height, width = keep.shape
            y, x = self.y // step, self.x // step
            part = plane[y : y + height, x : x + width]
            part[:] = (part * keep + add) >> 8

    @cached_property
    def _full(self) -> tuple[Weights, Weights, Weights]:
        return self._weights(1.0)

    def _weights(self, opacity: float) -> tuple[Weights, Weights, Weights]:
        cover, light = self.cover * opacity, self.light * opacity
        luma = _fixed(cover, BLACK[0] * (cover - light) + WHITE[0] * light)
        coarse = (cover[::2, ::2] + cover[1::2, ::2] + cover[::2, 1::2] + cover[1::2, 1::2]) / 4
        chroma = _fixed(coarse, coarse * BLACK[1])
        return luma, chroma, chroma


def _fixed(cover: Mask, value: Mask) -> Weights:
    """What is kept of the frame and what is added, in 256ths, rounding included."""
    return np.rint((1 - cover) * 256).astype(np.uint16), np.rint(value * 256 + 127).astype(np.uint16)


def patch(lettering: Lettering, x: int, y: int, width: int, height: int) -> Patch | None:
    """The lettering with its top left corner at `x`, `y` of a frame, on even pixels; None where all is outside."""
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + lettering.cover.shape[1]), min(height, y + lettering.cover.shape[0])
    if right <= left or bottom <= top:
        return None
    even_left, even_top = left - left % 2, top - top % 2
    shape = (bottom + bottom % 2 - even_top, right + right % 2 - even_left)
    cover, light = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    inside = (slice(top - even_top, bottom - even_top), slice(left - even_left, right - even_left))
    source = (slice(top - y, bottom - y), slice(left - x, right - x))
    cover[inside], light[inside] = lettering.cover[source], lettering.light[source]
    return Patch(even_left, even_top, cover, light)
