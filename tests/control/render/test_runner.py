"""The laws of paid work, kept by a running runner against a door that misbehaves."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from control.db import Database
from control.doors.client import Address
from control.errors import Conflict, NotFound
from control.graph.model import Recipe
from control.render.outcome import END_GRACE_MS, START_GRACE_MS
from control.render.runner import Runner
from control.store import CHUNK
from control.store.folder import FolderStore
from functions.contract import grant
from functions.contract.errors import WireError
from functions.contract.job import JobRequest
from functions.contract.params import TrainLora
from tests.control.render.bench import DOOR, Bench, bench, cheaper
from tests.servers.graphs import Node
from tests.servers.paid_door import TOKEN

pytestmark = pytest.mark.anyio
ONE = {"a": Node()}
FAN = {
    "a/key": Node("write:a"),
    "a/clip": Node("write:b", ("a/key",)),
    "b/key": Node("write:c"),
    "film": Node("write:f", ("a/clip", "b/key")),
}


@pytest.fixture
async def b(tmp_path: Path, database: Database | None) -> AsyncIterator[Bench]:
    """A bench with a paid door."""
    async with bench(tmp_path, database=database) as found:
        yield found


async def test_a_render_runs_to_its_end_and_pays_each_step_once(b: Bench) -> None:
    render = await b.start(FAN)
    view = await b.run_out(render)
    assert (view.state, view.made, view.reused, view.total) == ("done", 4, 0, 4)
    assert view.cost_u == 4 * 15
    assert len(b.door.accepted) == 4
    assert {s.state for s in view.shots} == {"done"}


async def test_rendering_again_makes_nothing(b: Bench) -> None:
    await b.run_out(await b.start(FAN))
    view = await b.run_out(await b.start())
    assert (view.state, view.made, view.reused, view.cost_u) == ("done", 0, 4, 0)
    assert len(b.door.accepted) == 4


async def test_a_changed_step_makes_only_itself_and_what_reads_it(b: Bench) -> None:
    await b.run_out(await b.start(FAN))
    view = await b.run_out(await b.start({**FAN, "b/key": Node("write:other")}))
    assert (view.made, view.reused) == (2, 2)


async def test_two_renders_of_one_film_at_once_share_every_job(b: Bench) -> None:
    first, second = await b.start(FAN), await b.start()
    other = b.another_runner()
    for _ in range(8):
        b.clock.now += 1100
        await asyncio.gather(b.runner.tick(), other.tick())
        await asyncio.gather(b.runner.settle_looks(), other.settle_looks())
        await b.finish_all()
    views = [await b.view(first), await b.view(second)]
    assert [v.state for v in views] == ["done", "done"]
    assert len(b.door.accepted) == 4
    assert sum(v.made for v in views) == 4
    assert sum(v.reused for v in views) == 4


async def test_the_request_is_signed_and_names_its_inputs(b: Bench) -> None:
    await b.start(FAN)
    await b.turn()
    await b.finish_all()
    await b.turn(times=2)
    clip = next(j.request for j in b.door.jobs.values() if j.request.inputs)
    grant.verify(clip, [b.desk.key.verify_key], door="paid", now_ms=b.clock.now)
    (ref,) = clip.inputs.values()
    key = next(
        j.request for j in b.door.jobs.values() if not j.request.inputs and ref.identity[3:67] == j.request.fingerprint
    )
    assert ref.key == key.outputs["lora.safetensors"].key
    assert clip.reserved.result.key.startswith(f"artifacts/{clip.fingerprint[:2]}/{clip.fingerprint}/{clip.job_id}/")
    assert clip.expires_at > clip.start_by + clip.deadline_s * 1000


async def test_a_step_whose_parameters_wait_for_a_fact_is_planned_again_when_it_comes(b: Bench) -> None:
    render = await b.start(
        {"line": Node("write:l"), "clip": Node("write:c", after="line"), "film": Node("write:f", ("clip",))}
    )
    await b.turn()
    assert await b.states(render) == {"line": "queued", "clip": "waiting", "film": "waiting"}
    assert (await b.view(render)).steps[1].estimated
    await b.finish_all()
    view = await b.run_out(render)
    assert view.state == "done"
    size = len((b.store.root / b.door.jobs["provider-0"].request.outputs["lora.safetensors"].key).read_bytes())
    assert b.door.jobs["provider-1"].request.params == TrainLora(trigger=f"write:c{size}")


# 1: intent before submission, handle and price before the first poll -------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_intent_is_stored_before_the_door_hears_of_it(b: Bench) -> None:
    stored: list[tuple[object, ...]] = []

    def look(request: JobRequest) -> None:
        connection = sqlite3.connect(b.file)
        sql = "SELECT state, attempt, door, charge_u, posts, handle FROM job WHERE id=?"
        stored.extend(connection.execute(sql, [request.job_id]))
        connection.close()

    b.door.on_run = look
    await b.start(ONE)
    await b.turn()
    assert stored == [("intent", 1, "paid", 10 * (3600 + 60), 1, None)]
    (job,) = await b.jobs()
    assert (job["state"], job["handle"], job["instance"]) == ("submitted", "provider-0", "queue-1")
    assert not b.door.asked


# 2: unknown stays unknown --------------------------------------------------------------------------------------------


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
    await b.turn(ms=30_000, times=2)
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


# 3: older attempts and late news ------------------------------------------------------------------------------------


async def test_progress_of_another_attempt_is_not_shown(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    job = b.door.job(b.door.accepted[0])
    b.door.begin(job.request.job_id)
    job.output = {"job_id": job.request.job_id, "attempt": 7, "stage": "forged"}
    await b.turn(times=3)
    assert (await b.jobs())[0]["progress"] is None
    job.output = {"job_id": job.request.job_id, "attempt": 1, "stage": "drawing", "done": 3, "total": 4, "eta_s": 2.5}
    await b.turn(times=3)
    step = (await b.view(render)).steps[0]
    assert step.progress is not None
    assert (step.state, step.progress.stage, step.progress.fraction) == ("running", "drawing", 0.75)
    assert (await b.view(render)).eta_s == 2.5


async def test_a_result_object_of_another_job_is_not_believed(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    job = b.door.job(b.door.accepted[0])
    b.door.finish(job.request.job_id)
    path = b.store.root / job.request.reserved.result.key
    path.write_bytes(path.read_bytes().replace(job.request.job_id.encode(), b"x" * 24, 1))
    await b.turn(times=2)
    first = (await b.jobs())[0]
    assert (first["state"], json.loads(first["error"])["code"]) == ("failed", "bad_result")
    assert (await b.run_out(render)).state == "done"  # by another attempt


@pytest.mark.parametrize("harm", ["gone", "cut", "elsewhere"])
async def test_a_result_whose_output_is_not_as_it_says_makes_nothing_done(b: Bench, harm: str) -> None:
    render = await b.start(ONE)
    await b.turn()
    request = b.door.job(b.door.accepted[0]).request
    b.door.finish(request.job_id)
    output = b.store.root / request.outputs["lora.safetensors"].key
    if harm == "gone":
        output.unlink()
    elif harm == "cut":
        output.write_bytes(output.read_bytes()[:-1])
    else:
        result = b.store.root / request.reserved.result.key
        result.write_bytes(result.read_bytes().replace(b"/lora.safetensors", b"/result.json"))
    await b.turn(times=2)
    job = (await b.jobs())[0]
    assert (job["state"], json.loads(job["error"])["code"], job["charge_u"]) == ("failed", "output_missing", 15)
    assert not await b.db.fetch("SELECT * FROM artifact")
    assert (await b.run_out(render)).state == "done"
    assert len(b.door.accepted) == 2


# 4: one live job per fingerprint: two renders at once, above; and behind one fingerprint twice in one plan ------------


async def test_two_steps_of_one_fingerprint_are_made_once(b: Bench) -> None:
    view = await b.run_out(await b.start({"a": Node("write:same"), "b": Node("write:same")}))
    assert view.state == "done"
    assert len(b.door.accepted) == 1


# 5: money -----------------------------------------------------------------------------------------------------------


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


# 6: our own bookkeeping fails no job ---------------------------------------------------------------------------------


async def test_a_store_that_cannot_be_read_leaves_the_job_open(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    job = b.door.job(b.door.accepted[0])
    b.door.finish(job.request.job_id)
    path = b.store.root / job.request.reserved.result.key
    data = path.read_bytes()
    path.unlink()
    path.symlink_to(path.name)  # reading it fails with ELOOP: neither there nor missing
    await b.turn(times=3, ms=10 * 3600_000)
    assert (await b.jobs())[0]["state"] == "submitted"
    path.unlink()
    path.write_bytes(data)
    await b.turn(times=3)
    assert (await b.view(render)).state == "done"


async def test_a_planner_that_fails_ends_its_own_render_only(b: Bench) -> None:
    good = await b.start(ONE)
    film = await b.studio.create_film(await b.desk.planning.board((await b.studio.films()).items[0].id, 1))
    bad = await b.studio.start_render(film.id, Recipe())
    await b.turn()
    b.graphs.broken = ZeroDivisionError("a bug")
    await b.db.batch([("UPDATE render SET next_at=-1 WHERE id=:id", {"id": bad})])
    await b.turn(runner=b.another_runner())
    b.graphs.broken = None
    assert (await b.view(bad)).state == "failed"
    assert (await b.run_out(good)).state == "done"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_an_end_that_could_not_be_booked_is_booked_later(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    await b.finish_all()
    other = sqlite3.connect(b.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    b.clock.now += 2000
    wait = await b.runner._guarded_step(True)
    assert wait == 2.0
    other.execute("ROLLBACK")
    other.close()
    await b.turn(times=3)
    assert (await b.view(render)).state == "done"
    assert len(b.door.accepted) == 1


# 7: cancel -----------------------------------------------------------------------------------------------------------


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


# 8: only the runner and doorbells advance anything -------------------------------------------------------------------


async def test_looking_advances_nothing(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    await b.finish_all()
    before = await b.jobs()
    film = (await b.studio.films()).items[0].id
    for _ in range(3):
        b.clock.now += 10_000
        await b.view(render)
        await b.studio.takes(film)
        await b.studio.plan(film, Recipe())
        await b.studio.quote(film, Recipe())
        await b.studio.events(0)
    assert await b.jobs() == before


async def test_a_doorbell_makes_the_runner_look_and_nothing_else(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    b.door.finish(b.door.accepted[0])
    (job,) = await b.jobs()
    await b.db.batch([("UPDATE job SET next_poll_at=:at", {"at": b.clock.now + 10**6})])
    await b.turn(ms=1)
    assert (await b.jobs())[0]["state"] == "submitted"
    await b.studio.ring(job["id"])
    await b.studio.ring("nobody")
    await b.turn(ms=1, times=2)
    assert (await b.view(render)).state == "done"


# retries, pause, fairness --------------------------------------------------------------------------------------------


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


# a local door, whose `run` may be sent again -------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["swallow", "drop", "break", "nonsense"])
async def test_a_local_door_is_sent_the_same_job_again(tmp_path: Path, what: str) -> None:
    async with bench(tmp_path, cheaper(repeatable=True, price_u=0)) as b:
        b.door.run = [what]
        view = await b.run_out(await b.start(ONE))
        assert view.state == "done"
        assert len(b.door.accepted) == 1
        assert len(await b.jobs()) == 1


async def test_a_local_door_that_refuses_what_it_may_have_taken_before_is_asked_for_it(tmp_path: Path) -> None:
    async with bench(tmp_path, cheaper(repeatable=True)) as b:
        b.door.run = ["swallow", "reject"]
        render = await b.start(ONE)
        await b.turn(times=4, ms=3000)
        assert [(j["state"], j["handle"]) for j in await b.jobs()] == [("submitted", b.door.accepted[0])]
        assert (await b.run_out(render)).state == "done"


async def test_a_local_door_too_busy_for_what_it_may_have_taken_before_still_hears_of_the_cancel(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, cheaper(repeatable=True)) as b:
        b.door.run = ["swallow", "busy"]
        render = await b.start(ONE)
        await b.turn(times=2, ms=3000)
        await b.studio.cancel(render)
        await b.turn(times=4, ms=3000)
        assert b.door.job(b.door.accepted[0]).cancelled == 1
        assert (await b.jobs())[0]["state"] == "cancelled"


async def test_a_local_door_that_never_took_it_gets_it_again(tmp_path: Path) -> None:
    async with bench(tmp_path, cheaper(repeatable=True)) as b:
        render = await b.start(ONE)
        await b.turn()
        b.door.jobs.clear()  # the same queue, but without the job
        await b.turn(times=3)
        first = (await b.jobs())[0]
        assert (first["state"], first["charge_u"]) == ("never_started", 0)
        assert (await b.run_out(render)).state == "done"


async def test_a_local_door_whose_queue_is_gone_has_lost_it(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(cheaper(repeatable=True), rerun_lost=True)) as b:
        render = await b.start(ONE)
        await b.turn()
        b.door.jobs.clear()
        b.door.instance = "queue-2"
        await b.turn(times=3)
        assert (await b.jobs())[0]["state"] == "lost"
        assert (await b.run_out(render)).state == "done"


async def test_a_degraded_artifact_is_used_by_its_render_and_missing_for_the_next(b: Bench) -> None:
    first = await b.start(ONE)
    await b.turn()
    b.door.finish(b.door.accepted[0], "degraded")
    await b.turn(times=3)
    view = await b.view(first)
    assert (view.state, view.steps[0].state) == ("done", "degraded")
    second = await b.start()
    assert (await b.run_out(second)).steps[0].state == "done"
    assert len(b.door.accepted) == 2


async def test_a_degraded_artifact_that_a_person_keeps_counts_for_all(b: Bench) -> None:
    first = await b.start(ONE)
    await b.turn()
    b.door.finish(b.door.accepted[0], "degraded")
    await b.turn(times=3)
    take = (await b.studio.takes((await b.view(first)).film_id)).items[0]
    assert (await b.studio.keep_take(take.id)).quality == "degraded"
    second = await b.run_out(await b.start())
    assert (second.state, second.reused, len(b.door.accepted)) == ("done", 1, 1)


async def test_a_runner_takes_up_what_another_left(b: Bench) -> None:
    render = await b.start(FAN)
    await b.turn(times=2)
    await b.finish_all()
    other = b.another_runner()
    for _ in range(6):
        await b.turn(runner=other, ms=11_000)
        await b.finish_all()
    view = await b.view(render)
    assert (view.state, view.made) == ("done", 4)
    assert len(b.door.accepted) == 4
    assert len((await b.studio.takes(view.film_id)).items) == 4


async def test_old_events_are_forgotten_and_listeners_told(b: Bench) -> None:
    await b.run_out(await b.start(ONE))
    last = (await b.studio.events(-1)).last
    await b.turn(ms=6 * 86_400_000)
    assert not (await b.studio.events(0)).reset
    await b.turn(ms=2 * 86_400_000)
    assert (await b.studio.events(last - 1)).reset
    assert not await b.db.fetch("SELECT * FROM event")


async def test_an_artifact_whose_objects_were_removed_is_made_again(b: Bench) -> None:
    view = await b.run_out(await b.start(FAN))
    fact = view.steps[0].outputs["lora.safetensors"]
    (b.store.root / fact.key).unlink()
    again = await b.run_out(await b.studio.start_render(view.film_id, Recipe()))
    assert (again.state, again.made, again.reused) == ("done", 1, 3)
    once_more = await b.run_out(await b.studio.start_render(view.film_id, Recipe()))
    assert (once_more.made, once_more.reused) == (0, 4)
