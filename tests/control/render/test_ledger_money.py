"""Budgets hold whatever happens at once, proven on the statements."""

import asyncio
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.db import Database
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.render.ledger import _SUBMIT, Adopted, Ledger, Room
from control.render.outcome import End
from control.render.rows import job_of
from tests.control.render.paid import DONE, NOW, intent, job_row, start, submitted

pytestmark = pytest.mark.anyio


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


async def test_an_end_for_want_of_sending_is_not_booked_where_another_runner_has_sent_it(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    _, seen = await ledger.submit(intent("j1"))
    assert seen is not None
    assert await ledger.posting("j1", "token")
    end = End("never_started", 0, "measured", "unreachable", "x", retryable=True)
    assert not await ledger.settle(seen, end, Adopted(), NOW, sent=False)
    await ledger.handle("j1", "h1", None, NOW)
    assert not await ledger.settle(seen, end, Adopted(), NOW, sent=False)
    stored = await job_row(db)
    assert (stored["state"], stored["charge_u"]) == ("submitted", 100)


async def test_an_end_for_want_of_sending_is_booked_once_where_nothing_was_sent(db: Database) -> None:
    await start(db, "r1")
    ledger = Ledger(db)
    _, seen = await ledger.submit(intent("j1"))
    assert seen is not None
    end = End("never_started", 0, "measured", "unreachable", "x", retryable=True)
    assert await ledger.settle(seen, end, Adopted(), NOW, sent=False)
    assert (await job_row(db))["state"] == "never_started"
    assert not await ledger.posting("j1", "token")
