"""Storyboard text: read with everything that is wrong with it, written in the long form, ids written back."""

import io
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from control.storyboard import checks, findings, source
from control.storyboard.errors import StoryboardRefused
from control.storyboard.minting import mint_ids
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem
from control.storyboard.shorthand import expand
from control.storyboard.source import Source

_ROUNDS = 4
"""How often a refused text is mended for the sake of finding what else is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A storyboard as it was read. `problems` are warnings; each has the line it is about."""

    board: Storyboard
    problems: tuple[Problem, ...]
    source: Source


def read(data: bytes | str, vocabulary: Collection[str] | None = None) -> Reading:
    """The storyboard in YAML or JSON text, short forms expanded, missing ids minted.

    Raises `StoryboardRefused` with every problem at once: what cannot be parsed, unknown fields, values out of range,
    references that lead nowhere. `vocabulary` goes to `checks.check`.
    """
    found = source.load(data)
    values = mint_ids(expand(found.value))
    try:
        board = validate(values)
    except ValidationError as bad:
        raise refusal([*findings.problems(bad.errors(), found), *_beyond(values, bad.errors(), found)]) from bad
    located = tuple(_located(problem, found) for problem in checks.check(board, vocabulary))
    if any(problem.severity == "error" for problem in located):
        raise refusal([problem for problem in located if problem.severity == "error"])
    return Reading(board, located, found)


def validate(values: Any) -> Storyboard:
    """A storyboard of JSON values in the long form. Raises pydantic's `ValidationError`."""
    return Storyboard.model_validate_json(json.dumps(values))


def dump(board: Storyboard) -> str:
    """The long form as YAML; reading it gives the same storyboard."""
    out = io.StringIO()
    source.round_trip().dump(long_form(board), out)
    return out.getvalue()


def long_form(board: Storyboard) -> dict[str, Any]:
    """JSON values of the long form: fields at their default left out, the schema version first."""
    values = board.model_dump(mode="json", exclude_defaults=True)
    return {"storyboard": board.storyboard, **values}


def refusal(problems: Sequence[Problem]) -> StoryboardRefused:
    """The refusal that carries these problems."""
    first = problems[0]
    where = f"line {first.line}, " if first.line is not None else ""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return StoryboardRefused(f"{where}{first.path}: {first.message}{more}", problems)


def _located(problem: Problem, found: Source) -> Problem:
    return problem.model_copy(update={"line": found.line(findings.steps(problem.path))})


def _beyond(values: Any, errors: list[ErrorDetails], found: Source) -> list[Problem]:
    """What else would be wrong once the schema's own complaints were mended."""
    for _ in range(_ROUNDS):
        if not all(_mend(values, detail) for detail in errors):
            return []
        try:
            board = validate(values)
        except ValidationError as bad:
            errors = bad.errors()
            continue
        return [_located(problem, found) for problem in checks.errors(board)]
    return []


def _mend(values: Any, detail: ErrorDetails) -> bool:
    """Take the offending value away, or put something in for a missing action. False where that says nothing."""
    *parents, leaf = findings.bare(detail["loc"])
    if not parents and detail["type"] != "extra_forbidden":
        return False
    for step in parents:
        values = values[step]
    if not isinstance(values, dict):
        return False
    if leaf in values and (leaf != "action" or detail["type"] == "extra_forbidden"):
        del values[leaf]
        return True
    if leaf == "action":
        values[leaf] = "-"
    return leaf == "action"
