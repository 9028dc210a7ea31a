"""The eight laws of paid work, each by its name, against a door that misbehaves. `test_runner` has more of each."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from control.doors.breaker import THRESHOLD
from control.doors.client import Address
from control.doors.registry import Door
from control.errors import DatabaseError
from control.graph.model import Recipe
from control.render.outcome import END_GRACE_MS, START_GRACE_MS, Terms
from functions.contract.errors import WireError
from functions.contract.job import JobRequest
from tests.control.render.bench import BOARD, DOOR, Bench, bench, cheaper
from tests.servers.graphs import Node
from tests.servers.paid_door import TOKEN

pytestmark = pytest.mark.anyio
ONE = {"a": Node()}
WIDE = {f"s{i}": Node(f"write:{i}") for i in range(8)}
FORGETFUL = cheaper(forgets=True)


@pytest.fixture
async def b(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench with a door that, as RunPod does, takes what it is sent as often as it is sent, and forgets."""
    async with bench(tmp_path, FORGETFUL) as found:
        yield found


async def test_law_1_intent_before_submission_and_handle_before_the_first_poll(b: Bench) -> None:
    stored: list[tuple[object, ...]] = []

    def look(request: JobRequest) -> None:
        with sqlite3.connect(b.store.root.parent / "studio.db") as db:
            columns = "state, attempt, door, price_u, charge_u, posts, post_token<>'', handle"
            stored.extend(db.execute(f"SELECT {columns} FROM job WHERE id=?", [request.job_id]))
        db.close()

    b.door.on_run = look
    await b.start(ONE)
    await b.turn()
    ((state, attempt, door, price, hold, posts, token, handle),) = stored
    assert (state, attempt, door, price, posts, token, handle) == ("intent", 1, "paid", 10, 1, 1, None)
    assert isinstance(hold, int)
    assert hold > 0
    (job,) = await b.jobs()
    assert (job["state"], job["handle"], b.door.asked) == ("submitted", "provider-0", [])


@pytest.mark.parametrize("what", ["swallow", "drop", "break", "huge", "nonsense"])
async def test_law_2_an_unknown_job_is_shown_found_again_and_never_sent_again(b: Bench, what: str) -> None:
    b.door.run = [what]
    render = await b.start(ONE)
    await b.turn()
    for _ in range(40):
        await b.turn(ms=10_000)
        if b.clock.now > (await b.jobs())[0]["start_by"] + START_GRACE_MS:
            break
        assert len(b.door.accepted) <= 1
        (step,) = (await b.view(render)).steps
        assert (step.state, step.reason) == ("unknown", "may have been billed")
    known = json.loads((await b.jobs())[0]["known"])
    assert "door at" in known["note"]


async def test_law_2_a_forgotten_job_and_a_time_out_are_no_ends(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    job = b.door.job(b.door.accepted[0])
    job.status = "TIMED_OUT"
    await b.turn(times=5, ms=3000)
    b.door.answers = ["404"] * 99
    await b.turn(times=5, ms=3000)
    assert len(b.door.accepted) == 1
    assert (await b.view(render)).state == "running"
    b.door.finish(b.door.accepted[0])
    await b.turn(times=3)
    assert (await b.view(render)).state == "done"


async def test_law_2_a_lost_handle_is_found_by_the_started_object(b: Bench) -> None:
    b.door.run = ["swallow"]
    await b.start(ONE)
    await b.turn(times=2)
    b.door.begin(b.door.accepted[0])
    await b.turn(times=2)
    assert (await b.jobs())[0]["handle"] == "provider-0"
    assert (await b.jobs())[0]["state"] == "running"


async def test_law_2_a_runner_that_was_paused_before_its_post_sends_nothing_late(b: Bench) -> None:
    await b.start(ONE)
    late = await b.runner.ledger.due(b.clock.now)
    await b.turn()
    (job,) = await b.jobs()
    assert not await b.runner.ledger.posting(job["id"], "of a paused runner", again=False)
    assert (len(b.door.accepted), late) == (1, [])


async def test_law_3_nothing_older_changes_what_is_newer(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    first = b.door.accepted[0]
    b.door.finish(first, "failed", error=WireError(code="storage_failed", message="no", retryable=True))
    await b.turn(times=3)
    second = b.door.accepted[1]
    b.door.begin(second)
    output = {"job_id": first, "attempt": 1, "stage": "late", "done": 9, "total": 9}
    b.door.job(second).output = output
    await b.turn(times=3)
    assert [j["progress"] for j in await b.jobs()] == [None, None]
    before = (await b.jobs())[0]
    await b.studio.ring(first)
    b.door.job(first).status = "IN_PROGRESS"
    await b.turn(times=3)
    assert (await b.jobs())[0] == before
    assert (await b.run_out(render)).state == "done"


async def test_law_4_one_live_job_a_fingerprint(b: Bench) -> None:
    renders = [await b.start(WIDE), await b.start(), await b.start()]
    others = [b.runner, b.another_runner(), b.another_runner()]
    for _ in range(12):
        b.clock.now += 1100
        await asyncio.gather(*(runner.tick() for runner in others))
        await asyncio.gather(*(runner.settle_looks() for runner in others))
        live = "SELECT fp FROM job WHERE live=1 GROUP BY fp HAVING COUNT(*)>1"
        assert not await b.db.fetch(live)
        await b.finish_all()
    assert {(await b.view(render)).state for render in renders} == {"done"}
    assert len(b.door.accepted) == 8


async def test_law_5_every_bound_is_held_before_it_is_sent_and_every_end_is_booked(b: Bench) -> None:
    bound = (await b.studio.quote((await b.studio.create_film(BOARD)).id, Recipe())).bound_u
    held: list[int] = []

    def look(request: JobRequest) -> None:
        with sqlite3.connect(b.store.root.parent / "studio.db") as db:
            held.extend(row[0] for row in db.execute("SELECT SUM(charge_u) FROM job WHERE live=1"))
        db.close()

    b.door.on_run = look
    render = await b.start(WIDE, Recipe(budget_u=bound * 3))
    for _ in range(12):
        await b.turn(times=2)
        await b.finish_all("failed" if len(held) % 3 == 0 else "done")
    assert held
    assert max(held) <= bound * 3
    ended = [j for j in await b.jobs() if j["ended_at"] is not None]
    assert {j["cost_basis"] for j in ended} <= {"measured", "provider", "bound"}
    assert all(j["charge_u"] > 0 for j in ended)
    assert sum(j["charge_u"] for j in ended) <= bound * 3
    assert (await b.view(render)).state in ("done", "failed")


async def test_law_6_no_failure_of_our_own_books_fails_a_job(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    await b.finish_all()
    lock = sqlite3.connect(b.store.root.parent / "studio.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    b.clock.now += 2000
    with pytest.raises(DatabaseError):
        await b.runner.tick()
    lock.execute("ROLLBACK")
    lock.close()
    await b.turn(times=3)
    assert (await b.view(render)).state == "done"
    assert len(b.door.accepted) == 1


async def test_law_7_cancel_reaches_every_job_that_nobody_else_wants(b: Bench) -> None:
    b.door.run = ["accept", "swallow"]
    first = await b.start(WIDE)
    await b.turn()
    second = await b.start({"s0": WIDE["s0"]})
    await b.turn()
    await b.studio.cancel(first)
    await b.turn(times=2)
    hidden = b.door.accepted[1]
    b.door.begin(hidden)  # its handle becomes known after the cancel
    await b.turn(times=4)
    shared = {j["id"] for j in await b.jobs() if j["cancel_requested"] == 0}
    assert {job.request.job_id for job in b.door.jobs.values() if not job.cancelled} == shared
    assert len(shared) == 1
    assert (await b.view(first)).state == "cancelled"
    assert (await b.run_out(second)).state == "done"


async def test_law_8_only_the_runner_and_doorbells_advance_anything(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    await b.finish_all()
    before, asked = await b.jobs(), len(b.door.asked)
    b.clock.now += 60_000
    await b.view(render)
    await b.studio.renders()
    await b.studio.costs()
    assert (await b.jobs(), len(b.door.asked)) == (before, asked)
    await b.studio.ring(before[0]["id"])
    assert (await b.jobs())[0]["state"] == "submitted"
    await b.turn(ms=1, times=2)
    assert (await b.view(render)).state == "done"


# doors that close, and others that are named -------------------------------------------------------------------------


async def test_a_door_that_fails_is_closed_with_a_reason_that_the_step_shows(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(DOOR, concurrency=THRESHOLD)) as b:
        b.door.run = ["drop"] * 99
        render = await b.start(WIDE)
        await b.turn(times=3)
        assert b.desk.doors.guard("paid").breaker.standing(b.clock.now) == "closed"
        sent = len(await b.jobs())
        assert sent == THRESHOLD
        await b.db.batch([("UPDATE job SET state='lost', ended_at=1, charge_u=0", {})])
        await b.turn(times=2)
        reasons = {s.reason for s in (await b.view(render)).steps if s.state == "ready"}
        assert any("the door paid takes no jobs until" in reason and "gave no answer" in reason for reason in reasons)
        assert len(await b.jobs()) == sent
        b.door.run = []
        b.clock.now += 31_000
        await b.turn()
        assert len(b.door.accepted) == 1  # one job tries it
        await b.turn(times=2)
        assert len(b.door.accepted) > 1
        assert b.desk.doors.guard("paid").breaker.standing(b.clock.now) == "open"


async def test_a_refused_key_closes_the_door_at_once_and_the_job_waits_unsent(tmp_path: Path) -> None:
    where: list[Address] = []
    async with bench(tmp_path, address=lambda: where[0]) as b:
        where.append(Address(b.server.url, "an old key"))
        render = await b.start(WIDE)
        await b.turn(times=3)
        assert b.desk.doors.guard("paid").breaker.standing(b.clock.now) == "closed"
        assert {(j["state"], j["posts"]) for j in await b.jobs()} == {("intent", 0)}
        notes = {json.loads(j["known"]).get("note", "") for j in await b.jobs()}
        assert any("no token" in note or "takes no jobs" in note for note in notes)
        assert not b.door.accepted
        where[0] = Address(b.server.url, TOKEN)
        b.clock.now += 40_000
        for _ in range(4):
            await b.turn(ms=11_000)
        assert (await b.run_out(render)).state == "done"


async def test_a_step_goes_to_the_other_door_that_the_quote_names_and_to_no_third(tmp_path: Path) -> None:
    async with bench(tmp_path, DOOR) as b:
        client = b.desk.doors.client("paid")
        for name in ("second", "third"):
            b.desk.doors.add(_twin(DOOR, name), client)
        film = await b.studio.create_film(BOARD)
        b.graphs.nodes = WIDE
        recipe = Recipe(doors={"echo": ("paid", "second")})
        render = await b.studio.start_render(film.id, recipe)
        b.desk.doors.guard("paid").failed(b.clock.now, "it is down", at_once=True)
        await b.turn(times=2)
        assert {j["door"] for j in await b.jobs()} == {"second"}
        b.desk.doors.guard("second").failed(b.clock.now, "it is down too", at_once=True)
        await b.finish_all()
        await b.turn(times=3)
        waiting = [s for s in (await b.view(render)).steps if s.state == "ready"]
        assert waiting
        assert all("third would run it: render again" in s.reason for s in waiting)
        assert {j["door"] for j in await b.jobs()} == {"second"}


def _twin(door: Door, name: str) -> Door:
    return replace(door, id=name, terms=Terms(price_u=door.terms.price_u + 1, start_allowance_s=60))


async def test_a_lost_job_is_given_up_only_when_storage_says_so(b: Bench) -> None:
    await b.start(ONE)
    await b.turn()
    b.door.begin(b.door.accepted[0])
    b.door.answers = ["404"] * 999
    (job,) = await b.jobs()
    ends = job["start_by"] + job["deadline_s"] * 1000 * job["executions"] + END_GRACE_MS
    b.clock.now = ends - 5000
    await b.turn(ms=0, times=2)
    assert (await b.jobs())[0]["state"] in ("running", "submitted")
    b.clock.now = ends + 100_000
    await b.turn(times=2)
    assert (await b.jobs())[0]["state"] == "lost"
