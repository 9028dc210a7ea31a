"""Edits of a stored storyboard: applied to the revision they were made on, carried over to the current one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from control.api import boards
from control.api.context import Context
from control.api.models import Board, StaleStep
from control.errors import Conflict, StaleRevision
from control.graph.model import Recipe, Step, slot
from control.render.planning import Known, Subject
from control.render.views import RevisionInfo, TakeInfo
from control.storyboard.edits import care
from control.storyboard.edits.batch import Edited, Op, apply, rebase
from control.storyboard.edits.cut import ChooseTake
from control.storyboard.models import Storyboard
from functions.catalog import builtin

TRIES = 5
"""How often an edit is carried over where others keep saving."""


@dataclass(frozen=True)
class Applied:
    """An edit that can be saved as revision `base + 1`."""

    before: Storyboard
    edited: Edited
    base: int


async def applied(
    context: Context, film_id: str, base: int, ops: Sequence[Op], imports: Sequence[Board] = ()
) -> Applied:
    """The edit on the current revision, saved nowhere.

    Raises `EditRefused`, `UnknownTarget`, `NotFound`, `StaleRevision` for a base that is yet to come.
    """
    now, current = await context.studio.revision(film_id)
    outside = await _outside(context, film_id, ops, imports)
    if base > now.n:
        raise StaleRevision(f"revision {base} does not exist yet; {now.n} is the newest", current=now.n)
    if base == now.n:
        return Applied(current, apply(current, ops, resolve=outside), now.n)
    _, old = await context.studio.revision(film_id, base)
    return Applied(current, rebase(old, current, ops, resolve=outside), now.n)


async def save(
    context: Context,
    film_id: str,
    base: int,
    ops: Sequence[Op],
    *,
    author: str,
    reason: str = "",
    imports: Sequence[Board] = (),
) -> tuple[Applied, RevisionInfo]:
    """Apply and save, again on whatever was saved meanwhile. Raises as `applied`, and `Conflict` if that never ends."""
    written = [op.model_dump(mode="json", exclude_unset=True) | {"op": op.op} for op in ops]
    for _ in range(TRIES):
        made = await applied(context, film_id, base, ops, imports)
        try:
            info = await context.studio.save_revision(
                film_id, made.base, made.edited.board, author=author, reason=reason, ops=written
            )
        except StaleRevision:
            continue
        return made, info
    raise Conflict("others keep saving this film; try again")


async def stale(context: Context, film_id: str, made: Applied, recipe: Recipe) -> tuple[StaleStep, ...]:
    """The steps that the edit makes again. Raises `PlanError`."""
    old = {step.path: _made_of(step) for step in await _steps(context, film_id, made.before, recipe)}
    again: dict[str, Step] = {}
    for step in await _steps(context, film_id, made.edited.board, recipe):
        # Where a fact decides the fingerprint, both are unknown: then what it is made of decides.
        if old.get(step.path) != _made_of(step) or any(path in again for path in step.needs):
            again[step.path] = step
    return tuple(StaleStep(path=s.path, kind=s.kind, shot=s.shot, label=s.label) for s in again.values())


def _made_of(step: Step) -> Step:
    return step.model_copy(update={"label": ""})


async def choose(context: Context, take_id: str, author: str) -> TakeInfo:
    """Choose a take: in the storyboard, where the cut can show it, and among the takes of its shot and kind.

    Raises `NotFound`, `EditRefused` (for a lock), `Conflict`.
    """
    take = await context.studio.take(take_id)
    now, board = await context.studio.revision(take.film_id)
    shot = next((shot for _, shot in board.shots() if shot.id == take.shot), None)
    if shot is not None and pinnable(take) and shot.takes.get(take.kind) != take.id:
        op = ChooseTake(shot=shot.id, kind=take.kind, artifact=take.id)
        await save(context, take.film_id, now.n, (op,), author=author)
    return await context.studio.choose_take(take.id)


def pinnable(take: TakeInfo) -> bool:
    """Whether a storyboard can choose it: the step is the shot's only one of its kind."""
    return take.shot is not None and slot(take.path) == f"shot/{take.shot}/{take.kind}"


async def _steps(context: Context, film_id: str, board: Storyboard, recipe: Recipe) -> tuple[Step, ...]:
    planning = context.planning
    uploads = await planning.uploads(await planning.files(film_id))
    subject = Subject(board, recipe, builtin(), uploads, await planning.takes(film_id))
    return (await planning.plan(subject, Known())).steps


async def _outside(
    context: Context, film_id: str, ops: Sequence[Op], imports: Sequence[Board]
) -> Mapping[str, Storyboard]:
    """The storyboards that operations name: earlier revisions, and texts sent along by the digest of their UTF-8."""
    found = {f"import:{_digest(sent.text or '')}": boards.read(sent).board for sent in imports}
    for op in ops:
        if isinstance(op, care.RestoreRevision):
            found[f"revision:{op.n}"] = (await context.studio.revision(film_id, op.n))[1]
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
