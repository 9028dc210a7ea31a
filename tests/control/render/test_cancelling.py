"""A cancel reaches what only its own render wants, whenever it is asked."""

import pytest

from tests.control.render.bench import FAN, ONE, Bench

pytestmark = pytest.mark.anyio


async def test_cancel_reaches_every_job_and_keeps_what_came(b: Bench) -> None:
    render = await b.start(FAN)
    await b.turn()
    b.door.finish(b.door.accepted[0])
    await b.studio.cancel(render)
    await b.turn(times=3)
    view = await b.view(render)
    assert view.state == "cancelled"
    assert b.door.job(b.door.accepted[1]).cancelled == 1
    assert {j["state"] for j in await b.jobs()} == {"done", "cancelled"}
    assert len(await b.db.fetch("SELECT * FROM artifact")) == 1
    assert len(b.door.accepted) == 2
    await b.studio.cancel(render)  # twice is once


async def test_cancel_spares_what_another_render_wants(b: Bench) -> None:
    first, second = await b.start(FAN), await b.start()
    await b.turn(times=2)
    await b.studio.cancel(first)
    await b.turn(times=2)
    assert (await b.view(first)).state == "cancelled"
    assert not any(job.cancelled for job in b.door.jobs.values())
    assert (await b.run_out(second)).state == "done"


async def test_a_cancel_asked_before_the_handle_is_known_is_applied_when_it_comes(b: Bench) -> None:
    b.door.run = ["swallow"]
    render = await b.start(ONE)
    await b.turn()
    await b.studio.cancel(render)
    await b.turn(times=2)
    assert (await b.view(render)).state == "cancelled"  # but its job is not forgotten
    b.door.begin(b.door.accepted[0])
    await b.turn(times=3)
    assert b.door.job(b.door.accepted[0]).cancelled == 1
    assert (await b.jobs())[0]["state"] == "cancelled"


async def test_a_job_that_no_door_took_is_cancelled_at_once_and_costs_nothing(b: Bench) -> None:
    b.door.run = ["busy"] * 99
    render = await b.start(ONE)
    await b.turn(times=3)
    await b.studio.cancel(render)
    await b.turn(times=2)
    assert (await b.view(render)).state == "cancelled"
    assert [(j["state"], j["charge_u"]) for j in await b.jobs()] == [("cancelled", 0)]


async def test_a_render_that_joins_after_the_cancel_waits_for_the_end_then_submits_its_own(b: Bench) -> None:
    b.door.answers = ["drop"] * 2
    first = await b.start(ONE)
    await b.turn()
    await b.studio.cancel(first)
    second = await b.start()
    await b.turn(times=2)
    assert len(b.door.accepted) == 1
    await b.turn(times=3)
    assert b.door.job(b.door.accepted[0]).cancelled == 1
    view = await b.run_out(second)
    assert (view.state, len(b.door.accepted)) == ("done", 2)
