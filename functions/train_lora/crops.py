"""Which parts of a picture are learned, in sizes that the model was made for. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from functions.models.faces import Face

GRID = 64
"""Sides are multiples of this (SDXL: eightfold latents, three halvings)."""
ASPECTS = 0.5, 2.0
AREA = 0.12
"""How far a bucket's area may lie from the resolution's square, as a part of it."""
HEAD = 1.6
"""A head (hair, chin, neck) is so many times as tall as the face that was found in it."""
CLOSE = 0.35
"""Share of the crop's height below which a head gets a crop of its own."""
CLOSE_UP = 0.6
"""Share of such a crop's height that the head fills."""


@dataclass(frozen=True)
class Crop:
    """The part of a picture at `x`, `y` of `width` x `height` pixels, scaled to the bucket `to_width` x `to_height`."""

    x: int
    y: int
    width: int
    height: int
    to_width: int
    to_height: int


def buckets(resolution: int) -> tuple[tuple[int, int], ...]:
    """(width, height) of about `resolution` squared pixels, the square first."""
    sides = range(GRID, 2 * resolution + 1, GRID)
    area = resolution * resolution
    fitting = [
        (w, h) for w in sides for h in sides if abs(w * h / area - 1) <= AREA and ASPECTS[0] <= w / h <= ASPECTS[1]
    ]
    best: dict[int, tuple[int, int]] = {}
    for w, h in sorted(fitting, key=lambda size: abs(size[0] * size[1] / area - 1)):
        best.setdefault(w, (w, h))
    return tuple(sorted(best.values(), key=lambda size: abs(size[0] - size[1])))


def crops(width: int, height: int, face: Face | None, resolution: int) -> Iterator[Crop]:
    """The whole picture in the bucket nearest to its shape, around the face; and a close-up where the head is small."""
    sizes = buckets(resolution)
    aspect = width / height
    size = min(sizes, key=lambda s: max(s[0] / s[1] / aspect, aspect / (s[0] / s[1])))
    yield fitted(width, height, face, size, 1.0)
    if face is None:
        return
    head = face.height * HEAD
    if head / height >= CLOSE:
        return
    square = sizes[0]
    share = head / CLOSE_UP / (min(width, height) if square[0] == square[1] else height)
    yield fitted(width, height, face, square, min(1.0, max(share, resolution / 2 / min(width, height))))


def fitted(width: int, height: int, face: Face | None, size: tuple[int, int], share: float) -> Crop:
    """`share` of the largest part of the picture that has the bucket's shape, its upper middle at the face."""
    scale = min(width / size[0], height / size[1]) * share
    w, h = max(1, min(width, round(size[0] * scale))), max(1, min(height, round(size[1] * scale)))
    if face is None:
        return Crop((width - w) // 2, (height - h) // 2, w, h, *size)
    across, down = face.centre
    x = min(max(0, round(across - w / 2)), width - w)
    y = min(max(0, round(down - h * 0.42)), height - h)
    return Crop(x, y, w, h, *size)
