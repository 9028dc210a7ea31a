"""The books: sums, budgets, bills."""

import pytest

from control.db import Database
from control.errors import Conflict, Invalid
from control.render.bills import HOUR_MS, Account, Line
from control.render.costs import Books, span
from control.render.desk import NO_LIMIT
from tests.servers.priced import book

pytestmark = pytest.mark.anyio
NOW = 1_793_491_200_000 + 20 * 86_400_000  # 2026-11-21
FIRST = 1_793_491_200_000


@pytest.fixture
async def books(db: Database) -> Books:
    """Books with two films in them."""
    for film in ("f", "g"):
        sql = "INSERT INTO film(id,title,created_at,updated_at) VALUES(:id,:title,0,0) ON CONFLICT DO NOTHING"
        await db.batch([(sql, {"id": film, "title": f"Film {film}"})])
    return Books(db, 0, lambda: NOW)


async def test_a_months_money_by_film_engine_door_and_basis(db: Database, books: Books) -> None:
    await book(db, "a", charge=500)
    await book(db, "b", charge=300, state="failed", basis="provider", engine="upscale-esrgan")
    await book(db, "c", charge=200, state="running", basis=None, ended=None, film="g", door="other")
    await book(db, "d", charge=100, state="written_off", basis="bound", film="g")
    await book(db, "e", charge=999, month="2026-10")
    found = await books.costs()
    assert (found.month, found.spent_u, found.held_u, found.jobs, found.wasted_u) == ("2026-11", 900, 200, 4, 400)
    assert found.by_engine == {"motion-wan": 800, "upscale-esrgan": 300}
    assert found.by_basis == {"bound": 100, "held": 200, "measured": 500, "provider": 300}
    assert [(c.title, c.jobs, c.charge_u, c.held_u, c.wasted_u) for c in found.films] == [
        ("Film f", 2, 800, 0, 300),
        ("Film g", 2, 300, 200, 100),
    ]
    assert [(c.key, c.charge_u) for c in found.engines] == [("motion-wan", 800), ("upscale-esrgan", 300)]
    assert [(c.key, c.charge_u) for c in found.doors] == [("gpu", 900), ("other", 200)]
    assert [(c.key, c.charge_u, c.wasted_u) for c in found.months] == [("2026-11", 1100, 400), ("2026-10", 999, 0)]
    for part in (found.films, found.engines, found.doors):
        assert sum(c.charge_u for c in part) == found.spent_u + found.held_u
    assert sum(found.by_basis.values()) == found.spent_u + found.held_u


async def test_an_empty_month_is_empty(books: Books) -> None:
    found = await books.costs("2025-01")
    assert (found.jobs, found.spent_u, found.films, found.unmatched) == (0, 0, (), ())


async def test_every_job_is_an_entry_in_the_order_of_its_submission(db: Database, books: Books) -> None:
    for n in range(5):
        await book(db, f"j{n}", charge=n, at=FIRST + n // 2)
    found = await books.entries()
    assert [entry.job for entry in found] == ["j0", "j1", "j2", "j3", "j4"]
    assert (found[0].film, found[0].film_id, found[0].step, found[0].shot) == ("Film f", "f", "", None)
    assert sum(entry.charge_u for entry in found) == (await books.costs()).spent_u


async def test_a_budget_holds_from_its_month_on(db: Database, books: Books) -> None:
    assert (await books.budget()).limit_u == 0
    assert (await books.budget()).since is None
    await book(db, "a", charge=500)
    found = await books.set_budget(20_000_000)
    assert (found.limit_u, found.left_u, found.spent_u, found.since) == (20_000_000, 19_999_500, 500, "2026-11")
    later = await books.budget("2027-03")
    assert (later.limit_u, later.left_u, later.since) == (20_000_000, 20_000_000, "2026-11")
    assert (await books.budget("2026-10")).limit_u == 0
    assert (await Books(db, 7, lambda: NOW).budget("2026-10")).limit_u == 7
    await books.set_budget(100)
    assert (await books.budget()).left_u == 0, "an overrun leaves nothing, not less than nothing"


@pytest.mark.parametrize("limit", [-1, 10**12 + 1])
async def test_a_budget_that_none_can_be_is_refused(books: Books, limit: int) -> None:
    with pytest.raises(Invalid, match="between"):
        await books.set_budget(limit)


async def test_without_a_limit_nothing_runs_out(db: Database) -> None:
    assert (await Books(db, NO_LIMIT, lambda: NOW).budget()).limit_u == NO_LIMIT


def line(hour: int, amount: int, account: str = "endpoint1") -> Line:
    return Line(account, "runpod", FIRST + hour * HOUR_MS, FIRST + (hour + 1) * HOUR_MS, amount)


async def test_a_bill_is_laid_beside_jobs_and_may_come_again(db: Database, books: Books) -> None:
    await book(db, "a", charge=500)
    bill = (line(0, 800), line(1, 50), line(2, 9, "stranger"))
    for _ in range(2):
        told = await books.take_bill(bill, {"endpoint1": Account("gpu")})
        assert (told.lines, told.billed_u, told.unknown) == (3, 859, ("stranger",))
        found = await books.costs()
        assert (found.billed_u, found.jobs_billed_u, found.spent_u) == (859, 500, 500)
        assert [(u.account, u.jobs, u.excess_u) for u in found.unmatched] == [
            ("endpoint1", 1, 300),
            ("endpoint1", 0, 50),
            ("stranger", 0, 9),
        ]
    await books.take_bill((line(0, 900),), {})
    assert (await books.costs()).billed_u == 959


async def test_an_endpoint_that_a_door_names_needs_no_telling(db: Database, books: Books) -> None:
    await book(db, "a", charge=500)
    caps = '{"engines":["motion-wan"],"endpoints":{"motion-wan":"endpoint1"}}'
    door = """INSERT INTO door(id,base,network,caps,created_at) VALUES('gpu','https://x','public',:caps,0)
        ON CONFLICT DO NOTHING"""
    await db.batch([(door, {"caps": caps})])
    assert (await books.take_bill((line(0, 500),), {})).unknown == ()
    assert (await books.costs()).unmatched == ()


async def test_a_bill_by_the_day_does_not_count_hours_twice(books: Books) -> None:
    await books.take_bill((line(5, 800),), {})
    day = Line("endpoint1", "runpod", FIRST, FIRST + 24 * HOUR_MS, 800)
    with pytest.raises(Conflict, match="overlaps"):
        await books.take_bill((day,), {})
    assert (await books.costs()).billed_u == 800


def test_months_are_utc_and_follow_each_other() -> None:
    assert span("2026-11") == (FIRST, FIRST + 30 * 86_400_000)
    assert span("2026-12")[1] == span("2027-01")[0]
    assert span("2028-02")[1] - span("2028-02")[0] == 29 * 86_400_000
