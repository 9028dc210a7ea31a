"""Locks: a locked aspect of a shot stays as it is, whatever an edit touches, until a person unlocks it."""

from typing import Any

from control.storyboard.edits.operation import Operation
from control.storyboard.errors import Locked
from control.storyboard.form import plain
from control.storyboard.labels import labels
from control.storyboard.models import Shot, Storyboard
from control.storyboard.readings import shot_readings
from control.storyboard.scalars import Aspect
from control.storyboard.shot import Beat, Spoken

_TIMING = ("seconds", "exact", "via", "trim_in", "j_cut", "l_cut")


def guard(before: Storyboard, after: Storyboard, op: Operation, *, by_person: bool) -> None:
    """Raises `Locked` where the edit touches a locked aspect, or takes a lock away and no person asked for it."""
    shots = {shot.id: shot for _, shot in after.shots()}
    locked = [shot for _, shot in before.shots() if shot.lock]
    if not locked:
        return
    moved = set(op.moved(before))
    was, now = _views(before, [s.id for s in locked]), _views(after, [s.id for s in locked])
    for shot in locked:
        left = shots.get(shot.id)
        gone = set(shot.lock) - set(left.lock if left is not None else ())
        if left is not None and gone and not (op.unlocks and by_person):
            raise _refused(before, shot, sorted(gone)[0], "only a person unlocks it")
        held = set(shot.lock) - (gone if op.unlocks else set())
        if not held:
            continue
        if left is None or left.omit != shot.omit or (shot.id in moved and held & {"timing", "all"}):
            raise _refused(before, shot, sorted(held)[0], "unlock it before it is moved, left out or removed")
        for aspect in _covered(held):
            if was[shot.id][aspect] != now[shot.id][aspect]:
                raise _refused(before, shot, aspect, "unlock it first")


def _covered(held: set[Aspect]) -> list[str]:
    return ["words", "picture", "timing", "rest"] if "all" in held else [a for a in held if a != "all"]


def _views(board: Storyboard, wanted: list[str]) -> dict[str, dict[str, Any]]:
    """What each aspect of the shots is made of, inherited values included."""
    present = {shot.id: shot for _, shot in board.shots() if shot.id in wanted}
    played = board.model_copy(
        update={"scenes": tuple(s.model_copy(update={"shots": tuple(_in(x) for x in s.shots)}) for s in board.scenes)}
    )
    readings = shot_readings(played)
    return {name: _view(shot, readings[name]) for name, shot in present.items()}


def _in(shot: Shot) -> Shot:
    return shot.model_copy(update={"omit": False})


def _view(shot: Shot, read: dict[str, Any]) -> dict[str, Any]:
    spoken = [[x.who, x.text, x.how, x.voice, x.pace] for x in shot.lines if isinstance(x, Spoken)]
    pauses = [
        [x.id, x.beat] if isinstance(x, Beat) else [x.id, x.pause, x.overlap, x.at]
        for x in shot.lines
        if isinstance(x, Beat) or (x.pause, x.overlap, x.at) != (None, 0.0, None)
    ]
    return {
        "words": spoken,
        "picture": [_pictures(read, shot), plain(shot.super), plain(shot.takes)],
        "timing": [*(plain(getattr(shot, name)) for name in _TIMING), pauses],
        "rest": plain(shot.model_copy(update={"notes": (), "lock": ()})),
    }


def _pictures(read: dict[str, Any], shot: Shot) -> list[Any]:
    """The readings of keyframe and motion, but for how long the shot lasts."""
    without = {"seconds", "exact"}
    found = []
    for letter in "KM":
        values, *around = read[letter]
        own, *rest = values
        found.append([{k: v for k, v in own.items() if k not in without}, rest, around])
    return found


def _refused(board: Storyboard, shot: Shot, aspect: str, advice: str) -> Locked:
    name = "all of it" if aspect in ("all", "rest") else f"its {aspect}"
    return Locked(f"shot {labels(board)[shot.id]} ({shot.id}) is locked: {name}; {advice}")
