"""Storyboards as text: reading any form that a person writes, writing any form that a person asks for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from control.api.models import Board, Checked, Format
from control.errors import BadRequest
from control.graph.builder import DEFAULT_ENGINES
from control.storyboard import fountain
from control.storyboard import text as written
from control.storyboard.checks import check
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem
from functions.catalog import builtin

MEDIA: Mapping[Format, str] = {
    "json": "application/json",
    "yaml": "application/yaml",
    "fountain": "text/vnd.fountain",
}
"""Content types by form."""
SUFFIXES: Mapping[str, Format] = {
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".fountain": "fountain",
    ".spmd": "fountain",
    ".txt": "fountain",
}
"""Forms by file name."""


@dataclass(frozen=True)
class Read:
    """A storyboard and the warnings about it."""

    board: Storyboard
    problems: tuple[Problem, ...] = ()

    def checked(self) -> Checked:
        """What a check of it answers."""
        return Checked(ok=all(p.severity != "error" for p in self.problems), problems=self.problems)


def read(body: Board) -> Read:
    """The storyboard of a request. Raises `StoryboardError` with every problem, `BadRequest` where there is none."""
    if (body.storyboard is None) == (body.text is None):
        raise BadRequest("send either `storyboard` or `text`")
    if body.storyboard is not None:
        return parse(json.dumps(body.storyboard), "json")
    return parse(body.text or "", body.format)


def parse(text: str, form: Format) -> Read:
    """The storyboard that a text in this form describes. Raises `StoryboardError`."""
    if form == "fountain":
        script = fountain.import_fountain(text)
        return Read(script.board, tuple(script.report.problems))
    reading = written.read(text, vocabulary())
    return Read(reading.board, reading.problems)


def findings(board: Storyboard) -> tuple[Problem, ...]:
    """What a check says about it."""
    return check(board, vocabulary())


def vocabulary() -> tuple[str, ...]:
    """Words that the default sound engine can make."""
    return builtin()[DEFAULT_ENGINES["sound"]].capabilities.vocabulary


def write(board: Storyboard, form: Format) -> str:
    """The storyboard in this form."""
    if form == "json":
        return json.dumps(written.long_form(board), ensure_ascii=False, indent=2)
    if form == "fountain":
        return fountain.export_fountain(board)
    return written.dump(board)


def guess(text: str, name: str = "") -> Format:
    """The form of a text, by its file's name or else by how it begins."""
    for suffix, form in SUFFIXES.items():
        if name.lower().endswith(suffix):
            return form
    begins = text.lstrip("\ufeff \t\r\n")
    if begins.startswith("{"):
        return "json"
    keys = ("storyboard:", "scenes:")
    return "yaml" if any(line.startswith(keys) for line in begins.splitlines()) else "fountain"
