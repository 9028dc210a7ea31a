"""Operations on the cut: lengths, trims, transitions, chosen takes."""

import itertools
from typing import Any, Literal

from control.storyboard import shorthand
from control.storyboard.edits.operation import Operation, Outside, ShotRef
from control.storyboard.edits.parts import built, shot_of, with_shot
from control.storyboard.errors import EditRefused
from control.storyboard.models import Shot, Storyboard, Transition
from control.storyboard.scalars import ArtifactId, Planned, Seconds
from control.storyboard.speech import planned_seconds
from functions.contract.base import StepKind


class SetSeconds(Operation):
    """How long a shot is planned. With `ripple` the film gets longer or shorter; without, the next shot gives or takes
    the difference.
    """

    op: Literal["set_seconds"] = "set_seconds"
    shot: ShotRef
    seconds: Planned | None
    ripple: bool = True

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the shot that long; null for as its words and action need."""
        shot = shot_of(board, self.shot)
        new = shot.model_copy(update={"seconds": self.seconds})
        if self.ripple:
            return with_shot(board, new)
        frames = _frames(new, board.fps) - _frames(shot, board.fps)
        neighbour = _after(board, shot)
        if neighbour is None:
            raise EditRefused(f"{self.shot} has no shot after it in the cut that could take up the difference")
        return with_shot(board, new, _lengthened(neighbour, -frames, board.fps))


class RollCut(Operation):
    """Move the cut between two neighbouring shots by frames; the film's length stays."""

    op: Literal["roll_cut"] = "roll_cut"
    left: ShotRef
    right: ShotRef
    frames: int

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the cut later (positive) or earlier. A chosen take of the right shot is slipped along."""
        left, right = shot_of(board, self.left), shot_of(board, self.right)
        if _after(board, left) != right:
            raise EditRefused(f"{self.right} does not follow {self.left} in the cut")
        slipped = _lengthened(right, -self.frames, board.fps)
        if right.takes:
            trim = min(max(right.trim_in + self.frames / board.fps, 0.0), 60.0)
            slipped = slipped.model_copy(update={"trim_in": trim})
        return with_shot(board, _lengthened(left, self.frames, board.fps), slipped)


class Trim(Operation):
    """Where in its take a shot begins, in seconds."""

    op: Literal["trim"] = "trim"
    shot: ShotRef
    trim_in: Seconds

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the shot begun there."""
        return with_shot(board, shot_of(board, self.shot).model_copy(update={"trim_in": self.trim_in}))


class SetTransition(Operation):
    """How the cut comes into a shot: `dissolve`, `{dissolve: 0.8}`; null for a plain cut."""

    op: Literal["set_transition"] = "set_transition"
    shot: ShotRef
    via: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the transition."""
        values = shorthand.shot({"via": self.via or {}}, {})["via"]
        return with_shot(board, shot_of(board, self.shot).model_copy(update={"via": built(Transition, values)}))


class ChooseTake(Operation):
    """Which take of a kind a shot shows; null for the newest that its storyboard gives."""

    op: Literal["choose_take"] = "choose_take"
    shot: ShotRef
    kind: StepKind
    artifact: ArtifactId | None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the choice."""
        shot = shot_of(board, self.shot)
        takes = {k: v for k, v in shot.takes.items() if k != self.kind}
        if self.artifact is not None:
            takes[self.kind] = self.artifact
        return with_shot(board, shot.model_copy(update={"takes": dict(sorted(takes.items()))}))


def _after(board: Storyboard, shot: Shot) -> Shot | None:
    """The next shot in the cut; None after the last, and for one that is left out."""
    played = [s for _, s in board.shots() if not s.omit]
    return next((after for this, after in itertools.pairwise(played) if this.id == shot.id), None)


def _frames(shot: Shot, fps: int) -> int:
    return round(planned_seconds(shot) * fps)


def _lengthened(shot: Shot, frames: int, fps: int) -> Shot:
    seconds = (_frames(shot, fps) + frames) / fps
    if not 0.5 <= seconds <= 60:
        raise EditRefused(f"{shot.id} would last {seconds:g} s; a shot lasts 0.5 to 60")
    return shot.model_copy(update={"seconds": seconds})
