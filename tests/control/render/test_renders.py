"""Renders, their steps and takes, proven on the statements."""

import asyncio
import json

import pytest

from control.db import Database
from control.render.advance import Standing
from control.render.ledger import Adopted, Ledger
from control.render.renders import LEASE_MS, Renders, taking
from tests.control.render.paid import DONE, FP, NOW, job_row, row, start, submitted

pytestmark = pytest.mark.anyio


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
    assert [render.id for render in await renders.claim("t1", NOW, 1)] == ["r1"]
    assert await renders.claim("t2", NOW + 1, 1) == []
    assert await renders.claim("t3", NOW + LEASE_MS + 1, 1)
    await renders.release({"r1": NOW}, "t1")  # the first comes back late: its lease is no longer its own
    assert await renders.claim("t4", NOW + LEASE_MS + 2, 1) == []
    await renders.release({"r1": NOW + 2 * LEASE_MS}, "t3")
    assert await renders.claim("t5", NOW + LEASE_MS + 3, 1) == []
    assert await renders.claim("t6", NOW + 2 * LEASE_MS, 1)


async def test_of_many_claims_at_once_each_render_goes_to_one(db: Database) -> None:
    for n in range(4):
        await start(db, f"r{n}")
    found = await asyncio.gather(*(Renders(db).claim(f"t{n}", NOW, 1 + n % 2) for n in range(9)))
    assert sorted(render.id for claimed in found for render in claimed) == ["r0", "r1", "r2", "r3"]


async def test_as_many_are_leased_as_are_wanted_and_given_back_together(db: Database) -> None:
    for n in range(4):
        await start(db, f"r{n}")
    renders = Renders(db)
    claimed = [render.id for render in await renders.claim("t1", NOW, 3)]
    assert len(claimed) == 3
    await renders.release({claimed[0]: NOW, claimed[1]: NOW + 9, claimed[2]: NOW}, "t1")
    assert len(await renders.claim("t2", NOW, 9)) == 3
    assert [render.id for render in await renders.claim("t3", NOW + 9, 9)] == [claimed[1]]


async def test_a_render_woken_while_it_is_leased_is_due_when_it_is_released(db: Database) -> None:
    await start(db, "r1")
    renders, job = Renders(db), await submitted(db)
    await renders.claim("t1", NOW, 1)
    await Ledger(db).settle(job, DONE, Adopted(), NOW)
    await renders.release({"r1": NOW + 60_000}, "t1")
    assert await renders.claim("t2", NOW + 1, 1)


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
    (claimed,) = await renders.claim("t", NOW, 1)
    take = {"shot": "a", "kind": "motion", "path": "s0", "label": "1A", "fp": FP}
    await db.batch(taking(claimed, [{"id": "t1", **take}], NOW))
    await db.batch(taking(claimed, [{"id": "t2", **take}], NOW))
    assert [r["id"] for r in await db.fetch("SELECT id FROM take")] == ["t1"]
    assert len(await db.fetch("SELECT * FROM event WHERE kind='take'")) == 1
