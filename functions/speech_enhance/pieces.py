"""Long speech in pieces that a network takes at once: cut where it is quietest, heard in context, crossfaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.speech_enhance.hearing import Span
from functions.speech_enhance.sound import FRAME, Block, Scratch

CONTEXT_S = 0.5
"""Sound on both sides that the network hears too, and that is thrown away."""
FADE_S = 0.04
CONTEXT, FADE = round(CONTEXT_S * SAMPLE_RATE), round(FADE_S * SAMPLE_RATE)


@dataclass(frozen=True)
class Piece:
    """What of a sound one pass replaces: samples `start` to `end`, faded in over the first `FADE`, and faded out over
    the last where a span ends.
    """

    start: int
    end: int
    ends: bool


def pieces(spans: Sequence[Span], powers: NDArray[np.float64], longest: int) -> list[Piece]:
    """The spans in pieces of at most `longest` samples; `powers` of each 50 ms says where it is quiet."""
    return [piece for span in spans for piece in _pieces(span, powers, longest)]


def _pieces(span: Span, powers: NDArray[np.float64], longest: int) -> Iterator[Piece]:
    start = span.start
    while span.end - start > longest:
        cut = _quietest(powers, start + longest // 2, start + longest - FADE)
        yield Piece(start, cut + FADE // 2, ends=False)
        start = cut - FADE // 2
    yield Piece(start, span.end, ends=True)


def _quietest(powers: NDArray[np.float64], low: int, high: int) -> int:
    first, last = -(-low // FRAME), min(high // FRAME, len(powers))
    return (first + int(np.argmin(powers[first:last]))) * FRAME + FRAME // 2 if last > first else high


def put(target: Scratch, piece: Piece, made: NDArray[np.float32]) -> None:
    """Lay mono sound over `target`, in all its channels. Raises `DiskFull`."""
    under = target.read(piece.start, piece.end - piece.start)
    weight = np.ones(len(made), np.float32)
    ramp = np.sin(np.linspace(0, np.pi / 2, min(FADE, len(made) // 2), dtype=np.float32)) ** 2
    if piece.start > 0:
        weight[: len(ramp)] = ramp
    if piece.ends and piece.end < target.samples:
        weight[len(weight) - len(ramp) :] = ramp[::-1]
    over: Block = made[:, None] * weight[:, None] + under * (1 - weight[:, None])
    target.put(piece.start, over)
