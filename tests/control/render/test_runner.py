"""A running runner: renders to their ends, its own bookkeeping, doorbells, what another left."""

import asyncio
import sqlite3

import pytest

from control.graph.model import Recipe
from functions.contract import grant
from functions.contract.job import JobRequest
from functions.contract.params import TrainLora
from tests.control.render.bench import FAN, ONE, Bench
from tests.servers.graphs import Node

pytestmark = pytest.mark.anyio


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


# 4: one live job per fingerprint: two renders at once, above; and behind one fingerprint twice in one plan ------------


async def test_two_steps_of_one_fingerprint_are_made_once(b: Bench) -> None:
    view = await b.run_out(await b.start({"a": Node("write:same"), "b": Node("write:same")}))
    assert view.state == "done"
    assert len(b.door.accepted) == 1


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
