"""Operations on shots in the cut: add, change, move, copy, split, merge, leave out, remove."""

from typing import Annotated, Any, Literal

from pydantic import Field

from control.storyboard import shorthand
from control.storyboard.edits.halves import joined, parted
from control.storyboard.edits.operation import After, Draft, FieldPath, Operation, Outside, ShotRef
from control.storyboard.edits.parts import drafted, edited, put_shots, shot_of, with_scene, with_shot, without_shots
from control.storyboard.errors import EditRefused
from control.storyboard.labels import resolve
from control.storyboard.models import Shot, Storyboard
from control.storyboard.scalars import Id

_CLOSED = frozenset({"id", "lines", "sfx", "notes", "lock", "takes", "omit"})
Shots = Annotated[tuple[ShotRef, ...], Field(min_length=1, max_length=400)]


class AddShot(Operation):
    """Add a shot."""

    op: Literal["add_shot"] = "add_shot"
    ref: After
    shot: Draft

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the shot."""
        new = drafted(board, Shot, "shots", shorthand.shot(self.shot, names(board)))
        return put_shots(board, self.ref.after, self.ref.scene, new)


class EditShot(Operation):
    """Set a field of shots; `unset` or null for what scene and defaults give."""

    op: Literal["edit_shot"] = "edit_shot"
    shots: Shots
    path: FieldPath
    value: Any = None
    unset: bool = False

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the shots changed."""
        known, value = names(board), None if self.unset else self.value
        olds = [shot_of(board, ref) for ref in self.shots]
        news = [edited(s, self.path, value, _CLOSED, lambda values: shorthand.shot(values, known)) for s in olds]
        return with_shot(board, *news)


class MoveShots(Operation):
    """Put shots elsewhere in the film, together and in their order in the cut."""

    op: Literal["move_shots"] = "move_shots"
    shots: Shots
    ref: After

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the shots there."""
        moving = set(self.moved(board))
        after = self.ref.after and resolve(board, self.ref.after)
        if after in moving:
            raise EditRefused(f"{self.ref.after} is one of the shots that move; name another to put them after")
        taken = [shot for _, shot in board.shots() if shot.id in moving]
        return put_shots(without_shots(board, tuple(moving)), after, self.ref.scene, *taken)

    def moved(self, board: Storyboard) -> tuple[str, ...]:
        """The shots themselves."""
        return tuple(resolve(board, ref) for ref in self.shots)


class DuplicateShot(Operation):
    """Copy a shot; the copy has an id of its own, as have its lines and sounds, and no notes or locks."""

    op: Literal["duplicate_shot"] = "duplicate_shot"
    shot: ShotRef
    new_id: Id
    ref: After

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the copy."""
        values = shot_of(board, self.shot).model_dump(mode="json", exclude_defaults=True, exclude={"notes", "lock"})
        for kind in ("lines", "sfx"):
            values[kind] = [{k: v for k, v in part.items() if k != "id"} for part in values.get(kind, [])]
        copy = drafted(board, Shot, "shots", {**values, "id": self.new_id})
        return put_shots(board, self.ref.after, self.ref.scene, copy)


class SplitShot(Operation):
    """Cut a shot in two, before a line or at a second; the first half keeps the id. Frames, words, speakers and order
    are conserved.
    """

    op: Literal["split_shot"] = "split_shot"
    shot: ShotRef
    at_line: Id | None = None
    at_seconds: Annotated[float, Field(ge=0.5, le=60)] | None = None
    new_id: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with two shots of the one."""
        shot = shot_of(board, self.shot)
        first, second = parted(shot, board.fps, self.new_id, self.at_line, self.at_seconds)
        scene = board.scene_of(shot.id)
        shots = tuple(half for s in scene.shots for half in ((first, second) if s.id == shot.id else (s,)))
        return with_scene(board, scene.model_copy(update={"shots": shots}))


class MergeShots(Operation):
    """Make two neighbouring shots of a scene one, with the first's id and picture, and the words and sounds of both."""

    op: Literal["merge_shots"] = "merge_shots"
    first: ShotRef
    second: ShotRef

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with one shot of the two."""
        first, second = shot_of(board, self.first), shot_of(board, self.second)
        scene = board.scene_of(first.id)
        if second not in scene.shots or scene.shots.index(second) != scene.shots.index(first) + 1:
            raise EditRefused(f"{self.second} does not follow {self.first} in its scene; move it there first")
        one = joined(first, second, board.fps)
        shots = tuple(one if s.id == first.id else s for s in scene.shots if s.id != second.id)
        return with_scene(board, scene.model_copy(update={"shots": shots}))


class OmitShots(Operation):
    """Leave shots out of the cut, or take them in again; ids and takes stay."""

    op: Literal["omit_shots"] = "omit_shots"
    shots: Shots
    omit: bool = True

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the shots left out or in."""
        changed = [shot_of(board, ref).model_copy(update={"omit": self.omit}) for ref in self.shots]
        return with_shot(board, *changed)


class RemoveShots(Operation):
    """Take shots out of the film; their takes stay in the store. Uses that are left over refuse the batch."""

    op: Literal["remove_shots"] = "remove_shots"
    shots: Shots

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the shots."""
        return without_shots(board, [resolve(board, ref) for ref in self.shots])


def names(board: Storyboard) -> dict[str, str]:
    """The ways to write the film's cast."""
    return shorthand.names_of({key: {"name": member.name} for key, member in board.cast.items()})
