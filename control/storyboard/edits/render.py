"""Operations on how shots are rendered: seeds, overrides, supplied pictures."""

from typing import Any, Literal

from control.storyboard.edits.operation import FieldPath, Operation, Outside, ShotRef
from control.storyboard.edits.parts import edited, shot_of, with_shot
from control.storyboard.errors import EditRefused
from control.storyboard.models import Override, Shot, Storyboard
from control.storyboard.scalars import File
from functions.contract.base import Seed, StepKind

Slot = Literal["keyframe", "end_frame", "refs"]


class SetSeed(Operation):
    """Fix a shot's seed: another seed is another take; null for the one its id gives."""

    op: Literal["set_seed"] = "set_seed"
    shot: ShotRef
    seed: Seed | None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the seed."""
        return with_shot(board, shot_of(board, self.shot).model_copy(update={"seed": self.seed}))


class SetOverride(Operation):
    """Set a field of what is fixed for a step kind of a shot (`engine`, `params.steps`); null takes it away."""

    op: Literal["set_override"] = "set_override"
    shot: ShotRef
    kind: StepKind
    path: FieldPath
    value: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the override."""
        shot = shot_of(board, self.shot)
        old = shot.render.get(self.kind, Override())
        new = edited(old, self.path, self.value, frozenset(), lambda values: values)
        render = {**shot.render, self.kind: new} if new != Override() else _without(shot, self.kind)
        return _with(board, shot, render)


class ClearOverride(Operation):
    """Take away all that is fixed for a step kind of a shot."""

    op: Literal["clear_override"] = "clear_override"
    shot: ShotRef
    kind: StepKind

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the override."""
        shot = shot_of(board, self.shot)
        return _with(board, shot, _without(shot, self.kind))


class SetImage(Operation):
    """Supply a picture: the first or last frame of a shot, or one more reference."""

    op: Literal["set_image"] = "set_image"
    shot: ShotRef
    slot: Slot
    upload: File

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the picture."""
        shot = shot_of(board, self.shot)
        value: Any = [*shot.refs, self.upload] if self.slot == "refs" else self.upload
        return with_shot(board, edited(shot, self.slot, value, frozenset(), lambda values: values))


class ClearImage(Operation):
    """Take supplied pictures away; `upload` names one of several references."""

    op: Literal["clear_image"] = "clear_image"
    shot: ShotRef
    slot: Slot
    upload: File | None = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the picture."""
        shot = shot_of(board, self.shot)
        if self.upload is not None and self.upload not in (*shot.refs, shot.keyframe, shot.end_frame):
            raise EditRefused(f"{self.shot} has no picture {self.upload!r}")
        left = [ref for ref in shot.refs if self.upload is not None and ref != self.upload]
        value: Any = left if self.slot == "refs" and left else None
        return with_shot(board, edited(shot, self.slot, value, frozenset(), lambda values: values))


def _without(shot: Shot, kind: str) -> dict[StepKind, Override]:
    return {k: v for k, v in shot.render.items() if k != kind}


def _with(board: Storyboard, shot: Shot, render: dict[StepKind, Override]) -> Storyboard:
    return with_shot(board, shot.model_copy(update={"render": dict(sorted(render.items()))}))
