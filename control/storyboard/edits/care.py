"""Operations of care: locks, notes, revisions and imports brought in, and single changes taken back."""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from control.storyboard.checks import ids
from control.storyboard.edits.change import Change, applied
from control.storyboard.edits.operation import Operation, Outside
from control.storyboard.edits.parts import built, drafted, line_of, shot_of, with_scene, with_shot
from control.storyboard.errors import UnknownTarget
from control.storyboard.labels import labels, resolve
from control.storyboard.models import Note, Scene, Shot, Storyboard
from control.storyboard.scalars import Aspect, Id, Seconds, Short, Text

Target = Annotated[str, Field(min_length=1, max_length=40)]
Targets = Annotated[tuple[Target, ...], Field(min_length=1, max_length=400)]
Aspects = Annotated[tuple[Aspect, ...], Field(min_length=1, max_length=4)]
Holder = TypeVar("Holder", Storyboard, Scene, Shot)
ORDER: tuple[Aspect, ...] = ("words", "picture", "timing", "all")


class Lock(Operation):
    """Keep aspects of shots as they are; a scene stands for its shots."""

    op: Literal["lock"] = "lock"
    targets: Targets
    aspects: Aspects = ("all",)

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the locks."""
        return _locked(board, self.targets, lambda held: held | set(self.aspects))


class Unlock(Operation):
    """Let aspects of shots be changed again; for a person only. Without aspects, all of them."""

    op: Literal["unlock"] = "unlock"
    unlocks: ClassVar[bool] = True
    targets: Targets
    aspects: Aspects = ORDER

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the locks."""
        return _locked(board, self.targets, lambda held: held - set(self.aspects))


class AddNote(Operation):
    """Remark on the film (`film`), a scene, a shot or a line; `at` is a second of the shot."""

    op: Literal["add_note"] = "add_note"
    target: Target
    text: Text
    at: Seconds | None = None
    author: Short = ""
    id: Id | None = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the note."""
        given = {"id": self.id, "text": self.text, "at": self.at, "author": self.author}
        new = drafted(board, Note, "notes", {k: v for k, v in given.items() if v is not None})
        if self.target == "film":
            return board.model_copy(update={"notes": (*board.notes, new)})
        scene = next((s for s in board.scenes if s.id == self.target), None)
        if scene is not None:
            return with_scene(board, scene.model_copy(update={"notes": (*scene.notes, new)}))
        if self.target in labels(board) or self.target.upper() in labels(board).values():
            shot = shot_of(board, self.target)
        else:
            shot, line = line_of(board, self.target)
            new = new.model_copy(update={"line": line.id})
        return with_shot(board, shot.model_copy(update={"notes": (*shot.notes, new)}))


class ResolveNote(Operation):
    """Mark a note as done, or as open again."""

    op: Literal["resolve_note"] = "resolve_note"
    note: Id
    resolved: bool = True

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the note so marked."""
        if all(note.id != self.note for holder in _holders(board) for note in holder.notes):
            raise UnknownTarget(f"the film has no note {self.note!r}")
        shots = [self._marked(shot) for _, shot in board.shots()]
        scenes = [self._marked(scene) for scene in with_shot(board, *shots).scenes]
        return self._marked(board.model_copy(update={"scenes": tuple(scenes)}))

    def _marked(self, holder: Holder) -> Holder:
        notes = tuple(
            note.model_copy(update={"resolved": self.resolved}) if note.id == self.note else note
            for note in holder.notes
        )
        return holder.model_copy(update={"notes": notes})


class RestoreRevision(Operation):
    """Bring back the storyboard of an earlier revision."""

    op: Literal["restore_revision"] = "restore_revision"
    restores: ClassVar[bool] = True
    n: Annotated[int, Field(ge=1)]

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """That revision's storyboard."""
        return _from_outside(outside, f"revision:{self.n}", f"revision {self.n}")


class Import(Operation):
    """Bring in a storyboard that was read from a file: in the place of all (`new`), or part by part (`merge`): parts
    with a known id are replaced, others are added at the end, none is removed.
    """

    op: Literal["import"] = "import"
    restores: ClassVar[bool] = True
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    mode: Literal["new", "merge"] = "new"

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with what was read."""
        new = _from_outside(outside, f"import:{self.digest}", "the imported storyboard")
        return new if self.mode == "new" else _merged(board, new)


class Patch(Operation):
    """Single changes at paths, each from what is there to what shall be there: how an edit is undone exactly."""

    op: Literal["patch"] = "patch"
    restores: ClassVar[bool] = True
    unlocks: ClassVar[bool] = True
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the changes. Raises `StaleBase` where it is not what they began from."""
        return built(Storyboard, applied(board, self.changes))

    @property
    def inverse(self) -> "Patch":
        """The changes back."""
        return Patch(changes=tuple(change.inverse for change in self.changes))


def _locked(board: Storyboard, targets: tuple[str, ...], change: Callable[[set[Aspect]], set[Aspect]]) -> Storyboard:
    scenes = {scene.id: [shot.id for shot in scene.shots] for scene in board.scenes}
    named = [shot for target in targets for shot in scenes.get(target) or [resolve(board, target)]]
    shots = [board.shot(name) for name in dict.fromkeys(named)]
    held = [tuple(a for a in ORDER if a in change(set(shot.lock))) for shot in shots]
    return with_shot(board, *(s.model_copy(update={"lock": lock}) for s, lock in zip(shots, held, strict=True)))


def _holders(board: Storyboard) -> list[Storyboard | Scene | Shot]:
    return [board, *board.scenes, *(shot for _, shot in board.shots())]


def _from_outside(outside: Outside, key: str, name: str) -> Storyboard:
    if key not in outside:
        raise UnknownTarget(f"{name} is not at hand; nothing was changed")
    return outside[key]


def _merged(board: Storyboard, new: Storyboard) -> Storyboard:
    known = {name for name, _ in ids(board)}
    scenes = {scene.id: scene for scene in new.scenes}
    music = {cue.id: cue for cue in new.music}
    return board.model_copy(
        update={
            **{kind: {**getattr(board, kind), **getattr(new, kind)} for kind in ("cast", "places", "props")},
            "scenes": (
                *(scenes.get(s.id, s) for s in board.scenes),
                *(s for s in new.scenes if s.id not in known),
            ),
            "music": (*(music.get(c.id, c) for c in board.music), *(c for c in new.music if c.id not in known)),
        }
    )
