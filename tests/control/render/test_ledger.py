"""What must always hold of paid jobs, proven on the statements; once, and with every batch sent twice."""

import asyncio
from dataclasses import replace

import pytest

from control.db import Database
from control.errors import DatabaseError
from control.render.advance import JobState
from control.render.ledger import Adopted, Ledger
from control.render.outcome import End
from control.render.renders import Renders
from tests.control.render.paid import DONE, NOW, intent, job_row, start, submitted
from tests.servers.twice import TwiceDatabase

pytestmark = pytest.mark.anyio


async def test_the_intent_is_stored_with_its_price_before_anything_is_sent(db: Database) -> None:
    await start(db, "r1")
    claim, job = await Ledger(db).submit(intent("j1"))
    assert claim == "mine"
    assert job is not None
    stored = await job_row(db)
    assert (stored["state"], stored["attempt"], stored["charge_u"], stored["door"]) == ("intent", 1, 100, "d")
    assert (stored["posts"], stored["handle"]) == (0, None)
    assert stored["next_poll_at"] == NOW + 2000


async def test_of_many_that_submit_one_fingerprint_at_once_one_may_post(db: Database) -> None:
    for n in range(6):
        await start(db, f"r{n}")
    claims = await asyncio.gather(*(Ledger(db).submit(intent(f"j{n}", f"r{n}")) for n in range(6)))
    assert sorted(claim for claim, _ in claims) == ["mine", *["other"] * 5]
    assert len({job.id for _, job in claims if job is not None}) == 1
    assert (await db.fetch("SELECT COUNT(*) AS n FROM job"))[0]["n"] == 1


@pytest.mark.parametrize("state", ["unknown", "submitted", "running"])
async def test_no_second_job_while_one_is_live(db: Database, state: JobState) -> None:
    await start(db, "r1")
    await start(db, "r2")
    await submitted(db)
    await db.batch([("UPDATE job SET state=:state", {"state": state})])
    claim, other = await Ledger(db).submit(intent("j2", "r2"))
    assert claim == "other"
    assert other is not None
    assert other.id == "j1"


async def test_the_database_itself_refuses_two_live_jobs(db: Database) -> None:
    await start(db, "r1")
    await submitted(db)
    copy = """INSERT INTO job(id,fp,attempt,kind,engine,film_id,door,payer,month,state,request,charge_u,start_by,
        deadline_s,executions,next_poll_at,created_at) SELECT 'j9',fp,9,kind,engine,film_id,door,payer,month,'intent',
        request,charge_u,start_by,deadline_s,executions,next_poll_at,created_at FROM job"""
    with pytest.raises(DatabaseError, match="UNIQUE"):
        await db.batch([(copy, {})])


async def test_what_is_made_is_not_submitted_again(db: Database) -> None:
    await start(db, "r1")
    job = await submitted(db)
    await Ledger(db).settle(job, DONE, Adopted(), NOW)
    assert (await Ledger(db).submit(intent("j2")))[0] == "made"


async def test_no_submission_for_a_render_that_does_not_run(db: Database) -> None:
    await start(db, "r1")
    renders = Renders(db)
    assert await renders.pause("r1", NOW)
    assert (await Ledger(db).submit(intent("j1")))[0] == "stopped"
    assert await renders.resume("r1", NOW + 1)
    assert await renders.cancel("r1", NOW)
    assert (await Ledger(db).submit(intent("j1")))[0] == "stopped"
    assert not await db.fetch("SELECT * FROM job")


async def test_failed_and_cancelled_jobs_are_booked_and_an_overrun_is_settled(db: Database) -> None:
    await start(db, "r1", budget=100)
    job = await submitted(db)
    await Ledger(db).settle(job, End("failed", 170, "provider", "x", "y"), Adopted(), NOW)
    stored = await job_row(db)
    assert (stored["charge_u"], stored["cost_basis"]) == (170, "provider")
    assert (await Ledger(db).submit(intent("j2")))[0] == "over_budget"


async def test_attempts_count_up_and_an_older_ones_news_changes_nothing(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    first = await submitted(db, "j1")
    await ledger.settle(first, End("failed", 1, "measured", "x", "y", retryable=True), Adopted(), NOW)
    second = await submitted(db, "j2")
    assert (first.attempt, second.attempt) == (1, 2)
    await ledger.progress("j1", '{"stage":"old"}', NOW, NOW)
    await ledger.handle("j1", "other-handle", None, NOW)
    await ledger.unknown("j1", NOW)
    assert not await ledger.settle(first, DONE, Adopted(facts='{"a":1}'), NOW)
    assert (await job_row(db, "j1"))["state"] == "failed"
    assert (await job_row(db, "j1"))["progress"] is None
    assert (await job_row(db, "j2"))["state"] == "submitted"
    assert not await db.fetch("SELECT * FROM artifact")


async def test_progress_never_changes_an_ended_job(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    job = await submitted(db)
    await ledger.progress("j1", '{"stage":"work"}', NOW, NOW)
    assert (await job_row(db))["state"] == "running"
    await ledger.settle(job, DONE, Adopted(), NOW)
    await ledger.progress("j1", '{"stage":"late"}', NOW + 1, NOW)
    stored = await job_row(db)
    assert (stored["state"], stored["progress"]) == ("done", '{"stage":"work"}')


async def test_an_unknown_job_leaves_that_state_by_a_handle_or_a_known_end_only(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    await ledger.submit(intent("j1"))
    await ledger.unknown("j1", NOW)
    await ledger.progress("j1", "{}", NOW, NOW)
    assert (await job_row(db))["state"] == "unknown"
    assert (await ledger.submit(intent("j2")))[0] == "other"
    await ledger.handle("j1", "h", "q", NOW)
    assert (await job_row(db))["state"] == "submitted"


async def test_a_handle_is_set_once(db: Database) -> None:
    await start(db, "r1")
    await submitted(db)
    await Ledger(db).handle("j1", "another", "q9", NOW)
    stored = await job_row(db)
    assert (stored["handle"], stored["instance"]) == ("handle-j1", "q1")


async def test_the_first_known_end_stays(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    job = await submitted(db)
    assert await ledger.settle(job, DONE, Adopted('{"a":1}', 5), NOW)
    assert not await ledger.settle(job, End("failed", 7, "bound", "x", "y"), Adopted(), NOW + 1)
    stored = await job_row(db)
    assert (stored["state"], stored["charge_u"], stored["ended_at"]) == ("done", 40, NOW)
    assert len(await db.fetch("SELECT * FROM event WHERE kind='job'")) == 1
    artifact = (await db.fetch("SELECT * FROM artifact"))[0]
    assert (artifact["job_id"], artifact["facts"], artifact["bytes"]) == ("j1", '{"a":1}', 5)


async def test_a_done_artifact_replaces_a_degraded_one_and_nothing_replaces_a_done_one(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    await ledger.settle(await submitted(db, "j1"), replace(DONE, state="degraded"), Adopted('{"n":1}'), NOW)
    await ledger.settle(await submitted(db, "j2"), replace(DONE, state="degraded"), Adopted('{"n":2}'), NOW)
    assert (await db.fetch("SELECT job_id FROM artifact"))[0]["job_id"] == "j1"
    await ledger.settle(await submitted(db, "j3"), DONE, Adopted('{"n":3}'), NOW)
    assert (await db.fetch("SELECT job_id, quality FROM artifact"))[0] == {"job_id": "j3", "quality": "done"}


async def test_a_job_written_off_is_still_settled_and_frees_its_step(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    await ledger.submit(intent("j1"))
    await db.batch([("UPDATE job SET state='written_off' WHERE id='j1'", {})])
    second = await submitted(db, "j2")
    assert [job.id for job in await ledger.due(NOW + 10**6)] == ["j2", "j1"]
    first = await ledger.job("j1")
    assert first is not None
    assert await ledger.settle(first, DONE, Adopted(), NOW)
    assert second.attempt == 2


async def test_one_of_several_runners_takes_a_look(db: Database) -> None:
    await start(db, "r1")
    job = await submitted(db)
    ledger = Ledger(db)
    if not isinstance(db, TwiceDatabase):
        held = await asyncio.gather(*(ledger.hold({"j1": (job.next_poll_at, NOW + 100 + n)}) for n in range(5)))
        assert sorted(map(sorted, held)) == [[], [], [], [], ["j1"]]
    assert not await ledger.hold({"j1": (job.next_poll_at - 1, NOW)})


async def test_a_look_that_was_asked_for_is_not_put_off(db: Database) -> None:
    await start(db, "r1")
    await submitted(db)
    ledger = Ledger(db)
    await Renders(db).cancel("r1", NOW)
    await ledger.later("j1", NOW + 5000)
    assert [job.id for job in await ledger.due(NOW)] == ["j1"]


async def test_a_doorbell_rings_at_most_every_two_seconds(db: Database) -> None:
    await start(db, "r1")
    await submitted(db)
    ledger = Ledger(db)

    async def due() -> bool:
        return bool(await ledger.due(1))

    await ledger.later("j1", NOW + 5000)
    await ledger.ring("j1", NOW)
    assert await due()
    await db.batch([("UPDATE job SET next_poll_at=:at", {"at": NOW + 5000})])
    await ledger.ring("j1", NOW + 1999)
    assert not await due()
    await ledger.ring("j1", NOW + 2000)
    assert await due()
    await ledger.ring("no such job", NOW)
