"""Storyboards from the command line: reading any form, judging it, writing it back."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from control.errors import StoryboardError
from control.graph.builder import DEFAULT_ENGINES
from control.storyboard import text
from control.storyboard.checks import check
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem
from control.storyboard.source import MAX_BYTES
from functions.catalog import builtin

SCRIPTS = (".fountain", ".spmd")


def content(path: Path) -> bytes:
    """The bytes of a storyboard file. Raises `StoryboardError`."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StoryboardError(f"cannot read {path}: {error.strerror}; give the path of a storyboard") from error


@dataclass(frozen=True)
class Loaded:
    """A storyboard and the warnings about it."""

    board: Storyboard
    problems: tuple[Problem, ...]


def read(path: Path) -> Loaded:
    """The storyboard in a file: Fountain by its suffix, else YAML or JSON. Raises `StoryboardError`."""
    data = content(path)
    if path.suffix.lower() in SCRIPTS:
        from control.storyboard import fountain

        script = fountain.import_fountain(data)
        if any(p.severity == "error" for p in script.report.problems):
            raise text.refusal(script.report.problems)
        return Loaded(script.board, script.report.problems)
    found = text.read(data, vocabulary())
    return Loaded(found.board, found.problems)


def vocabulary() -> tuple[str, ...]:
    """Words that the default sound engine can make."""
    return builtin()[DEFAULT_ENGINES["sound"]].capabilities.vocabulary


def problems(path: Path) -> tuple[Problem, ...]:
    """Everything wrong or doubtful in the file; never raises for what the file holds."""
    try:
        loaded = read(path)
    except StoryboardError as error:
        return tuple(error.problems) or (Problem(severity="error", path="", message=error.detail),)
    return loaded.problems or check(loaded.board, vocabulary())


def write(path: Path, text_: str) -> None:
    """Replace a file at once, so that an interruption leaves the old one or the new one. Raises `StoryboardError`."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text_)
        Path(name).replace(path)
    except OSError as error:
        raise StoryboardError(f"cannot write {path}: {error.strerror}") from error
