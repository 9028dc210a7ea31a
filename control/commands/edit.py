"""`vivijure edit`: edit operations applied to a storyboard file."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from control.commands.board import SCRIPTS, content, read, write
from control.errors import EditRefused
from control.storyboard.edits.batch import Op, apply
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem
from control.storyboard.rewriting import rewrite
from control.storyboard.text import long_form

OPS: TypeAdapter[tuple[Op, ...]] = TypeAdapter(tuple[Op, ...])
FILM = "film"


@dataclass(frozen=True)
class EditReport:
    """How many operations, which classes of steps they make stale by shot, and whether the file was written."""

    count: int
    stale: dict[str, str]
    written: bool


def edit(board: Path, ops: Path, *, dry_run: bool = False) -> EditReport:
    """Apply a file of operations, whole or not at all. Raises `StoryboardError`, `EditRefused`."""
    before = read(board).board
    wanted = operations(content(ops), ops)
    done = apply(before, wanted)
    stale = {**done.stale.shots, **({FILM: done.stale.film} if done.stale.film else {})}
    if not dry_run:
        write(board, _text(board, before, done.board))
    return EditReport(len(wanted), stale, not dry_run)


def operations(data: bytes, name: Path) -> tuple[Op, ...]:
    """The operations in JSON bytes: a list, or an object with `ops`. Raises `EditRefused` with every problem."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EditRefused(f"{name} is not JSON: {error}") from error
    found = value.get("ops") if isinstance(value, dict) else value
    try:
        return OPS.validate_json(json.dumps(found))
    except ValidationError as error:
        problems = [
            Problem(severity="error", path=".".join(map(str, e["loc"])), message=e["msg"]) for e in error.errors()
        ]
        raise EditRefused(f"{name} holds operations that cannot be read", problems) from error


def _text(path: Path, before: Storyboard, after: Storyboard) -> str:
    """The edited storyboard in the form of its file. Raises `EditRefused` for a script, which cannot hold all of it."""
    form = path.suffix.lower()
    if form in SCRIPTS:
        raise EditRefused(f"{path} is a screenplay; import it first (vivijure import {path.name})")
    if form == ".json":
        return json.dumps(long_form(after), indent=2, ensure_ascii=False) + "\n"
    return rewrite(content(path), before, after)
