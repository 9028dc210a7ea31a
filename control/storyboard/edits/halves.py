"""A shot cut in two, and two made one: frames, words, speakers and order are conserved."""

from collections.abc import Sequence

from control.storyboard.errors import EditRefused
from control.storyboard.models import Line, Shot, Spoken, Transition
from control.storyboard.speech import planned_seconds, schedule

_SHORTEST = 0.5


def parted(shot: Shot, fps: int, new_id: str, at_line: str | None, at_seconds: float | None) -> tuple[Shot, Shot]:
    """The two halves. Cuts before a line, or at a second: then a line that begins later goes to the second half.

    Raises `EditRefused` unless exactly one place is named and leaves half a second and, for a line, a line each side.
    """
    if (at_line is None) == (at_seconds is None):
        raise EditRefused("say either before which line or at which second the shot splits")
    total = round(planned_seconds(shot) * fps)
    starts = [timed.start for timed in schedule(shot)]
    index = _line_index(shot, at_line) if at_line is not None else sum(start < (at_seconds or 0) for start in starts)
    wanted = starts[index] if at_line is not None else at_seconds or 0.0
    shortest = -int(-_SHORTEST * fps // 1)
    if total < 2 * shortest:
        raise EditRefused(f"{shot.id} is too short to split; each half lasts at least {_SHORTEST} s")
    if at_seconds is not None and not shortest <= round(wanted * fps) <= total - shortest:
        raise EditRefused(
            f"{shot.id} lasts {total / fps:g} s; split it between {_SHORTEST} and {total / fps - _SHORTEST:g}"
        )
    cut = min(max(round(wanted * fps), shortest), total - shortest)
    return _first(shot, index, cut, fps), _second(shot, new_id, index, cut, total, fps)


def joined(first: Shot, second: Shot, fps: int) -> Shot:
    """One shot of two: the first's picture, both's words, sounds and notes one after the other.

    Raises `EditRefused` where the sum is longer than a shot may be, or only one of them is in the cut.
    """
    if first.omit != second.omit:
        raise EditRefused(f"only one of {first.id} and {second.id} is left out; take it in, or leave both out")
    frames = round(planned_seconds(first) * fps) + round(planned_seconds(second) * fps)
    length = frames / fps
    if length > 60:
        raise EditRefused(f"together they last {length:g} s; a shot is at most 60")
    offset = round(planned_seconds(first) * fps) / fps
    action = first.action if first.action == second.action else f"{first.action} {second.action}"
    if len(action.split()) > 60:
        raise EditRefused(f"together their actions have {len(action.split())} words; shorten them to 60 first")
    return first.model_copy(
        update={
            "action": action,
            "seconds": length,
            "exact": first.exact and second.exact,
            "lines": (*first.lines, *_shifted(second.lines, offset)),
            "sfx": (*first.sfx, *(s.model_copy(update={"at": min(s.at + offset, 60.0)}) for s in second.sfx)),
            "l_cut": second.l_cut,
            "end_frame": second.end_frame,
            "super": first.super if first.super is not None else second.super,
            "notes": (*first.notes, *second.notes),
        }
    )


def _first(shot: Shot, index: int, cut: int, fps: int) -> Shot:
    kept = {line.id for line in shot.lines[:index]}
    return shot.model_copy(
        update={
            "seconds": cut / fps,
            "lines": shot.lines[:index],
            "sfx": tuple(s for s in shot.sfx if s.at < cut / fps),
            "l_cut": 0.0,
            "end_frame": None,
            "notes": tuple(n for n in shot.notes if n.line is None or n.line in kept),
        }
    )


def _second(shot: Shot, new_id: str, index: int, cut: int, total: int, fps: int) -> Shot:
    offset = cut / fps
    kept = {line.id for line in shot.lines[index:]}
    return shot.model_copy(
        update={
            "id": new_id,
            "seconds": (total - cut) / fps,
            "lines": _shifted(shot.lines[index:], -offset),
            "sfx": tuple(s.model_copy(update={"at": s.at - offset}) for s in shot.sfx if s.at >= offset),
            "j_cut": 0.0,
            "via": Transition(),
            "super": None,
            "keyframe": None,
            "from_previous": False,
            "trim_in": min(shot.trim_in + offset, 60.0) if shot.takes else shot.trim_in,
            "lock": (),
            "notes": tuple(n for n in shot.notes if n.line in kept),
        }
    )


def _shifted(lines: Sequence[Line], offset: float) -> tuple[Line, ...]:
    """The lines with what is fixed by `at` moved along."""
    return tuple(
        line.model_copy(update={"at": min(max(line.at + offset, 0.0), 60.0)})
        if isinstance(line, Spoken) and line.at is not None
        else line
        for line in lines
    )


def _line_index(shot: Shot, line_id: str) -> int:
    index = next((i for i, line in enumerate(shot.lines) if line.id == line_id), -1)
    if index < 1:
        raise EditRefused(f"{shot.id} cannot split at {line_id!r}; name one of its lines but the first")
    return index
