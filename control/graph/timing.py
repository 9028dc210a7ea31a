"""When each line of a shot is spoken, and how long the shot must therefore be. All positions are samples at 48 kHz
from the shot's first frame; a shot whose own sound leads the picture has lines before 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from functions.contract.base import SAMPLE_RATE, Rate

MS = SAMPLE_RATE // 1000
TAIL = 350 * MS
LAST_CLEAR = 1200 * MS
LEAST_SECONDS = 0.5
CUT_FRAMES = 8
"""Frames that stay free of words after a cut and before one."""
FASTEST, SLOWEST = 1080, 920
"""How far lines may be hurried or slowed to fit, in thousandths of the voice's own pace."""


def samples(seconds: float) -> int:
    """Samples at 48 kHz, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE)


def ceil_frames(length: int, rate: Rate) -> int:
    """The least number of frames that last at least `length` samples."""
    unit = SAMPLE_RATE * rate.den
    return -(-length * rate.num // unit)


def round_frames(length: int, rate: Rate) -> int:
    """The number of frames nearest to `length` samples."""
    unit = SAMPLE_RATE * rate.den
    return (2 * length * rate.num + unit) // (2 * unit)


@dataclass(frozen=True)
class Utterance:
    """A line or a beat to be placed. `length` in samples, `gap` the silence before it; `at` where it is stated."""

    id: str
    length: int
    gap: int = 0
    spoken: bool = True
    at: int | None = None
    overlap: int = 0


@dataclass(frozen=True)
class Placed:
    """A line on the shot's own clock."""

    id: str
    start: int
    end: int
    spoken: bool = True


@dataclass(frozen=True)
class ShotTime:
    """A shot's length in frames, its lines, and the line that made it longer than planned, if one did."""

    frames: int
    lines: tuple[Placed, ...]
    stretched_by: str | None = None
    planned: int = 0

    @property
    def spoken(self) -> tuple[Placed, ...]:
        """Lines only, without beats."""
        return tuple(p for p in self.lines if p.spoken)


def place(utterances: Sequence[Utterance], rate: Rate, *, lead: int = 0) -> tuple[Placed, ...]:
    """Lay lines and beats one after another: turn gaps, stated pauses and positions, overlaps.

    `lead` is how far the shot's own sound goes before its picture; the first word keeps 8 frames after the cut
    otherwise.
    """
    found: list[Placed] = []
    clock = -lead
    for u in utterances:
        first = not any(p.spoken for p in found)
        start = max(clock + u.gap, rate.samples(CUT_FRAMES) - lead) if first and u.spoken else clock + u.gap
        if u.overlap and found:
            start = max(found[-1].end - u.overlap, found[-1].start)
        if u.at is not None:
            start = u.at
        found.append(Placed(u.id, start, start + u.length, u.spoken))
        clock = max(clock, start + u.length)
    return tuple(found)


def shot_time(
    utterances: Sequence[Utterance],
    rate: Rate,
    *,
    planned: int,
    other_end: int = 0,
    lead: int = 0,
    trail: int = 0,
    last: bool = False,
) -> ShotTime:
    """The shot's frames: max(planned, latest line, beat or effect end + tail, half a second).

    `planned` in samples; `other_end` is when the last effect ends; `trail` is how far the shot's sound may outlast
    its picture; the film's last shot keeps 1.2 s clear after its last word.
    """
    lines = place(utterances, rate, lead=lead)
    frames = max(round_frames(planned, rate), round_frames(samples(LEAST_SECONDS), rate), 1)
    longest = max(lines, key=lambda p: p.end, default=None)
    needed = frames
    if longest is not None:
        needed = max(needed, ceil_frames(longest.end + _tail(longest, rate, trail=trail, last=last), rate))
    if other_end:
        needed = max(needed, ceil_frames(other_end + TAIL, rate))
    cause = longest.id if longest is not None and needed > frames and longest.end >= other_end else None
    return ShotTime(needed, lines, cause, frames)


def _tail(line: Placed, rate: Rate, *, trail: int, last: bool) -> int:
    if last and line.spoken:
        return LAST_CLEAR
    if trail:
        return -trail
    return max(TAIL, rate.samples(CUT_FRAMES))


def fitting_pace(
    utterances: Sequence[Utterance], rate: Rate, *, planned: int, lead: int, trail: int, last: bool
) -> int:
    """Thousandths by which all lines must be hurried for the shot to keep its planned length; 1000 where they fit,
    0 where even the fastest does not.
    """
    for pace in range(1000, FASTEST + 1, 5):
        hurried = [replace(u, length=u.length * 1000 // pace) if u.spoken else u for u in utterances]
        time = shot_time(hurried, rate, planned=planned, lead=lead, trail=trail, last=last)
        if time.frames <= time.planned:
            return pace
    return 0
