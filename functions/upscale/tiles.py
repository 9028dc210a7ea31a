"""A picture worked on in tiles that overlap, joined by feathering: where there is no memory for all of it at once."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

OVERLAP = 32
"""Pixels of the source that neighbouring tiles share."""
SMALLEST = 64
"""Pixels of a tile's side below which nothing is gained."""


@dataclass(frozen=True)
class Span:
    """A tile along one side: the pixels from `start` to `stop`."""

    start: int
    stop: int


def spans(side: int, tile: int) -> list[Span]:
    """Tiles of equal length that cover a side, neighbours sharing `OVERLAP` pixels or more."""
    if side <= tile:
        return [Span(0, side)]
    count = -(-(side - OVERLAP) // (tile - OVERLAP))
    return [Span(start, start + tile) for start in (round(k * (side - tile) / (count - 1)) for k in range(count))]


def tiled(rgb: Tensor, tile: int, scale: int, run: Callable[[Tensor], Tensor]) -> Tensor:
    """`run` over the tiles of (n, 3, h, w), one at a time; where tiles overlap, one fades into the other."""
    count, _, rows, columns = rgb.shape
    made = torch.zeros(count, 3, rows * scale, columns * scale, device=rgb.device)
    for tall, down in _faded(rows, tile, scale, rgb.device):
        for wide, across in _faded(columns, tile, scale, rgb.device):
            part = run(rgb[:, :, tall.start : tall.stop, wide.start : wide.stop]).float()
            place = made[:, :, tall.start * scale : tall.stop * scale, wide.start * scale : wide.stop * scale]
            place += part * down[:, None] * across
    return made


def _faded(side: int, tile: int, scale: int, where: torch.device) -> list[tuple[Span, Tensor]]:
    """Each tile with its weights, which sum to 1 at every pixel and rise linearly from where a tile begins."""
    found = spans(side, tile)
    raw = [_trapezium(span, side, scale, where) for span in found]
    total = torch.zeros(side * scale, device=where)
    for span, weights in zip(found, raw, strict=True):
        total[span.start * scale : span.stop * scale] += weights
    return [(s, w / total[s.start * scale : s.stop * scale]) for s, w in zip(found, raw, strict=True)]


def _trapezium(span: Span, side: int, scale: int, where: torch.device) -> Tensor:
    """Weights of a tile before they are made to sum to 1: full at the picture's own edges, feathered at others."""
    length = (span.stop - span.start) * scale
    ramp = (torch.arange(OVERLAP * scale, device=where) + 0.5) / (OVERLAP * scale)
    weights = torch.ones(length, device=where)
    if span.start:
        weights[: len(ramp)] = ramp
    if span.stop < side:
        weights[-len(ramp) :] = torch.minimum(weights[-len(ramp) :], ramp.flip(0))
    return weights
