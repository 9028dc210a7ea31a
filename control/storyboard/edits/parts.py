"""Parts of a storyboard found and put back: each function gives a new board."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from control.storyboard import findings
from control.storyboard.checks import ids
from control.storyboard.errors import EditRefused, UnknownTarget
from control.storyboard.labels import resolve
from control.storyboard.minting import mint_part
from control.storyboard.models import Line, Scene, Sfx, Shot, Spoken, Storyboard
from control.storyboard.problem import error
from control.storyboard.scalars import Node
from control.storyboard.source import Source

Part = TypeVar("Part", bound=Node)


class Identified(Protocol):
    """A part with an id."""

    @property
    def id(self) -> str: ...


Held = TypeVar("Held", bound=Identified)


def shot_of(board: Storyboard, ref: str) -> Shot:
    """The shot with this id or label. Raises `UnknownTarget`."""
    return board.shot(resolve(board, ref))


def scene_of(board: Storyboard, scene_id: str) -> Scene:
    """The scene of this id. Raises `UnknownTarget`."""
    try:
        return board.scene(scene_id)
    except KeyError as missing:
        raise UnknownTarget(f"the film has no scene {scene_id!r}") from missing


def line_of(board: Storyboard, line_id: str) -> tuple[Shot, Line]:
    """The line of this id and its shot. Raises `UnknownTarget`."""
    for _, shot in board.shots():
        for line in shot.lines:
            if line.id == line_id:
                return shot, line
    raise UnknownTarget(f"the film has no line {line_id!r}")


def spoken_of(board: Storyboard, line_id: str) -> tuple[Shot, Spoken]:
    """The spoken line of this id and its shot. Raises `UnknownTarget`, `EditRefused` for a beat."""
    shot, line = line_of(board, line_id)
    if not isinstance(line, Spoken):
        raise EditRefused(f"{line_id} is a beat and has no words")
    return shot, line


def sfx_of(board: Storyboard, sfx_id: str) -> tuple[Shot, Sfx]:
    """The sound of this id and its shot. Raises `UnknownTarget`."""
    for _, shot in board.shots():
        for sfx in shot.sfx:
            if sfx.id == sfx_id:
                return shot, sfx
    raise UnknownTarget(f"the film has no sound {sfx_id!r}")


def with_scene(board: Storyboard, *scenes: Scene) -> Storyboard:
    """The board with these scenes in the place of those of the same ids."""
    new = {scene.id: scene for scene in scenes}
    return board.model_copy(update={"scenes": tuple(new.get(s.id, s) for s in board.scenes)})


def with_shot(board: Storyboard, *shots: Shot) -> Storyboard:
    """The board with these shots in the place of those of the same ids."""
    new = {shot.id: shot for shot in shots}
    touched = [s for s in board.scenes if any(shot.id in new for shot in s.shots)]
    changed = (s.model_copy(update={"shots": tuple(new.get(x.id, x) for x in s.shots)}) for s in touched)
    return with_scene(board, *changed)


def without_shots(board: Storyboard, gone: Sequence[str]) -> Storyboard:
    """The board without these shots."""
    kept = (s.model_copy(update={"shots": tuple(x for x in s.shots if x.id not in gone)}) for s in board.scenes)
    return board.model_copy(update={"scenes": tuple(kept)})


def inserted(held: tuple[Held, ...], after: str | None, *new: Held) -> tuple[Held, ...]:
    """The sequence with new parts after the one of this id, or first. Raises `UnknownTarget`."""
    if after is None:
        return (*new, *held)
    at = next((index for index, part in enumerate(held) if part.id == after), None)
    if at is None:
        raise UnknownTarget(f"there is no {after!r} to put it after; use one of {', '.join(p.id for p in held) or '-'}")
    return (*held[: at + 1], *new, *held[at + 1 :])


def put_shots(board: Storyboard, after: str | None, scene_id: str | None, *shots: Shot) -> Storyboard:
    """The board with shots after another (by id or label), or first in a scene. Raises `UnknownTarget`."""
    if after is not None:
        anchor = resolve(board, after)
        scene = board.scene_of(anchor)
        if scene_id not in (None, scene.id):
            raise EditRefused(f"{after} is in scene {scene.id}, not in {scene_id}; leave one of them out")
    elif scene_id is not None:
        anchor, scene = None, scene_of(board, scene_id)
    else:
        raise EditRefused("say after which shot, or in which scene first")
    return with_scene(board, scene.model_copy(update={"shots": inserted(scene.shots, anchor, *shots)}))


def edited(part: Part, path: str, value: Any, closed: frozenset[str], expand: Callable[[Any], Any]) -> Part:
    """The part with the field at a dotted path set, None for back to its default. `closed` are fields that have
    operations of their own; `expand` knows the part's short forms. Raises `EditRefused` with path and reason.
    """
    head, *rest = steps = path.split(".")
    if head in closed:
        raise EditRefused(f"`{head}` is not set this way; it has an operation of its own")
    values = part.model_dump(mode="json", exclude_defaults=True)
    here = values
    for step in steps[:-1]:
        found = here.get(step)
        here[step] = here = dict(found) if isinstance(found, dict) else {}
    if value is None:
        here.pop(steps[-1], None)
    else:
        here[steps[-1]] = value
    if rest and not here and value is None:
        _prune(values, steps[:-1])
    return built(type(part), expand(values))


def built(model: type[Part], values: Any) -> Part:
    """A part of JSON values. Raises `EditRefused` with every problem."""
    try:
        return model.model_validate_json(json.dumps(values))
    except ValidationError as bad:
        found = findings.problems(bad.errors(), Source(values, {}), model)
        raise EditRefused(f"{found[0].path or model.__name__}: {found[0].message}", found) from bad


def drafted(board: Storyboard, model: type[Part], kind: str, values: Any) -> Part:
    """A new part of this list (`shots`, `lines`..), with ids minted where it has none. Raises `EditRefused`."""
    if not isinstance(values, dict):
        raise EditRefused(f"a part of {kind} is a map of fields", [error(kind, "is no map of fields")])
    return built(model, mint_part(kind, values, {name for name, _ in ids(board)} | set(board.reserved)))


def _prune(values: dict[str, Any], steps: Sequence[str]) -> None:
    """Take away a map that has become empty, where that is the same as not stating it."""
    if len(steps) == 1 and steps[0] != "who":
        values.pop(steps[0], None)
