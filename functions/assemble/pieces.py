"""Which frames of a segment are encoded, and which are copied from the clip group by group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """`frames` frames of a segment from `start` on: copied from the clip's frame `source` on, encoded where None."""

    start: int
    frames: int
    source: int | None = None


def pieces(frames: int, start: int, groups: Sequence[range], plain: Callable[[int], bool]) -> list[Piece]:
    """Cut a segment of `frames`, whose first shows the clip's frame `start`, into as few pieces as can be.

    `groups` are the clip's groups of pictures in order; one is copied where all its frames lie in the segment and are
    `plain`: shown as they are.
    """
    found: list[Piece] = []
    at = 0
    for group in groups:
        first, end = group.start - start, group.stop - start
        if first < at or end > frames or not all(plain(index) for index in range(first, end)):
            continue
        if first > at:
            found.append(Piece(at, first - at))
        if found and found[-1].source is not None and first == at:
            before = found.pop()
            found.append(Piece(before.start, end - before.start, before.source))
        else:
            found.append(Piece(first, end - first, group.start))
        at = end
    return [*found, Piece(at, frames - at)] if at < frames else found
