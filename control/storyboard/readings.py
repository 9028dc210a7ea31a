"""What each class of steps reads of a storyboard, shot by shot: equal readings mean that nothing is stale."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from control.storyboard import schema
from control.storyboard.form import plain
from control.storyboard.inherit import Effective, effective
from control.storyboard.models import Storyboard
from control.storyboard.scalars import CLASSES
from control.storyboard.speech import WORDS

_ENTITIES = frozenset({"cast", "places", "props", "pronounce"})
_CUT = frozenset({"title", "titles", "end", "music", "scenes"})
"""Fields of the film that its cut and mix read, but no single shot."""

_FILLED = ("size", "angle", "lens", "compose", "light", "who")


@dataclass(frozen=True, slots=True)
class Stale:
    """What an edit makes stale: classes of steps by shot, and of the film's own cut (C) and mix (S)."""

    shots: Mapping[str, str]
    film: str


def stale(before: Storyboard, after: Storyboard) -> Stale:
    """What of the film `before` cannot be used for the film `after`; shots that are left out or gone are not named.

    What leans on another shot's picture goes with it: `same_as`, `from_previous`, an `end_frame` that is the next's.
    """
    old, new = shot_readings(before), shot_readings(after)
    found = {shot: set(_differing(old.get(shot, {}), read)) for shot, read in new.items()}
    _spread(after, found)
    film = _differing(film_readings(before), film_readings(after))
    return Stale({shot: _ordered(classes) for shot, classes in found.items() if classes}, film)


def shot_readings(board: Storyboard) -> dict[str, dict[str, Any]]:
    """Shot id -> class -> plain values of all that steps of the class read. Shots that are left out have none."""
    played = [shot for _, shot in board.shots() if not shot.omit]
    film = {letter: projected(board, letter, "", _ENTITIES | _CUT) for letter in CLASSES}
    found = {}
    for index, shot in enumerate(played):
        whole = effective(board, shot)
        before = played[index - 1].id if index and shot.from_previous else None
        after = played[index + 1].id if index + 1 < len(played) and shot.end_frame == "next" else None
        read = {letter: _shot(board, whole, film, letter) for letter in CLASSES}
        found[shot.id] = {k: [v, before, after] if k in "KM" else v for k, v in read.items()}
    return found


def film_readings(board: Storyboard) -> dict[str, Any]:
    """Class -> plain values of what only the film as a whole reads, C and S."""
    order = [shot.id for _, shot in board.shots() if not shot.omit]
    cut = {name: getattr(board, name) for name in ("title", "titles", "end")}
    return {"C": [order, [plain(value) for value in cut.values()]], "S": plain(board.music)}


def projected(part: BaseModel, letter: str, inherited: str, leave: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Plain values of the fields that steps of one class read. `inherited` is for fields that state none."""
    found = {}
    for name, classes in _readable(type(part), letter, inherited):
        if name not in leave and (value := _value(getattr(part, name), letter, classes)) is not None:
            found[name] = value
    return found


@functools.cache
def _readable(model: type[BaseModel], letter: str, inherited: str) -> tuple[tuple[str, str], ...]:
    """Fields in which, or in whose parts, steps of the class read something, each with its classes."""
    deep = {path.split(".")[0] for path, classes in schema.fields(model, inherited=inherited) if letter in classes}
    return tuple(
        (name, schema.reads(info, inherited)) for key, (name, info) in schema.written(model).items() if key in deep
    )


def _value(value: Any, letter: str, classes: str) -> Any:
    if isinstance(value, BaseModel):
        return projected(value, letter, classes) or None
    if isinstance(value, dict):
        return [[k, inner] for k, v in value.items() if (inner := _value(v, letter, classes)) is not None] or None
    if isinstance(value, tuple):
        return [inner for v in value if (inner := _value(v, letter, classes)) is not None] or None
    return value if letter in classes else None


def _shot(board: Storyboard, whole: Effective, film: Mapping[str, Any], letter: str) -> list[Any]:
    filled = whole.shot.model_copy(update={name: getattr(whole, name) for name in _FILLED})
    scene = projected(whole.scene, letter, "", frozenset({"light", "wardrobe", "ambience", "shots"}))
    bed = whole.ambience if letter == "S" else None
    return [projected(filled, letter, ""), scene, film[letter], bed, _named(board, whole, letter)]


def _named(board: Storyboard, whole: Effective, letter: str) -> list[Any]:
    """What the class reads of the people, the place and the things that the shot names."""
    scene, shot = whole.scene, whole.shot
    seen = [*whole.who, *(person for person in (shot.over, shot.pov) if person is not None)]
    heard = [line.who for line in shot.spoken]
    named: list[tuple[str, dict[str, Any], list[str], str]] = [
        ("cast", dict(board.cast), seen if letter in "KM" else heard, "KM"),
        ("places", dict(board.places), [scene.place] if scene.place is not None and letter in "KM" else [], "KM"),
        ("props", dict(board.props), list(shot.props), "KM"),
    ]
    found: list[Any] = [
        [kind, name, projected(held[name], letter, classes, frozenset({"wardrobe"}))]
        for kind, held, names, classes in named
        for name in dict.fromkeys(names)
        if name in held
    ]
    if letter == "D":
        spoken = {word.casefold() for line in shot.spoken for word in WORDS.findall(line.text)}
        found.append([[k, v] for k, v in board.pronounce.items() if spoken & {w.casefold() for w in WORDS.findall(k)}])
    return found


def _spread(board: Storyboard, found: dict[str, set[str]]) -> None:
    """Carry staleness along the shots that use each other's pictures, until nothing is added."""
    played = [shot for _, shot in board.shots() if not shot.omit]
    growing = True
    while growing:
        size = sum(map(len, found.values()))
        for index, shot in enumerate(played):
            if shot.same_as is not None and "K" in found.get(shot.same_as, ()):
                found[shot.id] |= {"K", "M"}
            if shot.from_previous and index and "M" in found[played[index - 1].id]:
                found[shot.id] |= {"K", "M"}
            if shot.end_frame == "next" and index + 1 < len(played) and "K" in found[played[index + 1].id]:
                found[shot.id].add("M")
        growing = sum(map(len, found.values())) > size


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return _ordered({letter for letter in after if before.get(letter) != after[letter]})


def _ordered(classes: set[str]) -> str:
    return "".join(letter for letter in CLASSES if letter in classes)
