"""Where each figure of a composition stands in the picture: boxes, and the masks that are made of them."""

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from functions.contract.base import Size
from functions.contract.params import At, Composition, Depth, Figure, Pose, ShotSize

Mask = NDArray[np.float32]
ABOVE = 0.75
"""Heads that a region begins above the eyes."""
LEAST = 0.06
"""Least side of a region, as a share of the frame's height: what a model can still draw."""
OVER = 1.5
"""How much larger than the subject the shoulder in front is."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Framing(_Data):
    """Of a shot size, in fractions of the frame's height."""

    head: float
    eyes: float


class Body(_Data):
    """Of a pose, in heads."""

    below: float
    across: float


class Table(_Data):
    """`regions.toml`."""

    sizes: dict[ShotSize, Framing]
    at: dict[At, float]
    depth: dict[Depth, float]
    pose: dict[Pose, Body]


@functools.cache
def table() -> Table:
    """The table of this release."""
    text = resources.files("functions.keyframe_sdxl").joinpath("regions.toml").read_text("utf-8")
    return Table.model_validate(tomllib.loads(text))


@dataclass(frozen=True)
class Box:
    """Pixels: left and top edge, width and height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        """Its rows in a picture."""
        return slice(self.y, self.y + self.height)

    @property
    def columns(self) -> slice:
        """Its columns in a picture."""
        return slice(self.x, self.x + self.width)

    def grown(self, share: float, size: Size) -> "Box":
        """Larger on every side by this share of its longer side, within the picture."""
        by = share * max(self.width, self.height)
        return within(self.x - by, self.y - by, self.x + self.width + by, self.y + self.height + by, size)


@dataclass(frozen=True)
class Standing:
    """A visible figure and its box."""

    figure: Figure
    box: Box


def standing(composition: Composition, size: Size) -> tuple[Standing, ...]:
    """Everyone who is seen, from back to front; the order of the composition where depths are equal.

    Who the camera is (`pov`) is not seen; whose shoulder it looks `over` stands in front of all.
    """
    seen = [figure for figure in composition.figures if figure.id != composition.pov]
    order = sorted(seen, key=lambda figure: (figure.id == composition.over, table().depth[figure.depth]))
    return tuple(Standing(figure, _box(figure, composition, size)) for figure in order)


def _box(figure: Figure, composition: Composition, size: Size) -> Box:
    known, framing = table(), table().sizes[composition.size]
    scale = OVER if figure.id == composition.over else known.depth[figure.depth]
    head, body = framing.head * scale * size.height, known.pose[figure.pose]
    middle, eyes = (0.5 + known.at[figure.at]) * size.width, framing.eyes * size.height
    half = max(body.across * head, LEAST * size.height) / 2
    top, bottom = eyes - ABOVE * head, eyes + body.below * head
    bottom = max(bottom, top + LEAST * size.height)
    return within(middle - half, top, middle + half, bottom, size)


def within(left: float, top: float, right: float, bottom: float, size: Size) -> Box:
    """The box on whole pixels inside the picture, at least eight a side."""
    x, y = (min(max(0, round(v)), limit - 8) for v, limit in ((left, size.width), (top, size.height)))
    return Box(x, y, max(8, min(size.width, round(right)) - x), max(8, min(size.height, round(bottom)) - y))


def feathered(box: Box, size: Size, share: float) -> Mask:
    """1 inside the box, falling to 0 at its edges over `share` of its longer side; edges of the picture stay 1."""
    over = max(1.0, share * max(box.width, box.height))
    rows = _ramp(box.y, box.height, size.height, over)
    columns = _ramp(box.x, box.width, size.width, over)
    return np.minimum.outer(rows, columns)


def _ramp(start: int, length: int, whole: int, over: float) -> Mask:
    at = np.arange(whole, dtype=np.float32) + 0.5
    up = np.ones(whole) if start == 0 else np.clip((at - start) / over, 0, 1)
    down = np.ones(whole) if start + length == whole else np.clip((start + length - at) / over, 0, 1)
    ramp = np.minimum(up, down)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def apart(masks: Sequence[Mask]) -> list[Mask]:
    """Masks from back to front made disjoint: who stands in front hides who stands behind."""
    out: list[Mask] = []
    for i, mask in enumerate(masks):
        hidden = [1 - front for front in masks[i + 1 :]]
        out.append(np.asarray(np.prod([mask, *hidden], axis=0), np.float32))
    return out
