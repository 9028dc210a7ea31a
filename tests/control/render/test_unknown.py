"""Jobs whose outcome nobody knows are never paid twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from control.doors.client import Address
from control.errors import Conflict, NotFound
from control.render.outcome import END_GRACE_MS, START_GRACE_MS
from control.render.runner import Runner
from control.store import CHUNK
from control.store.folder import FolderStore
from tests.control.render.bench import ONE, Bench, bench
from tests.servers.paid_door import TOKEN

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("what", ["swallow", "drop", "break", "nonsense"])
async def test_an_unknown_job_is_never_submitted_again(b: Bench, what: str) -> None:
    b.door.run = [what]
    render = await b.start(ONE)
    await b.turn()
    assert await b.states(render) == {"a": "unknown"}
    await b.turn(times=12, ms=5000)
    step = (await b.view(render)).steps[0]
    assert (step.state, step.reason) == ("unknown", "may have been billed")
    assert len(await b.jobs()) == 1
    assert len(b.door.accepted) <= 1


async def test_an_unknown_job_is_found_again_by_its_started_object(b: Bench) -> None:
    b.door.run = ["swallow"]
    render = await b.start(ONE)
    await b.turn(times=2)
    b.door.begin(b.door.accepted[0])
    await b.turn(times=2)
    assert (await b.jobs())[0]["handle"] == "provider-0"
    assert (await b.states(render)) == {"a": "running"}
    assert (await b.run_out(render)).state == "done"
    assert len(b.door.accepted) == 1


async def test_an_unknown_job_is_settled_by_its_result(b: Bench) -> None:
    b.door.run = ["break"]
    render = await b.start(ONE)
    await b.turn(times=2)
    b.door.finish(b.door.accepted[0])
    await b.turn(times=3)
    assert (await b.view(render)).state == "done"
    assert len(b.door.accepted) == 1


async def test_an_unknown_job_that_began_nowhere_is_never_started_and_only_then_made_again(b: Bench) -> None:
    b.door.run = ["drop"]
    render = await b.start(ONE)
    await b.turn(times=2)
    b.clock.now += 60_000 + START_GRACE_MS - 20_000
    await b.turn(ms=0)
    assert (await b.states(render)) == {"a": "unknown"}
    await b.turn(ms=30_000, times=3)
    first, second = await b.jobs()
    assert (first["state"], first["charge_u"]) == ("never_started", 600)
    assert second["attempt"] == 2
    assert (await b.run_out(render)).state == "done"


async def test_a_started_job_without_a_result_is_lost_at_the_hold_and_left_to_a_person(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    b.door.begin(b.door.accepted[0])
    b.door.answers = ["drop"] * 99
    b.clock.now += 60_000 + 3600_000 + END_GRACE_MS + 1000
    await b.turn(times=4)
    (job,) = await b.jobs()
    assert (job["state"], job["charge_u"], job["cost_basis"]) == ("lost", 36_600, "bound")
    view = await b.view(render)
    assert (view.state, view.steps[0].state) == ("failed", "failed")
    assert "left no result" in view.reason


async def test_a_runner_that_slept_while_it_read_does_not_judge_by_what_it_read_before(b: Bench) -> None:
    b.door.run = ["swallow"]
    render = await b.start(ONE)
    await b.turn()

    class Asleep(FolderStore):
        async def read(self, key: str, limit: int = CHUNK) -> bytes:
            try:
                return await super().read(key, limit)
            finally:
                b.clock.now += 60_000 + START_GRACE_MS + 1000

    sleeper = Runner(replace(b.desk, store=Asleep(b.store.root)))
    b.clock.now += 59_000
    await b.turn(runner=sleeper)
    assert (await b.states(render))["a"] == "unknown"
    assert len(await b.jobs()) == 1


async def test_an_intent_of_a_runner_that_was_killed_is_reconciled_and_not_posted_again(b: Bench) -> None:
    b.door.run = ["swallow"]
    render = await b.start(ONE)
    await b.turn()
    # What a runner leaves that is killed between its POST and the answer.
    await b.db.batch([("UPDATE job SET state='intent', posts=1", {})])
    await b.turn(times=5, ms=30_000, runner=b.another_runner())
    assert (await b.states(render)) == {"a": "unknown"}
    assert len(b.door.accepted) == 1


async def test_an_intent_that_was_certainly_not_sent_is_posted_by_the_next_runner(tmp_path: Path) -> None:
    where: list[Address] = []
    async with bench(tmp_path, address=lambda: where[0] if where else None) as b:
        render = await b.start(ONE)
        await b.turn()  # the door is starting
        assert [(j["state"], j["posts"]) for j in await b.jobs()] == [("intent", 0)]
        where.append(Address(b.server.url, TOKEN))
        await b.turn(times=2, runner=b.another_runner())
        assert len(b.door.accepted) == 1
        assert (await b.states(render)) == {"a": "queued"}


async def test_a_person_may_accept_the_risk_of_an_unknown_job(b: Bench) -> None:
    b.door.run = ["swallow"]
    render = await b.start(ONE)
    await b.turn(times=2)
    await b.studio.accept_risk(render, "a")
    await b.turn(times=2)
    assert [(j["state"], j["charge_u"] > 0) for j in await b.jobs()] == [("written_off", True), ("submitted", True)]
    with pytest.raises(Conflict, match="is not unknown"):
        await b.studio.accept_risk(render, "a")
    b.door.finish(b.door.accepted[0])  # the first one comes after all, and is settled
    await b.turn(times=3)
    assert (await b.jobs())[0]["state"] == "done"
    assert (await b.run_out(render)).state == "done"
    with pytest.raises(NotFound):
        await b.studio.accept_risk(render, "no such step")


async def test_a_job_that_was_written_off_is_followed_to_its_end_once_it_is_found(b: Bench) -> None:
    b.door.run = ["swallow"]
    render = await b.start(ONE)
    await b.turn(times=2)
    await b.studio.accept_risk(render, "a")
    b.door.begin(b.door.accepted[0])
    await b.turn(times=3)
    assert [(j["state"], j["handle"]) for j in (await b.jobs())[:1]] == [("written_off", "provider-0")]
    b.door.finish(b.door.accepted[0], "failed", leave=False)
    await b.turn(times=3)
    assert (await b.jobs())[0]["state"] == "failed"
    assert (await b.run_out(render)).state == "done"
