"""Which pictures of a clip stand at which frames of another rate, and what lies between which two."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from functions.contract.base import Rate
from functions.contract.job import Note
from functions.media.frames import Packed


@dataclass(frozen=True)
class Whole:
    """A picture of the clip itself, untouched."""

    picture: Packed


@dataclass(frozen=True)
class Between:
    """A picture to be made `t` (in 0..1, both excluded) of the way from `left` to `right`."""

    left: Packed
    right: Packed
    t: float


@dataclass
class Count:
    """What came of a clip's frames: those made, those held at a cut or beyond the end, and cuts."""

    made: int = 0
    cuts: int = 0
    held: int = 0

    def notes(self) -> list[Note]:
        """What a person should know of it."""
        found = [
            Note(code="frames_made", detail=f"{self.made} frames were made between others", value=float(self.made))
        ]
        if not self.made:
            detail = "nothing was made between others: the clip has this rate already, or no picture follows another"
            found.append(Note(code="nothing_to_make", detail=detail))
        if self.cuts:
            detail = f"the clip has {self.cuts} cuts; no frame mixes two scenes"
            found.append(Note(code="cuts", detail=detail, value=float(self.cuts)))
        if self.held:
            detail = f"the clip ends {self.held} frames early; its last picture was held"
            found.append(Note(code="frames_held", detail=detail, value=float(self.held)))
        return found


def schedule(
    pictures: Iterator[Packed],
    source: Rate,
    rate: Rate,
    frames: int,
    is_cut: Callable[[Packed, Packed], bool],
    count: Count,
) -> Iterator[Whole | Between]:
    """`frames` items at `rate`. Frame n stands at exactly n / rate seconds, the clip's own frames at theirs.

    One that coincides with a picture is that picture. Across a cut the nearer picture is held.
    """
    pace = Fraction(source.num * rate.den, source.den * rate.num)
    left, right, index, cut = next(pictures), next(pictures, None), 0, None
    for number in range(frames):
        place = number * pace
        while index < int(place) and right is not None:
            left, right, index, cut = right, next(pictures, None), index + 1, None
        t = place - index
        if right is None or t == 0 or right is left:
            count.held += right is None and t >= 1
            yield Whole(left)
            continue
        if cut is None:
            cut = is_cut(left, right)
            count.cuts += cut
        if cut:
            yield Whole(left if 2 * t < 1 else right)
        else:
            count.made += 1
            yield Between(left, right, float(t))
