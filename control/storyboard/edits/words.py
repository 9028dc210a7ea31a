"""Operations on lines and beats."""

from typing import Annotated, Any, Literal

from pydantic import Field

from control.storyboard import shorthand
from control.storyboard.edits.operation import After, Draft, FieldPath, Operation, Outside, ShotRef
from control.storyboard.edits.parts import drafted, edited, inserted, line_of, shot_of, spoken_of, with_shot
from control.storyboard.edits.shots import names
from control.storyboard.errors import EditRefused, UnknownTarget
from control.storyboard.models import Beat, Line, Shot, Spoken, Storyboard
from control.storyboard.scalars import Id


class AddLine(Operation):
    """Add a line or a beat to a shot, after one of its lines or first."""

    op: Literal["add_line"] = "add_line"
    shot: ShotRef
    ref: After = After()
    line: Draft | str

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the line."""
        shot, long = shot_of(board, self.shot), shorthand.line(self.line, names(board))
        new: Line
        if isinstance(long, dict) and "beat" in long:
            new = drafted(board, Beat, "lines", long)
        else:
            new = drafted(board, Spoken, "lines", long)
        return _with_lines(board, shot, inserted(shot.lines, self.ref.after, new))


class EditLine(Operation):
    """Set a field of a line or beat; null for its default."""

    op: Literal["edit_line"] = "edit_line"
    line: Id
    path: FieldPath
    value: Any = None

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the line changed."""
        shot, line = line_of(board, self.line)
        new = edited(line, self.path, self.value, frozenset({"id"}), lambda values: values)
        return _with_lines(board, shot, tuple(new if x.id == line.id else x for x in shot.lines))


class MoveLine(Operation):
    """Put a line or beat elsewhere, in its shot or another."""

    op: Literal["move_line"] = "move_line"
    line: Id
    shot: ShotRef
    ref: After = After()

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the line there. Notes about it go along."""
        source, line = line_of(board, self.line)
        about = tuple(note for note in source.notes if note.line == line.id)
        left = source.model_copy(
            update={
                "lines": tuple(x for x in source.lines if x.id != line.id),
                "notes": tuple(note for note in source.notes if note not in about),
            }
        )
        between = with_shot(board, left)
        target = shot_of(between, self.shot)
        same = target.id == source.id
        notes = source.notes if same else (*target.notes, *about)
        lines = inserted(target.lines, self.ref.after, line)
        return with_shot(between, target.model_copy(update={"lines": lines, "notes": notes}))


class SplitLine(Operation):
    """Make two lines of one at a character; the first keeps the id. Every word stays."""

    op: Literal["split_line"] = "split_line"
    line: Id
    at_char: Annotated[int, Field(ge=1, le=299)]
    new_id: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with two lines of the one."""
        shot, line = spoken_of(board, self.line)
        first, second = line.text[: self.at_char].rstrip(), line.text[self.at_char :].lstrip()
        if not first or not second or f"{first} {second}".split() != line.text.split():
            raise EditRefused(f"{self.line} cannot split at character {self.at_char}; choose a place between two words")
        rest = {"id": self.new_id, "text": second, "pause": None, "overlap": 0.0, "at": None}
        halves = (line.model_copy(update={"text": first}), line.model_copy(update=rest))
        lines = tuple(half for x in shot.lines for half in (halves if x.id == line.id else (x,)))
        return _with_lines(board, shot, lines)


class RemoveLine(Operation):
    """Take a line or beat out of its shot."""

    op: Literal["remove_line"] = "remove_line"
    line: Id

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film without the line."""
        shot, line = line_of(board, self.line)
        return _with_lines(board, shot, tuple(x for x in shot.lines if x.id != line.id))


class ReplaceText(Operation):
    """Replace words in what is spoken: in the whole film, a scene, a shot or a line. `expect_count` is how often the
    words are thought to stand there.
    """

    op: Literal["replace_text"] = "replace_text"
    find: Annotated[str, Field(min_length=1, max_length=300)]
    replacement: Annotated[str, Field(max_length=300)] = Field(alias="with")
    within: Annotated[str, Field(max_length=40)] = Field(default="film", alias="in")
    expect_count: Annotated[int, Field(ge=1, le=100_000)]

    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The film with the words replaced. Refused where they stand there another number of times."""
        targets = [line for shot, line in _spoken(board) if self._holds(board, shot, line)]
        if not targets and self.within != "film":
            raise UnknownTarget(f"{self.within!r} names no scene, shot or line with words")
        count = sum(line.text.count(self.find) for line in targets)
        if count != self.expect_count:
            raise EditRefused(f"{self.find!r} stands there {count} times, not {self.expect_count}; look again")
        for line in targets:
            if self.find in line.text:
                text = line.text.replace(self.find, self.replacement)
                board = EditLine(line=line.id, path="text", value=text).on(board, outside)
        return board

    def _holds(self, board: Storyboard, shot: Shot, line: Spoken) -> bool:
        return self.within in ("film", board.scene_of(shot.id).id, shot.id, line.id)


def _spoken(board: Storyboard) -> list[tuple[Shot, Spoken]]:
    return [(shot, line) for _, shot in board.shots() for line in shot.spoken]


def _with_lines(board: Storyboard, shot: Shot, lines: tuple[Line, ...]) -> Storyboard:
    return with_shot(board, shot.model_copy(update={"lines": lines}))
