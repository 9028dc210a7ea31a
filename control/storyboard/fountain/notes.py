"""What Fountain cannot say: `[[vj {json}]]` notes, and how they join with words that a person may have changed.

A note holds `is`, the fields that the words around it do not give, and `as`, what those words gave when it was
written. A field is taken from the note while the words still give the same; words that were changed win.
"""

import difflib
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from control.storyboard.scalars import Id
from functions.contract.canonical import digest

Values = dict[str, Any]
PREFIX = "vj "
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_HIDDEN = str.maketrans({c: f"\\u{ord(c):04x}" for c in "[]*/"})


def written(values: Values) -> str:
    """The note as a line of a script. Brackets, slashes and backslashes in words are escaped: Fountain reads them."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    safe = _STRING.sub(_hidden, text)
    spaced = re.sub(r"](?=])", "] ", re.sub(r"\[(?=\[)", "[ ", safe))
    return f"[[{PREFIX}{spaced}]]"


def _hidden(found: re.Match[str]) -> str:
    """A JSON string without what Fountain reads, or what normalising would join to an escape."""
    words = found[0].replace("\\\\", "\\u005c").translate(_HIDDEN)
    return "".join(f"\\u{ord(c):04x}" if unicodedata.combining(c) and ord(c) < 0x10000 else c for c in words)


class _Difference(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    changed: dict[str, Any] = Field(default={}, alias="is")
    before: dict[str, Any] = Field(default={}, alias="as")


Row = (
    Annotated[tuple[Literal["all"], str, list[dict[str, Any]]], Field(strict=False)]
    | Annotated[tuple[Literal[""], dict[str, Any]], Field(strict=False)]
    | Annotated[tuple[str, _Difference], Field(strict=False)]
)
"""All items as they were, one item that no words give, or what the words of one item do not give."""


class _Note(_Difference):
    film: int | None = None
    scene: Id | None = None
    shot: Id | None = None
    of: str = ""
    lines: list[Row] = []
    sfx: list[Row] = []

    @model_validator(mode="after")
    def _about_one(self) -> Self:
        if [self.film, self.scene, self.shot].count(None) != 2:
            raise ValueError("a note is about the film, a scene or a shot")
        return self


def read(text: str) -> Values | None:
    """The values of a note's text; None where it is a person's remark. Raises `ValueError` for a broken one."""
    if not text.startswith(PREFIX):
        return None
    try:
        values: Values = json.loads(text.removeprefix(PREFIX))
    except RecursionError as bad:
        raise ValueError("is nested too deep") from bad
    _Note.model_validate(values)
    return values


def mark(value: object) -> str:
    """Six hex digits that tell whether a value is still the same."""
    return digest(value)[:6]


def difference(given: Values, wanted: Values) -> Values:
    """`is` and `as` that lead from what the words give to what is wanted; empty where they are the same."""
    changed = {key: wanted.get(key) for key in {**wanted, **given} if wanted.get(key) != given.get(key)}
    before = {key: given[key] for key in changed if key in given}
    return {**({"is": changed} if changed else {}), **({"as": before} if before else {})}


def joined(given: Values, note: Values) -> Values:
    """What the words give, with the note's fields where those words are unchanged."""
    changed, before = note.get("is", {}), note.get("as", {})
    kept = {key: value for key, value in changed.items() if given.get(key) == before.get(key)}
    together = {**given, **kept}
    return {key: value for key, value in together.items() if value is not None}


def rows(given: Sequence[Values], wanted: Sequence[Values], spoken: Sequence[int]) -> list[Any] | None:
    """One entry a wanted item: what tells its words apart and what they do not give. None where the words say all.

    `spoken` are the indexes of wanted items that the words give, in order; the others are written out whole.
    """
    if len(spoken) != len(given):
        return [["all", mark(list(given)), list(wanted)]]
    by_index = dict(zip(spoken, given, strict=True))
    entries: list[Any] = []
    for index, item in enumerate(wanted):
        entries.append([mark(by_index[index]), difference(by_index[index], item)] if index in by_index else ["", item])
    return None if all(entry[0] and not entry[1] for entry in entries) else entries


def joined_rows(given: Sequence[Values], entries: Sequence[Any] | None) -> list[Values]:
    """The inverse of `rows`, for words that may have been changed, added or taken out."""
    if not entries:
        return list(given)
    if entries[0][0] == "all":
        return list(entries[0][2]) if entries[0][1] == mark(list(given)) else list(given)
    matched = _matched([mark(item) for item in given], [entry[0] for entry in entries if entry[0]])
    notes = [entry[1] for entry in entries if entry[0]]
    items: list[Values] = []
    follows = _unspoken(entries)
    items += follows.get(-1, [])
    taken = -1
    for index, item in enumerate(given):
        at = matched.get(index)
        items.append(joined(item, notes[at]) if at is not None else item)
        for passed in range(taken + 1, (at if at is not None else taken) + 1):
            items += follows.get(passed, [])
        taken = at if at is not None else taken
    for passed in range(taken + 1, len(notes)):
        items += follows.get(passed, [])
    return items


def _unspoken(entries: Sequence[Any]) -> dict[int, list[Values]]:
    """Items that no words give, by the spoken entry that they follow (-1: before all)."""
    found: dict[int, list[Values]] = {}
    at = -1
    for name, value in entries:
        if name:
            at += 1
        else:
            found.setdefault(at, []).append(value)
    return found


def _matched(given: list[str], noted: list[str]) -> dict[int, int]:
    """Index among the words -> index among the notes. Changed stretches of equal length go pairwise."""
    found: dict[int, int] = {}
    for tag, a, b, c, d in difflib.SequenceMatcher(None, given, noted, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and b - a == d - c):
            found.update(zip(range(a, b), range(c, d), strict=True))
    return found
