"""Where a storyboard names something: every use of an id, and whether it leads anywhere."""

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from control.storyboard.models import Scene, Shot, Storyboard, mark
from control.storyboard.problem import Problem, error
from control.storyboard.shot import SIDES

Kind = Literal["cast", "places", "props", "shot", "line"]
_WORDS: dict[Kind, str] = {
    "cast": "in the cast",
    "places": "among the places",
    "props": "among the props",
    "shot": "a shot of this film",
    "line": "a line of this shot",
}


@dataclass(frozen=True, slots=True)
class Use:
    """One place where an id is used. `at` is where it stands, `inside` the shot that holds it."""

    kind: Kind
    id: str
    at: str
    inside: str | None = None


def uses(board: Storyboard) -> Iterator[Use]:
    """Every reference of the film, in the order of the text."""
    for index, cue in enumerate(board.music):
        for name, text in (("from", cue.start), ("to", cue.to)):
            if text != "end":
                yield Use("shot", mark(text).shot, f"music[{index}].{name}")
    if board.titles.open is not None and board.titles.open.over is not None:
        yield Use("shot", board.titles.open.over, "titles.open.over")
    for index, scene in enumerate(board.scenes):
        yield from _scene(scene, f"scenes[{index}]")


def dangling(board: Storyboard) -> list[Problem]:
    """An error for every reference that leads nowhere, with the nearest id that would."""
    known: dict[Kind, Collection[str]] = {
        "cast": board.cast,
        "places": board.places,
        "props": board.props,
        "shot": [shot.id for _, shot in board.shots()],
    }
    lines = {shot.id: [line.id for line in shot.lines] for _, shot in board.shots()}
    found = []
    for use in uses(board):
        there = lines[use.inside or ""] if use.kind == "line" else known[use.kind]
        if use.id not in there:
            found.append(error(use.at, f"{use.id!r} is not {_WORDS[use.kind]}{_near(use.id, there)}"))
    return found


def _scene(scene: Scene, at: str) -> Iterator[Use]:
    if scene.place is not None:
        yield Use("places", scene.place, f"{at}.place")
    for name in scene.wardrobe:
        yield Use("cast", name, f"{at}.wardrobe.{name}")
    for index, shot in enumerate(scene.shots):
        yield from _shot(shot, f"{at}.shots[{index}]")


def _shot(shot: Shot, at: str) -> Iterator[Use]:
    for field in ("over", "pov"):
        if (person := getattr(shot, field)) is not None:
            yield Use("cast", person, f"{at}.{field}", shot.id)
    for name, blocking in (shot.who or {}).items():
        yield Use("cast", name, f"{at}.who.{name}", shot.id)
        if blocking.facing not in SIDES:
            yield Use("cast", blocking.facing, f"{at}.who.{name}.facing", shot.id)
    for index, prop in enumerate(shot.props):
        yield Use("props", prop, f"{at}.props[{index}]", shot.id)
    if shot.same_as is not None:
        yield Use("shot", shot.same_as, f"{at}.same_as", shot.id)
    for index, line in enumerate(shot.lines):
        if hasattr(line, "who"):
            yield Use("cast", line.who, f"{at}.lines[{index}].who", shot.id)
    for index, note in enumerate(shot.notes):
        if note.line is not None:
            yield Use("line", note.line, f"{at}.notes[{index}].line", shot.id)


def _near(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; the nearest is {close[0]!r}"
    return f"; known are {', '.join(list(known)[:8])}" if known else "; there is none yet"
