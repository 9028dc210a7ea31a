"""Operations on scenes."""

from typing import Any, Literal

from control.storyboard import shorthand
from control.storyboard.edits.operation import After, Draft, FieldPath, Operation, Outside, ShotRef
from control.storyboard.edits.parts import drafted, edited, inserted, scene_of, with_scene
from control.storyboard.errors import EditRefused
from control.storyboard.inherit import effective
from control.storyboard.labels import resolve
from control.storyboard.models import Scene, Shot, Storyboard
from control.storyboard.scalars import Id

_CLOSED = frozenset({"id", "shots", "notes"})


class AddScene(Operation):
    """Add a scene, with its shots where it has any."""

    op: Literal["add_scene"] = "add_scene"
    ref: After
    scene: Draft

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the scene."""
        long = shorthand.scene(self.scene, shorthand.names_of(_names(board)))
        new = drafted(board, Scene, "scenes", long)
        return board.model_copy(update={"scenes": inserted(board.scenes, self.ref.after, new)})


class EditScene(Operation):
    """Set a field of a scene; null for its default."""

    op: Literal["edit_scene"] = "edit_scene"
    scene: Id
    path: FieldPath
    value: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the scene changed."""
        names = shorthand.names_of(_names(board))
        old = scene_of(board, self.scene)
        new = edited(old, self.path, self.value, _CLOSED, lambda values: shorthand.scene(values, names))
        return with_scene(board, new)


class MoveScene(Operation):
    """Put a scene elsewhere in the film."""

    op: Literal["move_scene"] = "move_scene"
    scene: Id
    ref: After

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the scene there."""
        moving = scene_of(board, self.scene)
        rest = tuple(s for s in board.scenes if s.id != self.scene)
        return board.model_copy(update={"scenes": inserted(rest, self.ref.after, moving)})

    def moved(self, board: Storyboard) -> tuple[str, ...]:
        """All shots of the scene."""
        return tuple(shot.id for shot in scene_of(board, self.scene).shots)


class SplitScene(Operation):
    """Begin a new scene at a shot; the first half keeps the id, both keep heading, place and light."""

    op: Literal["split_scene"] = "split_scene"
    scene: Id
    at_shot: ShotRef
    new_id: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with two scenes of the one."""
        scene, shot = scene_of(board, self.scene), resolve(board, self.at_shot)
        at = next((index for index, s in enumerate(scene.shots) if s.id == shot), 0)
        if not at:
            raise EditRefused(f"scene {self.scene} cannot split at {self.at_shot}; name one of its shots but the first")
        first = scene.model_copy(update={"shots": scene.shots[:at]})
        second = scene.model_copy(update={"id": self.new_id, "number": None, "shots": scene.shots[at:], "notes": ()})
        halves = [half for s in board.scenes for half in ((first, second) if s.id == scene.id else (s,))]
        return board.model_copy(update={"scenes": tuple(halves)})


class MergeScenes(Operation):
    """Make two neighbouring scenes one, with the first's id, heading and place. The second's shots keep their light
    and what their people wear.
    """

    op: Literal["merge_scenes"] = "merge_scenes"
    first: Id
    second: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with one scene of the two."""
        first, second = scene_of(board, self.first), scene_of(board, self.second)
        if board.scenes.index(second) != board.scenes.index(first) + 1:
            raise EditRefused(f"scene {self.second} does not follow {self.first}; move it there first")
        shots = (*first.shots, *(_kept(board, first, second, shot) for shot in second.shots))
        one = first.model_copy(update={"shots": shots, "notes": (*first.notes, *second.notes)})
        scenes = tuple(one if s.id == first.id else s for s in board.scenes if s.id != second.id)
        return board.model_copy(update={"scenes": scenes})


class RemoveScene(Operation):
    """Take a scene and its shots out of the film; their takes stay in the store."""

    op: Literal["remove_scene"] = "remove_scene"
    scene: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the scene."""
        gone = scene_of(board, self.scene)
        return board.model_copy(update={"scenes": tuple(s for s in board.scenes if s.id != gone.id)})


def _kept(board: Storyboard, first: Scene, second: Scene, shot: Shot) -> Shot:
    """The shot with what it had of its own scene stated, where the other scene would give it something else."""
    update: dict[str, object] = {}
    if shot.light is None and first.light != second.light:
        update["light"] = second.light
    if first.wardrobe != second.wardrobe and (who := effective(board, shot).who):
        update["who"] = who
    return shot.model_copy(update=update) if update else shot


def _names(board: Storyboard) -> dict[str, Any]:
    return {key: {"name": member.name} for key, member in board.cast.items()}
