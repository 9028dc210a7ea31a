"""A Fountain script as a flat row of elements: the one module that knows the Fountain parser.

Dual dialogue stays in the row (`dual` on the second cue), notes inside other lines become elements of their own, and
what the parser would drop is counted.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from fountain import FountainElement, FountainParser, ValidationIssue

from control.storyboard.fountain import craft
from control.storyboard.problem import Problem, error, warning

Kind = Literal[
    "heading",
    "action",
    "cue",
    "dialogue",
    "parenthetical",
    "lyric",
    "transition",
    "centred",
    "note",
    "section",
    "synopsis",
]
_KINDS: dict[str, Kind] = {
    "scene_heading": "heading",
    "action": "action",
    "character": "cue",
    "dialogue": "dialogue",
    "parenthetical": "parenthetical",
    "lyrics": "lyric",
    "transition": "transition",
    "centered": "centred",
    "note": "note",
    "section": "section",
    "synopsis": "synopsis",
}
_CUT = "/**/"
"""A line that was commented out; it ends no paragraph."""
_NOTE = re.compile(r"\[\[((?:[^\]]|\](?!\]))*)\]\]")
_DUAL = re.compile(r"^(?P<cue>\s*(?:@.*\S|[A-Z0-9][^a-z^]*?(?:\([^()]*\))?))\s*\^+\s*$")
_SPOKEN = ("dialogue", "parenthetical", "lyric")


@dataclass(frozen=True, slots=True)
class Element:
    """One element; `text` without markup. `extension` of a cue, `number` of a heading, `line` 1-based."""

    kind: Kind
    text: str
    line: int
    extension: str = ""
    number: str | None = None
    dual: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A read script. `title` by lower-case key; `boneyards` are the passages that were commented out."""

    title: dict[str, str]
    elements: tuple[Element, ...]
    boneyards: int
    problems: tuple[Problem, ...]


def read(text: str) -> Script:
    """The elements of a Fountain text. Reads anything; what looks wrong is among the problems."""
    clean, removed = _cleaned(text)
    kept, boneyards = _without_boneyards(clean)
    body, duals = _without_carets("\n".join(_closed(line) for line in kept.split("\n")))
    document = FountainParser().parse(body)
    elements = _rejoined(_elements(document.elements, body, duals), body.split("\n"))
    problems = [_problem(issue) for issue in document.issues if not _is_lead(issue, clean)]
    if removed:
        problems.insert(0, warning("script", f"{removed} control characters were left out"))
    title = {key: value for key, value in document.metadata.items() if isinstance(value, str)}
    return Script(title, tuple(elements), boneyards, tuple(problems))


def _problem(issue: ValidationIssue) -> Problem:
    found = error if issue.severity == "error" else warning
    return found("script", issue.message, issue.line_number)


def _is_lead(issue: ValidationIssue, text: str) -> bool:
    """Whether what looked like a cue without words is the framing of the next paragraph, or the end."""
    line = text.split("\n")[issue.line_number - 1].strip()
    known = bool(craft.framing(line)[0]) or line.strip(" .!") in craft.ENDS
    return issue.code == "orphan-character-cue" and known


def _cleaned(text: str) -> tuple[str, int]:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", kept), len(lines) - len(kept)


def _without_boneyards(text: str) -> tuple[str, int]:
    """The text without what is commented out, its lines kept, and how many passages that were."""
    parts, at, count = list[str](), 0, 0
    while (start := text.find("/*", at)) >= 0 and (end := text.find("*/", start + 2)) >= 0:
        parts += [text[at:start], _blanked(text, start, end + 2)]
        at, count = end + 2, count + 1
        at += text[start - 1 : start] == " " == text[at : at + 1]
    return "".join([*parts, text[at:]]), count


def _blanked(text: str, start: int, end: int) -> str:
    """As many lines as the passage has, empty where words stand before or after it on the line."""
    before = text[text.rfind("\n", 0, start) + 1 : start].strip()
    after = text[end : text.find("\n", end) if "\n" in text[end:] else len(text)].strip()
    rows = [_CUT] * (text.count("\n", start, end) + 1)
    rows[0] = "" if before else rows[0]
    rows[-1] = "" if after or (before and len(rows) == 1) else rows[-1]
    return "\n".join(rows)


def _closed(line: str) -> str:
    """The line with at most one note open at its end; the parser's time grows with the square of more."""
    end = line.rfind("]]") + 2 if "]]" in line else 0
    tail = line[end:]
    first = tail.find("[[") + 2
    return line if tail.count("[[") < 2 else line[:end] + tail[:first] + re.sub(r"\[(?=\[)", "[ ", tail[first:])


def _without_carets(text: str) -> tuple[str, frozenset[int]]:
    """The text without the carets of dual dialogue, and the lines (1-based) that had one."""
    lines = text.split("\n")
    found = {
        at
        for at, line in enumerate(lines)
        if _DUAL.match(line) and not "".join(lines[at - 1 : at]).strip() and "".join(lines[at + 1 : at + 2]).strip()
    }
    bare = [_DUAL.sub(r"\g<cue>", line) if at in found else line for at, line in enumerate(lines)]
    return "\n".join(bare), frozenset(at + 1 for at in found)


def _elements(parsed: list[FountainElement], text: str, duals: frozenset[int]) -> Iterator[Element]:
    asides = _asides(text)
    for element in parsed:
        kind = _KINDS.get(element.type.value)
        if kind is None:
            continue
        number, extension = element.metadata.get("scene_number"), element.metadata.get("extension")
        yield Element(
            kind,
            element.text.strip().removeprefix("[[").removesuffix("]]").strip() if kind == "note" else element.text,
            element.line_number,
            extension if isinstance(extension, str) else "",
            number if isinstance(number, str) else None,
            kind == "cue" and element.line_number in duals,
        )
        last = element.line_number + element.text.count("\n")
        for line in range(element.line_number, last + 1):
            yield from (Element("note", aside, line) for aside in asides.pop(line, ()))


def _rejoined(elements: Iterator[Element], lines: list[str]) -> Iterator[Element]:
    """The elements with action paragraphs whole that lines commented out stand in."""
    held: Element | None = None
    end = 0
    for element in elements:
        between = lines[end : element.line - 1]
        if held is not None and element.kind == "action" and between and all(row.strip() == _CUT for row in between):
            held = replace(held, text=f"{held.text}\n{element.text}")
        else:
            if held is not None:
                yield held
            held = element if element.kind == "action" else None
            if held is None:
                yield element
        end = element.line + element.text.count("\n")
    if held is not None:
        yield held


def _asides(text: str) -> dict[int, list[str]]:
    """Notes that stand inside other lines, by line: the parser leaves them out."""
    found: dict[int, list[str]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not _NOTE.fullmatch(line.strip()):
            notes = [note.strip() for note in _NOTE.findall(line) if note.strip()]
            if notes:
                found[number] = notes
    return found


def blocks(elements: tuple[Element, ...]) -> Iterator[tuple[Element, ...]]:
    """The elements in reading order, each cue together with the words that follow it."""
    held: list[Element] = []
    for element in elements:
        if held and element.kind in _SPOKEN:
            held.append(element)
            continue
        if held:
            yield tuple(held)
            held = []
        if element.kind == "cue":
            held = [element]
        else:
            yield (element,)
    if held:
        yield tuple(held)
