"""Batches of edits: applied whole or not at all, undone exactly, carried over to a newer revision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from control.storyboard import checks, findings, readings
from control.storyboard.edits import care, cut, entities, film, render, scenes, shots, sounds, words
from control.storyboard.edits.change import Change, changes
from control.storyboard.edits.locks import guard
from control.storyboard.edits.operation import Operation
from control.storyboard.errors import EditRefused
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem
from control.storyboard.readings import Stale
from control.storyboard.scalars import Node, Short, Text
from control.storyboard.source import Source
from control.storyboard.text import long_form, validate

Op = Annotated[
    film.SetFilm
    | film.AddMusic
    | film.EditMusic
    | film.RemoveMusic
    | film.SetTitles
    | entities.AddEntity
    | entities.EditEntity
    | entities.RenameEntity
    | entities.RemoveEntity
    | entities.BindCast
    | scenes.AddScene
    | scenes.EditScene
    | scenes.MoveScene
    | scenes.SplitScene
    | scenes.MergeScenes
    | scenes.RemoveScene
    | shots.AddShot
    | shots.EditShot
    | shots.MoveShots
    | shots.DuplicateShot
    | shots.SplitShot
    | shots.MergeShots
    | shots.OmitShots
    | shots.RemoveShots
    | words.AddLine
    | words.EditLine
    | words.MoveLine
    | words.SplitLine
    | words.RemoveLine
    | words.ReplaceText
    | sounds.AddSfx
    | sounds.EditSfx
    | sounds.MoveSfx
    | sounds.RemoveSfx
    | sounds.SetEdges
    | cut.SetSeconds
    | cut.RollCut
    | cut.Trim
    | cut.SetTransition
    | cut.ChooseTake
    | render.SetSeed
    | render.SetOverride
    | render.ClearOverride
    | render.SetImage
    | render.ClearImage
    | care.Lock
    | care.Unlock
    | care.AddNote
    | care.ResolveNote
    | care.RestoreRevision
    | care.Import
    | care.Patch,
    Field(discriminator="op"),
]


class EditBatch(Node):
    """What a person, the writer, an import or Discord asks to change, and on which revision it is based."""

    film: Annotated[str, Field(min_length=1, max_length=64)]
    base: Annotated[int, Field(ge=0)]
    ops: Annotated[tuple[Op, ...], Field(min_length=1, max_length=500)]
    author: Short = ""
    source: Literal["person", "writer", "import", "discord"] = "person"
    reason: Text = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """The new storyboard, the operations that undo the batch, what changed where, and what is stale by it."""

    board: Storyboard
    inverses: tuple[Op, ...]
    changes: tuple[Change, ...]
    stale: Stale
    problems: tuple[Problem, ...]
    """Warnings of the new storyboard."""


def apply(
    board: Storyboard,
    ops: Sequence[Op],
    *,
    by_person: bool = True,
    resolve: Mapping[str, Storyboard] | None = None,
) -> Edited:
    """Apply a batch, whole or not at all.

    `resolve` holds the storyboards that operations name: `revision:<n>`, `import:<digest>`.
    Raises `EditRefused` (for a lock `Locked`, for a patch on other values `StaleBase`) and `UnknownTarget`.
    """
    now, inverses = board, list[Op]()
    for op in ops:
        after = _applied(now, op, resolve or {}, by_person=by_person)
        inverses.insert(0, care.Patch(changes=tuple(c.inverse for c in changes(now, after))))
        now = after
    return _finished(board, now, tuple(inverses), revives=any(op.restores for op in ops))


def rebase(
    base: Storyboard,
    current: Storyboard,
    ops: Sequence[Op],
    *,
    by_person: bool = True,
    resolve: Mapping[str, Storyboard] | None = None,
) -> Edited:
    """Apply a batch that was made on `base` to `current`, where both sides changed different places.

    Raises `StaleBase` with both values of every place that both changed, and whatever `apply` raises.
    """
    asked = apply(base, ops, by_person=by_person, resolve=resolve)
    return apply(current, [care.Patch(changes=asked.changes)], by_person=by_person)


def _applied(board: Storyboard, op: Operation, outside: Mapping[str, Storyboard], *, by_person: bool) -> Storyboard:
    after = _valid(op.on(board, outside))
    if not changes(board, after):
        raise EditRefused(f"{getattr(op, 'op', 'this')} changes nothing; the film is like that already")
    guard(board, after, op, by_person=by_person)
    return after


def _valid(board: Storyboard) -> Storyboard:
    values = long_form(board)
    try:
        return validate(values)
    except ValidationError as bad:
        found = findings.problems(bad.errors(), Source(values, {}))
        raise EditRefused(f"{found[0].path}: {found[0].message}", found) from bad


def _finished(before: Storyboard, now: Storyboard, inverses: tuple[Op, ...], *, revives: bool) -> Edited:
    made = changes(before, now)
    if not made:
        raise EditRefused("together these edits change nothing")
    old, new = {name for name, _ in checks.ids(before)}, {name for name, _ in checks.ids(now)}
    reused = sorted((new - old) & set(before.reserved))
    if reused and not revives:
        raise EditRefused(f"the id {reused[0]!r} was used before and is never given again; choose another")
    board = now.model_copy(update={"reserved": tuple(sorted((set(before.reserved) | old) - new))})
    known = {problem.message for problem in checks.errors(before)}
    found = checks.check(board)
    wrong = [p for p in found if p.severity == "error" and p.message not in known]
    if wrong:
        uses = "; ".join(f"{p.path}: {p.message}" for p in wrong[:5])
        raise EditRefused(f"the film would have errors: {uses}", wrong)
    warnings = tuple(p for p in found if p.severity == "warning")
    return Edited(board, inverses, made, readings.stale(before, board), warnings)
