"""What must always hold of paid work, proven on the statements; once, and with every batch sent twice."""

import asyncio
import json
import sqlite3
import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.db import Database
from control.db.migrate import migrate, shipped
from control.db.sqlite import SqliteDatabase
from control.errors import DatabaseError
from control.render import renders as sql
from control.render.advance import JobState, Standing
from control.render.ledger import _SUBMIT, Adopted, Intent, Ledger, Room
from control.render.outcome import End
from control.render.renders import LEASE_MS, Renders, taking
from control.render.rows import JobRow, job_of
from tests.servers.twice import TwiceDatabase

pytestmark = pytest.mark.anyio
FP = "f" * 64
NOW = 1_000_000
DONE = End("done", 40, "measured")


async def film(db: Database) -> None:
    await db.batch(
        [
            ("INSERT INTO film(id,title,created_at,updated_at) VALUES('film','x',0,0) ON CONFLICT DO NOTHING", {}),
            ("INSERT INTO catalog(sha256,body) VALUES('c','[]') ON CONFLICT DO NOTHING", {}),
        ]
    )


async def start(db: Database, render: str, *, budget: int = 10**9, fps: tuple[str, ...] = (FP,)) -> None:
    """A running render that wants these fingerprints."""
    await film(db)
    sql = """INSERT INTO render(id,film_id,rev,recipe,catalog_sha,files,budget_u,created_at)
        VALUES(:id,'film',1,'{}','c','{}',:budget,0) ON CONFLICT DO NOTHING"""
    await db.batch([(sql, {"id": render, "budget": budget})])
    assert await Renders(db).save_steps(render, [row(f"s{i}", fp) for i, fp in enumerate(fps)], "{}")


def row(path: str, fp: str | None, **values: Any) -> dict[str, Any]:
    fixed = {"n": 0, "kind": "motion", "engine": "e", "door": "d", "shot": "a", "label": "1A", "estimated": 0}
    return {"path": path, "fp": fp, **fixed, "quote_u": 0, "bound_u": 0, "expect_s": 1.0, **values}


def intent(job: str, payer: str = "r1", *, fp: str = FP, bound: int = 100, limit: int = 10**9) -> Intent:
    return Intent(
        id=job,
        fp=fp,
        kind="motion",
        engine="e",
        film_id="film",
        door="d",
        payer=payer,
        month="2026-11",
        month_limit_u=limit,
        bound_u=bound,
        request="{}",
        start_by=NOW + 1000,
        deadline_s=10,
        executions=1,
        post_ms=2000,
        now=NOW,
    )


async def job_row(db: Database, job: str = "j1") -> dict[str, Any]:
    return (await db.fetch("SELECT * FROM job WHERE id=:id", {"id": job}))[0]


async def submitted(db: Database, job: str = "j1", payer: str = "r1", **values: Any) -> JobRow:
    """A job whose handle is known."""
    ledger = Ledger(db)
    claim, found = await ledger.submit(intent(job, payer, **values))
    assert (claim, found is not None and found.id) == ("mine", job)
    await ledger.handle(job, f"handle-{job}", "q1", NOW)
    stored = await ledger.job(job)
    assert stored is not None
    return stored


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


async def test_bounds_are_held_against_the_renders_budget(db: Database) -> None:
    prints = [c * 64 for c in "abcd"]
    await start(db, "r1", budget=250, fps=tuple(prints))
    claims = [(await Ledger(db).submit(intent(f"j{fp[0]}", fp=fp)))[0] for fp in prints]
    assert claims == ["mine", "mine", "budget_held", "budget_held"]
    first = await Ledger(db).job("ja")
    assert first is not None
    await Ledger(db).settle(first, replace(DONE, charge_u=10), Adopted(), NOW)
    assert (await Ledger(db).submit(intent("jc", fp="c" * 64)))[0] == "mine"


async def test_bounds_of_all_renders_are_held_against_the_month(db: Database) -> None:
    await start(db, "r1", fps=("a" * 64,))
    await start(db, "r2", fps=("b" * 64,))
    assert (await Ledger(db).submit(intent("ja", "r1", fp="a" * 64, limit=150)))[0] == "mine"
    assert (await Ledger(db).submit(intent("jb", "r2", fp="b" * 64, limit=150)))[0] == "budget_held"
    await db.batch([("INSERT INTO month_budget(month,limit_u) VALUES('2026-11',200) ON CONFLICT DO NOTHING", {})])
    assert (await Ledger(db).submit(intent("jb", "r2", fp="b" * 64, limit=150)))[0] == "mine"


async def test_two_that_submit_at_once_do_not_overdraw(db: Database) -> None:
    prints = [f"{n:064x}" for n in range(12)]
    await start(db, "r1", budget=500, fps=tuple(prints))
    claims = await asyncio.gather(*(Ledger(db).submit(intent(f"j{fp}", fp=fp)) for fp in prints))
    assert [claim for claim, _ in claims].count("mine") == 5
    assert (await db.fetch("SELECT SUM(charge_u) AS n FROM job"))[0]["n"] == 500


async def test_a_budget_holds_for_the_months_after_it_and_a_setting_before_the_first(db: Database) -> None:
    await start(db, "r1", fps=("a" * 64, "b" * 64))
    change = "INSERT INTO month_budget(month,limit_u) VALUES(:month,:limit) ON CONFLICT DO NOTHING"
    await db.batch([(change, {"month": "2026-12", "limit": 0}), (change, {"month": "2026-10", "limit": 150})])
    assert (await Ledger(db).submit(intent("ja", fp="a" * 64, limit=0)))[0] == "mine"
    december = replace(intent("jb", fp="b" * 64), month="2027-02")
    assert (await Ledger(db).submit(december))[0] == "budget_held"
    await db.batch([("DELETE FROM month_budget", {})])
    assert (await Ledger(db).submit(replace(december, month_limit_u=99)))[0] == "budget_held"
    assert (await Ledger(db).submit(replace(december, month_limit_u=100)))[0] == "mine"


async def test_a_budgets_sum_reads_an_index_of_paid_jobs_alone(tmp_path: Path) -> None:
    plain = SqliteDatabase(tmp_path / "studio.db")
    await migrate(plain)
    values: dict[str, Any] = {**asdict(intent("j1")), "bound_u": 100}
    plan = await plain.fetch(f"EXPLAIN QUERY PLAN {_SUBMIT}", values)
    read = [row["detail"] for row in plan if "charge_u" in row["detail"] or "_paid" in row["detail"]]
    assert sum("COVERING INDEX job_month_paid" in detail for detail in read) == 1
    assert sum("COVERING INDEX job_payer_paid" in detail for detail in read) == 1
    await plain.close()


async def test_months_are_counted_apart(db: Database) -> None:
    await start(db, "r1", fps=("a" * 64, "b" * 64))
    assert (await Ledger(db).submit(intent("ja", fp="a" * 64, limit=100)))[0] == "mine"
    assert (await Ledger(db).submit(replace(intent("jb", fp="b" * 64, limit=100), month="2026-12")))[0] == "mine"


async def test_what_costs_nothing_is_submitted_even_after_an_overrun(db: Database) -> None:
    await start(db, "r1", budget=100, fps=("a" * 64, "b" * 64))
    job = await submitted(db, fp="a" * 64, limit=100)
    await Ledger(db).settle(job, End("failed", 170, "provider", "x", "y"), Adopted(), NOW)
    assert (await Ledger(db).submit(intent("jb", fp="b" * 64, bound=1, limit=100)))[0] == "over_budget"
    assert (await Ledger(db).submit(intent("jb", fp="b" * 64, bound=0, limit=100)))[0] == "mine"
    assert await Ledger(db).room("r1", "2026-11", 100) == Room(170, 100, 170, 100)


@pytest.mark.parametrize(
    ("doors", "claim"),
    [(None, "mine"), ('["e@d"]', "mine"), ('["e@other","x@d"]', "not_named"), ("[]", "not_named")],
)
async def test_a_job_goes_only_to_a_door_that_the_accepted_quote_names(
    db: Database, doors: str | None, claim: str
) -> None:
    await start(db, "r1")
    await db.batch([("UPDATE render SET doors=:doors", {"doors": doors})])
    for bound in (0, 100):
        await db.batch([("DELETE FROM job", {})])
        assert (await Ledger(db).submit(intent("j1", bound=bound)))[0] == claim


async def test_a_jobs_price_is_stored_with_its_intent(db: Database) -> None:
    await start(db, "r1")
    await Ledger(db).submit(replace(intent("j1"), price_u=1160, allowance_s=600, fixed_u=7))
    job = await Ledger(db).job("j1")
    assert job is not None
    assert (job.price_u, job.allowance_s, job.fixed_u) == (1160, 600, 7)


async def test_what_was_written_off_stays_at_its_bound_until_more_is_known(db: Database) -> None:
    await start(db, "r1")
    job = await submitted(db)
    await Ledger(db).unknown("j1", NOW)
    assert await Ledger(db).write_off("j1")
    stored = await job_row(db)
    assert (stored["state"], stored["charge_u"], stored["cost_basis"]) == ("written_off", 100, "bound")
    assert await Ledger(db).settle(job, DONE, Adopted(), NOW)
    stored = await job_row(db)
    assert (stored["state"], stored["charge_u"], stored["cost_basis"]) == ("done", 40, "measured")


async def test_a_finished_jobs_pace_is_kept_once_and_a_failed_ones_never(db: Database) -> None:
    await start(db, "r1", fps=("a" * 64, "b" * 64))
    timed = Adopted(pace=123, tier="draft", size_class="720p")
    good, bad = await submitted(db, "ja", fp="a" * 64), await submitted(db, "jb", fp="b" * 64)
    for _ in range(2):
        await Ledger(db).settle(good, DONE, timed, NOW)
        await Ledger(db).settle(bad, End("failed", 1, "measured", "x", "y"), timed, NOW)
    rows = await db.fetch("SELECT job_id, engine, kind, tier, size, door, pace FROM timing")
    assert [tuple(row.values()) for row in rows] == [("ja", "e", "motion", "draft", "720p", "d", 123)]


MONTHS = ("2026-11", "2026-12")
submission = st.tuples(st.integers(0, 3), st.sampled_from(MONTHS), st.integers(0, 60))
turn = st.one_of(
    st.tuples(st.just("submit"), st.lists(submission, min_size=1, max_size=8)),
    st.tuples(st.just("settle"), st.integers(0, 10**9), st.integers(0, 500)),
    st.tuples(st.just("write_off"), st.integers(0, 10**9)),
    st.tuples(st.just("budget"), st.sampled_from(MONTHS), st.integers(0, 300)),
)


@settings(max_examples=40, deadline=None, print_blob=True)
@given(
    budgets=st.lists(st.integers(0, 150), min_size=4, max_size=4),
    limit=st.integers(0, 200),
    turns=st.lists(turn, max_size=25),
)
def test_two_runners_never_pass_a_budget_and_every_overrun_is_settled(
    budgets: list[int], limit: int, turns: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_played(Path(folder), budgets, limit, turns))


async def _played(folder: Path, budgets: list[int], limit: int, turns: list[Any]) -> None:
    both = [SqliteDatabase(folder / "studio.db") for _ in range(2)]
    await migrate(both[0])
    for n, budget in enumerate(budgets):
        await start(both[0], f"r{n}", budget=budget, fps=())
    for n, (what, *values) in enumerate(turns):
        await _turn(both, n, what, values, limit)
    for db in both:
        await db.close()


async def _turn(both: list[SqliteDatabase], n: int, what: str, values: list[Any], limit: int) -> None:
    ledgers = [Ledger(db) for db in both]
    live = await both[0].fetch("SELECT * FROM job WHERE open=1 ORDER BY id")
    if what == "submit":
        wanted = [
            replace(intent(f"j{n}-{i}", f"r{r}", fp=f"{n:032x}{i:032x}", bound=bound, limit=limit), month=month)
            for i, (r, month, bound) in enumerate(values[0])
        ]
        claims = await asyncio.gather(*(ledgers[i % 2].submit(job) for i, job in enumerate(wanted)))
        mine = [job for job, (claim, _) in zip(wanted, claims, strict=True) if claim == "mine"]
        for job in mine:
            room = await ledgers[0].room(job.payer, job.month, limit)
            assert job.bound_u == 0 or room.render_spent <= room.render_limit
            assert job.bound_u == 0 or room.month_spent <= room.month_limit
    elif what == "budget":
        change = """INSERT INTO month_budget(month,limit_u) VALUES(:month,:limit)
            ON CONFLICT(month) DO UPDATE SET limit_u=excluded.limit_u"""
        await both[n % 2].batch([(change, {"month": values[0], "limit": values[1]})])
    elif live:
        chosen = job_of(live[values[0] % len(live)])
        if what == "settle":
            assert await ledgers[n % 2].settle(chosen, End("failed", values[1], "provider", "x", "y"), Adopted(), NOW)
            assert (await job_row(both[0], chosen.id))["charge_u"] == values[1]
        else:
            await ledgers[0].unknown(chosen.id, NOW)
            await ledgers[n % 2].write_off(chosen.id)


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


async def test_cancel_reaches_every_job_that_no_other_render_wants(db: Database) -> None:
    shared, own, other = "a" * 64, "b" * 64, "c" * 64
    await start(db, "r1", fps=(shared, own))
    await start(db, "r2", fps=(shared, other))
    await submitted(db, "ja", fp=shared)
    await submitted(db, "jb", fp=own)
    await submitted(db, "jc", "r2", fp=other)
    renders = Renders(db)
    assert await renders.cancel("r1", NOW)
    asked = {r["id"]: r["cancel_requested"] for r in await db.fetch("SELECT id, cancel_requested FROM job")}
    assert asked == {"ja": 0, "jb": 1, "jc": 0}
    assert await renders.cancel("r2", NOW)
    asked = {r["id"]: r["cancel_requested"] for r in await db.fetch("SELECT id, cancel_requested FROM job")}
    assert asked == {"ja": 1, "jb": 1, "jc": 1}
    assert {r["next_poll_at"] for r in await db.fetch("SELECT next_poll_at FROM job")} == {0}


async def test_cancelling_what_has_ended_cancels_no_job(db: Database) -> None:
    await start(db, "r1")
    await submitted(db)
    await Renders(db).end("r1", "failed", "x", NOW)
    assert not await Renders(db).cancel("r1", NOW)
    assert (await job_row(db))["cancel_requested"] == 0


async def test_a_render_whose_cancel_was_asked_ends_as_cancelled_only(db: Database) -> None:
    await start(db, "r1")
    renders = Renders(db)
    await renders.cancel("r1", NOW)
    await renders.end("r1", "done", "", NOW)
    assert (await db.fetch("SELECT state FROM render"))[0]["state"] == "running"
    await renders.end("r1", "cancelled", "", NOW)
    await renders.end("r1", "done", "", NOW)
    assert (await db.fetch("SELECT state FROM render"))[0]["state"] == "cancelled"
    kinds = [json.loads(r["data"])["state"] for r in await db.fetch("SELECT data FROM event ORDER BY seq")]
    assert kinds == ["cancelling", "cancelled"]


async def test_a_lease_is_held_by_one_and_ends_by_itself(db: Database) -> None:
    await start(db, "r1")
    renders = Renders(db)
    first = await renders.claim("t1", NOW)
    assert first is not None
    assert first.id == "r1"
    assert await renders.claim("t2", NOW + 1) is None
    assert await renders.claim("t3", NOW + LEASE_MS + 1) is not None
    await renders.release("r1", "t1", NOW)  # the first comes back late: its lease is no longer its own
    assert await renders.claim("t4", NOW + LEASE_MS + 2) is None
    await renders.release("r1", "t3", NOW + 2 * LEASE_MS)
    assert await renders.claim("t5", NOW + LEASE_MS + 3) is None
    assert await renders.claim("t6", NOW + 2 * LEASE_MS) is not None


async def test_of_many_claims_at_once_each_render_goes_to_one(db: Database) -> None:
    for n in range(4):
        await start(db, f"r{n}")
    found = await asyncio.gather(*(Renders(db).claim(f"t{n}", NOW) for n in range(9)))
    assert sorted(r.id for r in found if r is not None) == ["r0", "r1", "r2", "r3"]


async def test_a_render_woken_while_it_is_leased_is_due_when_it_is_released(db: Database) -> None:
    await start(db, "r1")
    renders, job = Renders(db), await submitted(db)
    await renders.claim("t1", NOW)
    await Ledger(db).settle(job, DONE, Adopted(), NOW)
    await renders.release("r1", "t1", NOW + 60_000)
    assert await renders.claim("t2", NOW + 1) is not None


async def test_one_of_several_runners_takes_a_look(db: Database) -> None:
    await start(db, "r1")
    job = await submitted(db)
    ledger = Ledger(db)
    if not isinstance(db, TwiceDatabase):
        held = await asyncio.gather(*(ledger.hold("j1", job.next_poll_at, NOW + 100 + n) for n in range(5)))
        assert held.count(True) == 1
    assert not await ledger.hold("j1", job.next_poll_at - 1, NOW)


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


async def test_a_fingerprint_is_set_once(db: Database) -> None:
    await start(db, "r1", fps=())
    renders = Renders(db)
    assert await renders.save_steps("r1", [row("a", None)], "{}")
    assert await renders.save_steps("r1", [row("a", "1" * 64)], "{}")
    assert not await renders.save_steps("r1", [row("a", "2" * 64)], "{}")
    assert (await db.fetch("SELECT fp FROM step"))[0]["fp"] == "1" * 64


async def test_steps_that_a_plan_no_longer_has_are_dropped(db: Database) -> None:
    await start(db, "r1", fps=())
    renders = Renders(db)
    await renders.save_steps("r1", [row("a", None), row("b", None)], "{}")
    await renders.stand("r1", {"b": Standing("ready")})
    await renders.save_steps("r1", [row("b", None, n=3), row("c", None)], '{"title":"x"}')
    rows = await db.fetch("SELECT path, n, state FROM step ORDER BY path")
    assert rows == [{"path": "b", "n": 3, "state": "ready"}, {"path": "c", "n": 0, "state": "waiting"}]


async def test_a_take_is_remembered_once(db: Database) -> None:
    await start(db, "r1")
    await Ledger(db).settle(await submitted(db), DONE, Adopted(), NOW)
    renders = Renders(db)
    claimed = await renders.claim("t", NOW)
    assert claimed is not None
    take = {"shot": "a", "kind": "motion", "path": "s0", "label": "1A", "fp": FP}
    await db.batch(taking(claimed, [{"id": "t1", **take}], NOW))
    await db.batch(taking(claimed, [{"id": "t2", **take}], NOW))
    assert [r["id"] for r in await db.fetch("SELECT id FROM take")] == ["t1"]
    assert len(await db.fetch("SELECT * FROM event WHERE kind='take'")) == 1


BULK = (
    *(sql._SAVE_STEPS, sql._DROP_STEPS, sql._OTHER_PRINTS, sql._STAND),
    *(sql._ATTEMPTS, sql._ARTIFACTS, sql._TAKE, sql._TAKE_EVENT),
)


def operations(count: int) -> dict[str, int]:
    """Hundreds of the database engine's operations that each bulk statement takes with so many rows."""
    connection = sqlite3.connect(":memory:")
    for file in shipped().values():
        connection.executescript(file)
    steps = [{**row(f"s{i}", f"{i:064x}"), "id": f"t{i}", "state": "done", "reason": ""} for i in range(count)]
    values: dict[str, Any] = {"render": "r1", "film": "film", "outline": "{}", "now": 1, "since": 0}
    values |= {"steps": json.dumps(steps), "takes": json.dumps(steps), "fps": json.dumps([s["fp"] for s in steps])}
    spent: dict[str, int] = {}
    for statement in BULK:
        ticks: list[int] = [0]
        connection.set_progress_handler(partial(ticks.append, 0), 100)
        connection.execute(statement, values).fetchall()
        spent[statement] = len(ticks)
    connection.close()
    return spent


def test_no_bulk_statement_grows_faster_than_its_rows() -> None:
    few, many = operations(100), operations(1000)
    assert {statement for statement in few if many[statement] > 15 * few[statement]} == set()
