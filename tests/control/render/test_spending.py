"""Money that is not there is not spent, and what was spent is booked."""

import pytest

from control.graph.model import Recipe
from functions.contract.errors import WireError
from tests.control.render.bench import FAN, ONE, Bench

pytestmark = pytest.mark.anyio


async def test_what_the_budget_does_not_hold_is_not_sent(b: Bench) -> None:
    render = await b.start(FAN, Recipe(budget_u=36_610))  # 15 less than two jobs, one after the other, hold
    view = await b.run_out(render)
    assert view.state == "failed"
    assert len(b.door.accepted) == 1
    assert "budget" in view.reason
    assert view.cost_u == 15


async def test_steps_wait_for_money_that_running_jobs_hold(b: Bench) -> None:
    render = await b.start(FAN, Recipe(budget_u=40_000))
    for _ in range(4):
        await b.turn(times=2)
        assert len(await b.live()) == 1
        assert (await b.studio.costs()).held_u == 36_600
        await b.finish_all()
    await b.turn(times=2)
    assert (await b.view(render)).state == "done"


async def test_failed_jobs_are_paid_too(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    b.door.finish(b.door.accepted[0], "failed", error=WireError(code="engine_failed", message="no", retryable=False))
    await b.turn(times=3)
    view = await b.view(render)
    assert (view.state, view.cost_u, view.steps[0].reason) == ("failed", 15, "no")
    costs = await b.studio.costs()
    assert (costs.spent_u, costs.held_u, costs.jobs) == (15, 0, 1)
