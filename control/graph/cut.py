"""The picture cut: where shots lie in the film, and which frames of which clip each segment shows.

A dissolve into a shot is centred on its cut and made inside the later segment, so the earlier one ends where it
begins. Dips fade each side by half. Cuts, dissolves and fades never change the film's length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from functions.contract.params import Edge

Via = Literal["cut", "dissolve", "fade-in", "dip-black", "dip-white"]


@dataclass(frozen=True)
class CutShot:
    """A shot as the cut sees it: planned frames, transition into it, slip into its take (frames)."""

    id: str
    frames: int
    via: Via = "cut"
    via_frames: int = 0
    trim: int = 0


@dataclass(frozen=True)
class Segment:
    """A part of the film that is encoded once. `start` is the film frame of its first frame, `source` the clip frame
    shown there (below 0, and beyond the clip's end, the edge frame is held).
    """

    shot: str
    start: int
    frames: int
    source: int
    head: Edge
    tail: Edge
    previous: str | None = None


def shot_starts(shots: Sequence[CutShot]) -> list[int]:
    """The film frame at which each shot begins, and, last, the film's length."""
    starts = [0]
    for shot in shots:
        starts.append(starts[-1] + shot.frames)
    return starts


def segments(shots: Sequence[CutShot], *, fade_out: int = 0) -> tuple[Segment, ...]:
    """The film's segments in order. `fade_out` frames of the last shot go to black."""
    starts = shot_starts(shots)
    leads = [_lead(shots, i) for i in range(len(shots))]
    found = []
    for i, shot in enumerate(shots):
        lead, following = leads[i], leads[i + 1] if i + 1 < len(shots) else 0
        length = shot.frames + lead - following
        head, tail = _within(_head(shots, i), length), _within(_tail(shots, i, fade_out), length)
        found.append(
            Segment(
                shot=shot.id,
                start=starts[i] - lead,
                frames=length,
                source=shot.trim - lead,
                head=head,
                tail=tail,
                previous=shots[i - 1].id if head.via == "dissolve" else None,
            )
        )
    return tuple(found)


def _within(edge: Edge, frames: int) -> Edge:
    return edge if edge.frames <= frames else edge.model_copy(update={"frames": frames})


def _lead(shots: Sequence[CutShot], i: int) -> int:
    """Frames by which a segment begins before its cut: half of a dissolve, within both shots."""
    if i == 0 or shots[i].via != "dissolve":
        return 0
    return min(shots[i].via_frames // 2, shots[i - 1].frames // 2, shots[i].frames // 2)


def _head(shots: Sequence[CutShot], i: int) -> Edge:
    shot = shots[i]
    if shot.via == "dissolve" and i > 0:
        lead, before = _lead(shots, i), shots[i - 1]
        length = min(2 * lead, shot.frames)
        return Edge(via="dissolve", frames=length, total=length, previous_start=before.trim + before.frames - lead)
    if shot.via == "fade-in" or (shot.via == "dissolve" and i == 0):
        return Edge(via="fade", frames=min(shot.via_frames, shot.frames))
    if shot.via in ("dip-black", "dip-white"):
        return _dip(shot, min(shot.via_frames - shot.via_frames // 2, shot.frames))
    return Edge()


def _tail(shots: Sequence[CutShot], i: int, fade_out: int) -> Edge:
    if i + 1 == len(shots):
        return Edge(via="fade", frames=min(fade_out, shots[i].frames)) if fade_out else Edge()
    following = shots[i + 1]
    if following.via in ("dip-black", "dip-white"):
        return _dip(following, min(following.via_frames // 2, shots[i].frames))
    return Edge()


def _dip(shot: CutShot, frames: int) -> Edge:
    return Edge(via="fade", frames=frames, colour="white" if shot.via == "dip-white" else "black")
