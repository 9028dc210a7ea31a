"""Retries, pauses, and turns at doors that have little room."""

from dataclasses import replace
from pathlib import Path

import pytest

from control.doors.client import Address
from functions.contract.errors import WireError
from tests.control.render.bench import DOOR, FAN, ONE, Bench, bench
from tests.servers.graphs import Node

pytestmark = pytest.mark.anyio


async def test_a_retryable_failure_is_tried_twice_more(b: Bench) -> None:
    render = await b.start(ONE)
    error = WireError(code="out_of_memory", message="no room", retryable=True)
    for _ in range(3):
        await b.turn(times=2)
        b.door.finish((await b.live())[0].request.job_id, "failed", error=error)
    await b.turn(times=3)
    view = await b.view(render)
    assert (view.state, view.steps[0].reason) == ("failed", "no room (3 attempts)")
    assert [j["attempt"] for j in await b.jobs()] == [1, 2, 3]
    assert await b.start()  # a person asks again: three more may be paid for
    await b.turn(times=2)
    assert len(b.door.accepted) == 4


async def test_a_failure_is_final_where_the_door_says_so_and_the_rest_is_finished(b: Bench) -> None:
    b.door.run = ["reject"]
    view = await b.run_out(await b.start(FAN))
    assert view.state == "failed"
    assert {s.path: s.state for s in view.steps} == {
        "a/key": "failed",
        "a/clip": "blocked",
        "b/key": "done",
        "film": "blocked",
    }
    assert (await b.jobs())[0]["charge_u"] == 0


async def test_a_busy_door_is_asked_again(b: Bench) -> None:
    b.door.run = ["busy", "busy"]
    view = await b.run_out(await b.start(ONE))
    assert view.state == "done"
    assert len(await b.jobs()) == 1


async def test_a_door_that_stays_away_ends_in_never_started_for_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, address=lambda: Address("http://127.0.0.1:9", "x")) as b:
        render = await b.start(ONE)
        await b.turn(times=40, ms=10_000)
        view = await b.view(render)
        assert view.state == "failed"
        assert {(j["state"], j["charge_u"]) for j in await b.jobs()} == {("never_started", 0)}
        assert "could not be reached" in view.reason


async def test_pause_submits_nothing_more_and_resume_goes_on(b: Bench) -> None:
    render = await b.start(FAN)
    await b.turn()
    await b.studio.pause(render)
    await b.finish_all()
    await b.turn(times=4)
    assert len(b.door.accepted) == 2
    assert (await b.states(render))["a/key"] == "done"
    assert (await b.view(render)).state == "paused"
    await b.studio.resume(render)
    assert (await b.run_out(render)).state == "done"


async def test_renders_take_turns(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(DOOR, concurrency=1, ahead=1)) as b:
        first = await b.start({f"x{i}": Node(f"write:x{i}") for i in range(4)})
        await b.turn()
        second = await b.start({f"y{i}": Node(f"write:y{i}") for i in range(4)})
        for _ in range(3):
            await b.finish_all()
            await b.turn(times=2)
        made = [j["payer"] for j in await b.jobs()]
        assert made[2:6].count(second) == 2
        assert made[2:6].count(first) == 2


async def test_a_door_never_gets_more_than_it_has_room_for(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(DOOR, concurrency=2, ahead=1)) as b:
        render = await b.start({f"x{i}": Node(f"write:x{i}") for i in range(9)})
        for _ in range(6):
            await b.turn(times=2)
            assert len(await b.live()) <= 3
            await b.finish_all()
        assert (await b.run_out(render)).state == "done"
