"""What stands where in a script: the film's note, its scenes, and the passages that notes speak of."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from control.storyboard import findings
from control.storyboard.fountain import notes, page, script
from control.storyboard.fountain.script import Element
from control.storyboard.models import Scene as SceneModel
from control.storyboard.models import Shot, Storyboard
from control.storyboard.problem import Problem, error
from control.storyboard.source import Source
from control.storyboard.text import refusal

Values = dict[str, Any]
Block = tuple[Element, ...]
_SILENT = ("note", "section", "synopsis")


@dataclass
class Scene:
    """A scene as it is found: its heading (None before the first), its note, its blocks, remarks about it."""

    heading: Element | None
    note: Values | None = None
    blocks: list[Block] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass
class Outline:
    """A script in scenes. `film` is the note about the whole film, None where there is none."""

    film: Values | None = None
    scenes: list[Scene] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def ids(self) -> Iterator[str]:
        """The ids of scenes and shots that notes name."""
        for scene in self.scenes:
            if scene.note is not None:
                yield str(scene.note["scene"])
            found = (note_of(block) for block in scene.blocks)
            yield from (str(note["shot"]) for note in found if note is not None and "shot" in note)


def outline(read: script.Script) -> Outline:
    """The script in scenes. A last fade out is left away; damaged notes are among the problems."""
    made = Outline()
    pending: list[str] = []
    for block in script.blocks(_without_end(read.elements)):
        first = block[0]
        values = _noted(first, made) if first.kind == "note" else None
        if first.kind == "heading":
            made.scenes.append(Scene(first, remarks=pending))
            pending = []
        elif first.kind in ("section", "synopsis"):
            _remark(first, made, pending)
        elif values is not None and "film" in values:
            made.film = values
        elif values is not None and "scene" in values and made.scenes:
            made.scenes[-1].note = values
        elif values is None or "shot" in values:
            if not made.scenes:
                made.scenes.append(Scene(None))
            made.scenes[-1].blocks.append(block)
    if pending and made.scenes:
        made.scenes[-1].remarks += pending
    return made


def note_of(block: Block) -> Values | None:
    """The values of a vj note; None for anything else, a damaged one too."""
    if block[0].kind != "note":
        return None
    try:
        return notes.read(block[0].text)
    except ValueError:
        return None


def around(held: Sequence[Block], note: Values) -> tuple[list[Block], list[Block], list[Block]]:
    """The blocks before a noted shot, its own, and those after it: it begins with the paragraph the note names."""
    actions = [i for i, block in enumerate(held) if block[0].kind == "action"]
    if not actions:
        return list(held), [], []
    named = [i for i in actions if notes.mark(held[i][0].text) == note.get("of")]
    start = named[-1] if named else actions[-1]
    end = next((i for i in actions if i > start), len(held))
    while end < len(held) and held[end - 1][0].kind == "transition" and end - 1 > start:
        end -= 1
    begin = start - 1 if start and held[start - 1][0].kind == "transition" else start
    return list(held[:begin]), list(held[begin:end]), list(held[end:])


def _without_end(elements: Sequence[Element]) -> tuple[Element, ...]:
    last = next((i for i in reversed(range(len(elements))) if elements[i].kind not in _SILENT), None)
    if last is None or not page.is_end_fade(elements[last]):
        return tuple(elements)
    return (*elements[:last], *elements[last + 1 :])


def _noted(element: Element, made: Outline) -> Values | None:
    try:
        values = notes.read(element.text)
    except ValueError:
        made.problems.append(error("script", "a vj note is damaged and left out; its words are kept", element.line))
        return {}
    if values is not None:
        _check(values, element.line)
    return values


def _check(values: Values, line: int) -> None:
    """Refuse a note with fields that no storyboard takes. Raises `StoryboardRefused`."""
    kind = next(kind for kind in _MODELS if kind in values)
    model, least = _MODELS[kind]
    fields = {key: value for key, value in values.get("is", {}).items() if value is not None}
    try:
        model.model_validate_json(json.dumps({**least, **fields}))
    except ValidationError as bad:
        at = f"{kind} {values[kind]}: " if kind != "film" else ""
        found = findings.problems(bad.errors(), Source({}, {}))
        raise refusal([error(at + problem.path, problem.message, line) for problem in found]) from bad


_MODELS: dict[str, tuple[type[BaseModel], Values]] = {
    "film": (Storyboard, {}),
    "scene": (SceneModel, {"id": "scene"}),
    "shot": (Shot, {"id": "shot", "action": "-"}),
}
"""What a note is about -> the model of its fields, and the least that model needs."""


def _remark(element: Element, made: Outline, pending: list[str]) -> None:
    """A synopsis right under a heading is of that scene, any other remark of the scene that comes next."""
    here = element.kind == "synopsis" and made.scenes and not made.scenes[-1].blocks
    text = f"{'#' if element.kind == 'section' else '='} {element.text}"
    (made.scenes[-1].remarks if here else pending).append(text)
