"""Music under words: envelopes drawn from known word times, not guessed by a detector."""

from collections.abc import Sequence

from functions.contract.params import Gain

BEFORE = 150 * 48
DOWN = 200 * 48
HOLD = 400 * 48
UP = 700 * 48
HOLD_GAP = BEFORE + DOWN + HOLD + UP
"""Gaps too short to rise and fall again in stay down."""
MOST = 150
"""Deepest duck, in tenths of a decibel."""

Span = tuple[int, int]


def merged(spans: Sequence[Span], gap: int) -> list[Span]:
    """The spans in order, those nearer than `gap` samples joined."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] <= gap:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def duck(spans: Sequence[Span], depth: int, start: int, length: int) -> tuple[Gain, ...]:
    """The gain points of a sound at `start` of `length` samples under speech at `spans`, all in film samples.

    `depth` is in tenths of a decibel and positive. The level falls over 200 ms, is down 150 ms before the first
    word, holds 400 ms after the last and rises over 700 ms; between words too near for that it stays down.
    """
    depth = min(depth, MOST)
    if depth <= 0:
        return ()
    levels: dict[int, int] = {}
    for first, last in merged(spans, HOLD_GAP):
        low, high = first - BEFORE, last + HOLD
        if high + UP > start and low - DOWN < start + length:
            for at, level in ((low - DOWN, 0), (low, -depth), (high, -depth), (high + UP, 0)):
                levels[max(at, 0)] = level
    return tuple(Gain(at=at, level=level) for at, level in sorted(levels.items()))
