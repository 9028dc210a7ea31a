"""Operations on cast, places and props."""

from typing import Any, Literal

from pydantic import BaseModel

from control.storyboard import shorthand
from control.storyboard.edits.operation import Draft, FieldPath, Operation, Outside
from control.storyboard.edits.parts import built, edited
from control.storyboard.edits.renaming import renamed
from control.storyboard.errors import EditRefused, UnknownTarget
from control.storyboard.models import CastMember, Place, PropSpec, Storyboard
from control.storyboard.scalars import Id

Kind = Literal["cast", "places", "props"]
_MODELS: dict[str, type[CastMember | Place | PropSpec]] = {"cast": CastMember, "places": Place, "props": PropSpec}


class AddEntity(Operation):
    """Add a cast member, a place or a prop, after all others."""

    op: Literal["add_entity"] = "add_entity"
    kind: Kind
    id: Id
    value: Draft | str

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the entry."""
        if self.id in getattr(board, self.kind):
            raise EditRefused(f"{self.kind} has {self.id!r} already; edit it, or choose another id")
        new = built(_MODELS[self.kind], _long(self.kind, self.value))
        return _with(board, self.kind, {**getattr(board, self.kind), self.id: new})


class EditEntity(Operation):
    """Set a field of an entry; null for its default."""

    op: Literal["edit_entity"] = "edit_entity"
    kind: Kind
    id: Id
    path: FieldPath
    value: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the entry changed."""
        entry = _entry(board, self.kind, self.id)
        new = edited(entry, self.path, self.value, frozenset(), lambda values: _long(self.kind, values))
        return _with(board, self.kind, {**getattr(board, self.kind), self.id: new})


class RenameEntity(Operation):
    """Give an entry another id, everywhere it is used."""

    op: Literal["rename_entity"] = "rename_entity"
    kind: Kind
    id: Id
    to: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the new id in the place of the old one."""
        _entry(board, self.kind, self.id)
        if self.to in getattr(board, self.kind):
            raise EditRefused(f"{self.kind} has {self.to!r} already; remove {self.id!r} with it as replacement")
        held = {self.to if k == self.id else k: v for k, v in getattr(board, self.kind).items()}
        return renamed(_with(board, self.kind, held), self.kind, self.id, self.to)


class RemoveEntity(Operation):
    """Take an entry out; `replace_with` takes its place wherever it is used."""

    op: Literal["remove_entity"] = "remove_entity"
    kind: Kind
    id: Id
    replace_with: Id | None = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the entry. Uses that are left over refuse the batch, each with its path."""
        _entry(board, self.kind, self.id)
        held = {k: v for k, v in getattr(board, self.kind).items() if k != self.id}
        without = _with(board, self.kind, held)
        if self.replace_with is None:
            return without
        _entry(without, self.kind, self.replace_with)
        return renamed(without, self.kind, self.id, self.replace_with)


class BindCast(Operation):
    """Tie a cast member to an entry of the cast library; null unties."""

    op: Literal["bind_cast"] = "bind_cast"
    id: Id
    library_id: str | None = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the tie."""
        return EditEntity(kind="cast", id=self.id, path="use", value=self.library_id).on(board, outside)


def _entry(board: Storyboard, kind: str, entry_id: str) -> CastMember | Place | PropSpec:
    held: dict[str, CastMember | Place | PropSpec] = getattr(board, kind)
    if entry_id not in held:
        raise UnknownTarget(f"{kind} has no {entry_id!r}; known are {', '.join(held) or 'none'}")
    return held[entry_id]


def _with(board: Storyboard, kind: str, held: dict[str, BaseModel]) -> Storyboard:
    return board.model_copy(update={kind: held})


def _long(kind: str, values: Any) -> Any:
    return shorthand.expand({kind: {"x": values}})[kind]["x"]
