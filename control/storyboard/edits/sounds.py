"""Operations on the sounds of shots and on where their sound begins and ends."""

from typing import Any, Literal

from control.storyboard import shorthand
from control.storyboard.edits.operation import After, Draft, FieldPath, Operation, Outside, ShotRef
from control.storyboard.edits.parts import drafted, edited, inserted, sfx_of, shot_of, with_shot
from control.storyboard.models import Sfx, Shot, Storyboard
from control.storyboard.scalars import Edge, Id, Seconds


class AddSfx(Operation):
    """Add a sound to a shot."""

    op: Literal["add_sfx"] = "add_sfx"
    shot: ShotRef
    ref: After | None = None
    sfx: Draft | str

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the sound, last where no place is given."""
        shot = shot_of(board, self.shot)
        new = drafted(board, Sfx, "sfx", shorthand.sound(self.sfx))
        held = (*shot.sfx, new) if self.ref is None else inserted(shot.sfx, self.ref.after, new)
        return _with(board, shot, held)


class EditSfx(Operation):
    """Set a field of a sound; null for its default."""

    op: Literal["edit_sfx"] = "edit_sfx"
    sfx: Id
    path: FieldPath
    value: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the sound changed."""
        shot, sfx = sfx_of(board, self.sfx)
        new = edited(sfx, self.path, self.value, frozenset({"id"}), lambda values: values)
        return _with(board, shot, tuple(new if x.id == sfx.id else x for x in shot.sfx))


class MoveSfx(Operation):
    """Put a sound into another shot, or at another second of its own."""

    op: Literal["move_sfx"] = "move_sfx"
    sfx: Id
    shot: ShotRef
    at: Seconds | None = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the sound there."""
        source, sfx = sfx_of(board, self.sfx)
        moving = sfx if self.at is None else sfx.model_copy(update={"at": self.at})
        target = shot_of(board, self.shot)
        if target.id == source.id:
            return _with(board, source, tuple(moving if x.id == sfx.id else x for x in source.sfx))
        left = _with(board, source, tuple(x for x in source.sfx if x.id != sfx.id))
        return _with(left, target, (*target.sfx, moving))


class RemoveSfx(Operation):
    """Take a sound out of its shot."""

    op: Literal["remove_sfx"] = "remove_sfx"
    sfx: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the sound."""
        shot, sfx = sfx_of(board, self.sfx)
        return _with(board, shot, tuple(x for x in shot.sfx if x.id != sfx.id))


class SetEdges(Operation):
    """How long a shot's own sound leads (`j_cut`) or outlasts (`l_cut`) its picture, in seconds."""

    op: Literal["set_edges"] = "set_edges"
    shot: ShotRef
    j_cut: Edge | None = None
    l_cut: Edge | None = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with these edges; one that is not given stays."""
        given = {"j_cut": self.j_cut, "l_cut": self.l_cut}
        shot = shot_of(board, self.shot)
        return with_shot(board, shot.model_copy(update={k: v for k, v in given.items() if v is not None}))


def _with(board: Storyboard, shot: Shot, sfx: tuple[Sfx, ...]) -> Storyboard:
    return with_shot(board, shot.model_copy(update={"sfx": sfx}))
