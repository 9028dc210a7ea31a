"""`vivijure import` and `vivijure export`: screenplays and timelines."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from control.commands.board import content, read, write
from control.commands.timeline import timeline
from control.errors import StoryboardError
from control.settings import Settings
from control.storyboard.fountain import export_fountain, import_fountain
from control.storyboard.text import dump, long_form


@dataclass(frozen=True)
class ImportReport:
    """Where the storyboard went, and what to tell of how it was made."""

    out: Path
    lines: tuple[str, ...]


def import_script(script: Path, out: Path) -> ImportReport:
    """Turn a Fountain file into a storyboard file. Raises `StoryboardError`; never overwrites a storyboard."""
    if out.exists():
        raise StoryboardError(f"{out} is there already; name another file with --out, or move it away")
    found = import_fountain(content(script))
    write(out, dump(found.board))
    report = found.report
    lines = [f"{report.scenes} scenes, {report.shots} shots, about {report.seconds:.0f} s", report.page_check]
    lines += [f"line {guess.line}: guessed: {guess.text}" for guess in report.guesses]
    lines += [f"line {p.line}: {p.severity}: {p.message}" for p in report.problems]
    return ImportReport(out, tuple(lines))


def export(settings: Settings, path: Path, out: Path, *, clean: bool = False) -> None:
    """Write a storyboard in the form of the file's suffix. Raises `StoryboardError`."""
    board = read(path).board
    form = out.suffix.lower()
    if form in (".fountain", ".spmd"):
        write(out, export_fountain(board, clean=clean))
    elif form in (".yaml", ".yml"):
        write(out, dump(board))
    elif form == ".json":
        write(out, json.dumps(long_form(board), indent=2, ensure_ascii=False) + "\n")
    elif form == ".otio":
        write(out, asyncio.run(timeline(settings, path)))
    else:
        raise StoryboardError(f"{out} has no form that can be written; end it in .fountain, .yaml, .json or .otio")
