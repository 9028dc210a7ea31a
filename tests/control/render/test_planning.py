"""A plan is made again only where something differs that it was made of."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.graph.model import OutputFacts, Plan, Recipe
from control.graph.plan import plan_film
from control.render.planning import Known, Planning, Subject
from control.store.folder import FolderStore
from control.storyboard.models import Storyboard
from control.storyboard.text import read
from functions.catalog import builtin
from functions.contract.media import MediaFacts

pytestmark = pytest.mark.anyio
BOARD = read(
    b"""
storyboard: 1
title: Tiny
cast: {ada: {look: a coat}}
scenes: [{id: s, shots: [{id: a, action: She waits., lines: [{ada: Who is there?}]}]}]
"""
).board


class Counting:
    """The planner, and how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *given: Any, **more: Any) -> Plan:
        """As `plan_film`."""
        self.calls += 1
        return plan_film(*given, **more)


@pytest.fixture
async def planning(tmp_path: Path) -> AsyncIterator[tuple[Planning, Counting]]:
    db, planner = SqliteDatabase(tmp_path / "studio.db"), Counting()
    await migrate(db)
    yield Planning(db, FolderStore(tmp_path / "objects"), planner, kept=2), planner
    await db.close()


def subject(board: Storyboard = BOARD, **recipe: Any) -> Subject:
    return Subject(board, Recipe(**recipe), builtin(), {}, {})


def spoken(plan: Plan) -> str:
    """The fingerprint of the only line."""
    return next(step.fingerprint or "" for step in plan.steps if step.kind == "dialogue")


def heard(samples: int) -> dict[str, OutputFacts]:
    media = MediaFacts(type="audio", samples=samples)
    return {"line.wav": OutputFacts(key="k", sha256="0" * 64, size=1, media=media)}


async def test_what_was_planned_is_not_planned_again(planning: tuple[Planning, Counting]) -> None:
    plans, planner = planning
    first = await plans.plan(subject(), Known())
    again = Known()
    assert await plans.plan(subject(BOARD.model_copy()), again) is first
    assert planner.calls == 1
    assert spoken(first) in again.wanted


async def test_a_fact_that_decides_something_makes_another_plan(planning: tuple[Planning, Counting]) -> None:
    plans, planner = planning
    first = await plans.plan(subject(), Known())
    known = Known(facts={spoken(first): heard(48_000 * 9)})
    second = await plans.plan(subject(), known)
    assert second.frames > first.frames
    assert await plans.plan(subject(), Known(facts={**known.facts, "f" * 64: heard(1)})) is second
    assert await plans.plan(subject(), Known(facts={spoken(first): heard(48_000 * 12)})) is not second
    assert planner.calls == 3


async def test_another_subject_makes_another_plan_and_only_the_latest_are_kept(
    planning: tuple[Planning, Counting],
) -> None:
    plans, planner = planning
    first = await plans.plan(subject(), Known())
    assert await plans.plan(subject(tier="final"), Known()) is not first
    assert await plans.plan(subject(BOARD.model_copy(update={"title": "Other"})), Known()) is not first
    assert await plans.plan(subject(), Known()) == first
    assert planner.calls == 4
