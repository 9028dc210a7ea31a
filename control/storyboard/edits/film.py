"""Operations on the film as a whole: its own fields, music, titles."""

from typing import Any, Literal

from control.storyboard.edits.operation import Draft, FieldPath, Operation, Outside
from control.storyboard.edits.parts import built, drafted, edited
from control.storyboard.errors import UnknownTarget
from control.storyboard.models import Cue, Storyboard, Titles
from control.storyboard.scalars import Id
from control.storyboard.shorthand import expand

_CLOSED = frozenset({"storyboard", "cast", "places", "props", "music", "scenes", "notes", "reserved", "titles"})


class SetFilm(Operation):
    """Set a field of the film (`title`, `style`, `end.fade-out`); null for its default."""

    op: Literal["set_film"] = "set_film"
    path: FieldPath
    value: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the field set."""
        return edited(board, self.path, self.value, _CLOSED, expand)


class SetTitles(Operation):
    """Replace the opening title and the credits; null for none."""

    op: Literal["set_titles"] = "set_titles"
    value: Draft | None = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with these titles."""
        values = expand({"titles": self.value or {}})["titles"]
        return board.model_copy(update={"titles": built(Titles, values)})


class AddMusic(Operation):
    """Add a music cue."""

    op: Literal["add_music"] = "add_music"
    cue: Draft

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the cue last."""
        return _with_music(board, (*board.music, drafted(board, Cue, "music", self.cue)))


class EditMusic(Operation):
    """Set a field of a music cue; null for its default."""

    op: Literal["edit_music"] = "edit_music"
    id: Id
    path: FieldPath
    value: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the cue changed."""
        new = edited(_cue(board, self.id), self.path, self.value, frozenset({"id"}), lambda values: values)
        return _with_music(board, tuple(new if c.id == self.id else c for c in board.music))


class RemoveMusic(Operation):
    """Take a music cue out of the film."""

    op: Literal["remove_music"] = "remove_music"
    id: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the cue."""
        gone = _cue(board, self.id)
        return _with_music(board, tuple(c for c in board.music if c is not gone))


def _cue(board: Storyboard, cue_id: str) -> Cue:
    for cue in board.music:
        if cue.id == cue_id:
            return cue
    raise UnknownTarget(f"the film has no music cue {cue_id!r}")


def _with_music(board: Storyboard, music: tuple[Cue, ...]) -> Storyboard:
    return board.model_copy(update={"music": music})
