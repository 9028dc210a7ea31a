"""What pydantic found wrong, in words for a person: where, what, and the nearest thing that would be right."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from control.storyboard import schema
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem, error
from control.storyboard.source import Source

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_TAGS = ("spoken", "beat")
_UNITS = {"tuple": "entries", "dictionary": "entries", "string": "characters"}
_KINDS = {
    "string_type": "text; put it in quotes",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a map of names",
    "tuple_type": "a list",
    "model_type": "a map of fields",
    "model_attributes_type": "a map of fields",
}


def problems(found: Sequence[ErrorDetails], source: Source, root: type[BaseModel] = Storyboard) -> list[Problem]:
    """One problem for each place, in the order of the text. `root` is what was read."""
    first: dict[str, Problem] = {}
    for detail in found:
        loc = bare(detail["loc"])
        path = where(loc)
        first.setdefault(path, error(path, _message(detail, loc, root), source.line(loc)))
    return sorted(first.values(), key=lambda p: p.line or 0)


def where(loc: schema.Loc) -> str:
    """A path as people read it: `scenes[1].shots[0].camera.move`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return text.removeprefix(".")


def steps(path: str) -> schema.Loc:
    """The inverse of `where`, for paths without dots in a name."""
    return tuple(int(n) if n else name for n, name in _STEP.findall(path))


def bare(loc: schema.Loc) -> schema.Loc:
    """The path without the marks that pydantic adds for unions and keys."""
    return tuple(_steps(loc))


def _steps(loc: schema.Loc) -> Iterator[str | int]:
    for index, step in enumerate(loc):
        tag = step in _TAGS and index >= 2 and loc[index - 2] == "lines" and isinstance(loc[index - 1], int)
        if not tag and step != "[key]":
            yield step


def _message(detail: ErrorDetails, loc: schema.Loc, root: type[BaseModel]) -> str:
    kind, given, limits = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(str(loc[-1]), schema.model_at(detail["loc"][:-1], root))
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        return _none_of(given, str(limits["expected"]))
    if kind == "string_pattern_mismatch":
        return f"{_shown(given)} is no id; use a-z, 0-9 and -, begin with a letter, at most 32"
    if kind in ("too_long", "string_too_long", "too_short", "string_too_short"):
        return _length(detail)
    if isinstance(given, str) and loc[-2:-1] == ("lines",):
        return f"is {_shown(given)}; write who says it: `NAME: words`, or `(beat)`"
    if kind in _KINDS:
        return f"is {_shown(given)}; it must be {_KINDS[kind]}"
    if kind == "finite_number":
        return f"is {_shown(given)}, which is no number to plan with"
    if kind.startswith(("greater_than", "less_than")):
        return f"is {_shown(given)}; it must be {_range(detail)}"
    return detail["msg"].removeprefix("Value error, ")


def _unknown(name: str, model: type[BaseModel] | None) -> str:
    known = list(schema.written(model)) if model is not None else []
    near = difflib.get_close_matches(name.replace("-", "_"), known, n=1, cutoff=0.5)
    hint = f"the nearest known name is {near[0]!r}" if near else f"known are {', '.join(known)}"
    return f"unknown field {name!r}; {hint}"


def _none_of(given: Any, expected: str) -> str:
    words = [w.strip().strip("'") for w in expected.replace(" or ", ", ").split(", ")]
    near = difflib.get_close_matches(given, words, n=1, cutoff=0.5) if isinstance(given, str) else []
    hint = f"; the nearest is {near[0]!r}" if near else ""
    return f"is {_shown(given)}, which is none of {', '.join(words)}{hint}"


def _length(detail: ErrorDetails) -> str:
    limits = detail.get("ctx", {})
    count = limits.get("actual_length", len(detail["input"]) if hasattr(detail["input"], "__len__") else "?")
    unit = _UNITS.get(str(limits.get("field_type", "string")).lower(), "characters")
    if "max_length" in limits:
        return f"has {count} {unit}; at most {limits['max_length']} are taken"
    return f"has {count} {unit}; at least {limits['min_length']} needed"


def _range(detail: ErrorDetails) -> str:
    limits = detail.get("ctx", {})
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return ", ".join(f"{word} {_number(limits[key])}" for key, word in words.items() if key in limits)


def _number(limit: float) -> str:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"


def _shown(given: Any) -> str:
    if given is None:
        return "empty"
    text = repr(given) if not isinstance(given, float | int | bool) else str(given).lower()
    return text if len(text) <= 60 else f"{text[:57]}..."
