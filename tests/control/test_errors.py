"""The tree of errors is as drawn, and each has one shape on the wire."""

import re
from collections.abc import Iterator

import pytest

from control import errors
from control.errors import Invalid, StudioError, problem
from control.storyboard.problem import Problem


def tree(kind: type[StudioError] = StudioError) -> Iterator[type[StudioError]]:
    """Every error of this module, depth first."""
    if kind.__module__ == errors.__name__:
        yield kind
        for child in kind.__subclasses__():
            yield from tree(child)


def test_the_drawing_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+) +(\d{3})", errors.__doc__ or "")
    assert [(kind.__name__, str(kind.status)) for kind in tree()][1:] == drawn


def test_codes_are_stable_names_of_their_own() -> None:
    codes = [kind.code for kind in tree()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_each_says_itself(kind: type[StudioError]) -> None:
    wire = problem(kind("what happened", current=3), instance="/api/x")
    assert wire["status"] == kind.status
    assert wire["title"] == kind.title
    assert wire["detail"] == "what happened"
    assert wire["current"] == 3
    assert wire["errors"] == []


def test_fields_never_hide_what_every_problem_has() -> None:
    assert problem(StudioError("x", status=200, code="fine"))["status"] == 500


def test_problems_come_with_path_and_line() -> None:
    found = Problem(severity="error", path="scenes[0]", message="is empty", line=3)
    error = Invalid(problems=[found])
    assert str(error) == "scenes[0]: is empty"
    assert problem(error)["errors"] == [{"severity": "error", "path": "scenes[0]", "message": "is empty", "line": 3}]
