"""One finding about a storyboard, a script or a plan."""

from typing import Literal

from functions.contract.base import Strict


class Problem(Strict):
    """Something a person should know or mend. `path` is where in the storyboard, `line` its line in the file."""

    severity: Literal["error", "warning"]
    path: str
    message: str
    line: int | None = None


def error(path: str, message: str, line: int | None = None) -> Problem:
    """A finding that keeps a film from being made."""
    return Problem(severity="error", path=path, message=message, line=line)


def warning(path: str, message: str, line: int | None = None) -> Problem:
    """A finding that a person should look at."""
    return Problem(severity="warning", path=path, message=message, line=line)
