"""Boards and plans for the graph's tests."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from control.graph.model import Facts, Plan, Recipe, Uploads
from control.graph.plan import plan_film
from control.storyboard import text
from control.storyboard.models import Storyboard
from functions.catalog import Catalog, builtin
from tests.servers.facts import make_all

LIGHTHOUSE = Path(__file__).parents[3] / "examples" / "lighthouse.yaml"
Finish = Callable[..., tuple[Plan, Facts]]


@pytest.fixture
def lighthouse() -> Storyboard:
    """The example film."""
    return text.read(LIGHTHOUSE.read_bytes()).board


def finish(
    board: Storyboard,
    recipe: Recipe | None = None,
    *,
    facts: Facts | None = None,
    uploads: Uploads | None = None,
    catalog: Catalog | None = None,
    takes: Mapping[str, str] | None = None,
) -> tuple[Plan, Facts]:
    """Plan and 'make' until nothing is left; the final plan and all facts."""
    known: Facts = dict(facts or {})
    for _ in range(12):
        plan = plan_film(
            board, recipe or Recipe(), catalog or builtin(), facts=known, uploads=uploads or {}, takes=takes
        )
        following = make_all(plan, known)
        if following == known:
            return plan, known
        known = following
    raise AssertionError("the plan does not settle")


@pytest.fixture
def finished() -> Finish:
    """`finish` as a fixture."""
    return finish
