"""A render that costs money begins once a person has accepted what it costs."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from control.db import Database
from control.doors.registry import Door
from control.errors import BudgetExceeded, NotFound, QuoteChanged, QuoteNeeded
from control.graph.model import Recipe
from control.render.quotes import QUOTE_MS
from control.render.views import Quote
from tests.control.render.bench import BOARD, DOOR, Bench, bench, cheaper
from tests.servers.graphs import Node

pytestmark = pytest.mark.anyio
FAN = {"a/key": Node("write:a"), "a/clip": Node("write:b", ("a/key",)), "b/key": Node("write:c")}
BOUND = 10 * (3600 + 60)


@pytest.fixture
async def b(tmp_path: Path, database: Database | None) -> AsyncIterator[Bench]:
    """A bench with a paid door and enough money."""
    async with bench(tmp_path, database=database) as found:
        found.graphs.nodes = FAN
        yield found


async def film(b: Bench) -> str:
    return (await b.studio.create_film(BOARD)).id


async def quoted(b: Bench, recipe: Recipe | None = None) -> tuple[str, Quote]:
    """A film and a stored quote of it."""
    made = await film(b)
    return made, await b.studio.quote(made, recipe or Recipe(), keep=True)


def doors(b: Bench, *found: Door) -> None:
    """From now on these doors, all at the one server."""
    client = b.desk.doors.client("paid")
    for door in found:
        b.desk.doors.add(door, client)


async def test_a_quote_names_its_doors_prices_and_where_they_come_from(b: Bench) -> None:
    doors(b, cheaper(price_u=1160, price_name="runpod/h100"))
    _, quote = await quoted(b)
    assert (quote.to_make, quote.bound_u, quote.doors) == (3, 3 * 116 * BOUND, ("echo@paid",))
    (price,) = quote.prices
    assert (price.price_u, price.title, price.date) == (1160, "RunPod flex, H100 80 GB", "2026-08-20")
    assert price.source.startswith("https://")
    assert (price.deadline_s, price.allowance_s, price.executions) == (3600, 60, 1)
    assert sum(group.steps for group in quote.groups) == 3
    assert sum(group.bound_u for group in quote.groups) == quote.bound_u
    assert quote.expires_at == b.clock.now + QUOTE_MS


async def test_a_price_that_is_no_longer_the_listed_one_is_not_said_to_be(b: Bench) -> None:
    doors(b, cheaper(price_u=1161, price_name="runpod/h100"))
    _, quote = await quoted(b)
    assert (quote.prices[0].title, quote.prices[0].source) == ("", "stated with the door")


async def test_nothing_is_submitted_before_somebody_accepts(b: Bench) -> None:
    made = await film(b)
    with pytest.raises(QuoteNeeded) as caught:
        await b.studio.order_render(made, Recipe())
    assert caught.value.fields["bound_u"] == 3 * BOUND
    assert not (await b.studio.renders()).items
    await b.turn(times=2)
    assert not b.door.accepted


async def test_what_costs_nothing_is_not_asked_about(b: Bench) -> None:
    doors(b, cheaper(price_u=0))
    render = await b.studio.order_render(await film(b), Recipe())
    assert (await b.run_out(render)).state == "done"


async def test_an_accepted_quote_makes_one_render_however_often_it_is_accepted(b: Bench) -> None:
    made, quote = await quoted(b)
    renders = await asyncio.gather(*(b.studio.accept_quote(quote.id) for _ in range(4)))
    renders.append(await b.studio.order_render(made, Recipe(), quote_id=quote.id))
    assert len(set(renders)) == 1
    assert len((await b.studio.renders()).items) == 1
    assert (await b.studio.stored_quote(quote.id)).render_id == renders[0]
    assert (await b.run_out(renders[0])).state == "done"
    assert len(b.door.accepted) == 3


async def test_a_render_spends_no_more_than_was_accepted(b: Bench) -> None:
    _, quote = await quoted(b)
    render = await b.studio.accept_quote(quote.id)
    stored = await b.db.fetch("SELECT budget_u, doors, quote_id FROM render WHERE id=:id", {"id": render})
    assert stored[0] == {"budget_u": 3 * BOUND, "doors": '["echo@paid"]', "quote_id": quote.id}


async def test_naming_the_most_it_may_cost_is_accepting_it(b: Bench) -> None:
    made = await film(b)
    with pytest.raises(BudgetExceeded, match=r"\$0\.11, more than the \$0\.10"):
        await b.studio.order_render(made, Recipe(budget_u=100_000))
    render = await b.studio.order_render(made, Recipe(budget_u=3 * BOUND))
    assert (await b.run_out(render)).state == "done"


async def test_a_quote_expires(b: Bench) -> None:
    made, quote = await quoted(b)
    b.clock.now += QUOTE_MS
    for order in (b.studio.accept_quote(quote.id), b.studio.order_render(made, Recipe(), quote_id=quote.id)):
        with pytest.raises(QuoteChanged, match="expired"):
            await order
    assert not (await b.studio.renders()).items


async def test_a_quote_of_something_else_is_not_accepted(b: Bench) -> None:
    made, quote = await quoted(b)
    other = await film(b)
    for film_id, recipe in ((other, Recipe()), (made, Recipe(tier="final"))):
        with pytest.raises(QuoteChanged, match="another"):
            await b.studio.order_render(film_id, recipe, quote_id=quote.id)
    await b.studio.save_revision(made, 1, BOARD.model_copy(update={"title": "Two"}))
    with pytest.raises(QuoteChanged, match="another"):
        await b.studio.order_render(made, Recipe(), quote_id=quote.id)
    with pytest.raises(NotFound):
        await b.studio.accept_quote("none")


async def test_a_dearer_price_needs_a_new_quote_and_a_lower_one_does_not(b: Bench) -> None:
    _, quote = await quoted(b)
    doors(b, cheaper(price_u=11))
    with pytest.raises(QuoteChanged, match="prices have changed"):
        await b.studio.accept_quote(quote.id)
    doors(b, cheaper(price_u=9))
    assert await b.studio.accept_quote(quote.id)


async def test_what_was_made_meanwhile_does_not_spoil_a_quote(b: Bench) -> None:
    _, quote = await quoted(b)
    await b.run_out(await b.start({"a/key": FAN["a/key"]}))
    b.graphs.nodes = FAN
    assert (await b.run_out(await b.studio.accept_quote(quote.id))).state == "done"


async def test_a_step_moves_only_among_the_doors_of_the_accepted_quote(b: Bench) -> None:
    _, quote = await quoted(b)
    render = await b.studio.accept_quote(quote.id)
    doors(b, replace(DOOR, engines=frozenset()), replace(DOOR, id="other"))
    for _ in range(4):
        await b.turn()
    view = await b.view(render)
    assert (view.state, b.door.accepted) == ("failed", [])
    assert "accepted quote" in view.reason


async def test_where_a_free_door_runs_an_engine_no_paid_one_is_named(b: Bench) -> None:
    doors(b, replace(DOOR, id="mine", terms=replace(DOOR.terms, price_u=0)))
    _, quote = await quoted(b)
    assert (quote.bound_u, quote.doors) == (0, ("echo@mine",))


async def test_the_dearest_named_door_bounds_and_the_cheapest_is_tried_first(b: Bench) -> None:
    doors(b, replace(cheaper(price_u=30), id="dear"), replace(cheaper(price_u=5), id="cheap"))
    _, quote = await quoted(b)
    assert quote.doors == ("echo@cheap", "echo@dear", "echo@paid")
    assert quote.lines[0].door == "cheap"
    assert quote.bound_u == 3 * 3 * BOUND


async def test_times_of_finished_jobs_make_the_next_median(b: Bench) -> None:
    made, first = await quoted(b)
    assert {group.basis for group in first.groups} == {"guess"}
    await b.run_out(await b.studio.accept_quote(first.id))
    assert len(await b.db.fetch("SELECT * FROM timing")) == 3
    b.graphs.nodes = {"c": Node("write:d")}
    quote = await b.studio.quote(made, Recipe())
    assert [(group.basis, group.samples, group.seconds) for group in quote.groups] == [("measured", 3, 1.5)]
    assert quote.median_u == 15


async def test_jobs_that_fail_say_nothing_about_time(b: Bench) -> None:
    render = await b.start(FAN)
    await b.turn()
    await b.finish_all("failed")
    await b.turn(times=2)
    assert (await b.view(render)).cost_u > 0
    assert not await b.db.fetch("SELECT * FROM timing")


async def test_the_books_forget_quotes_and_times_that_nobody_needs(b: Bench) -> None:
    _, kept = await quoted(b)
    await b.studio.accept_quote(kept.id)
    await quoted(b)
    times = [{"job_id": f"t{n}", "at": n} for n in range(60)]
    sql = """INSERT INTO timing SELECT value->>'job_id','echo','train_lora','standard','','paid',1000,value->>'at'
        FROM json_each(:times)"""
    await b.db.batch([(sql, {"times": json.dumps(times)})])
    await b.runner.ledger.forget(b.clock.now + QUOTE_MS + 1)
    assert [row["id"] for row in await b.db.fetch("SELECT id FROM quote")] == [kept.id]
    left = await b.db.fetch("SELECT MIN(at) AS oldest, COUNT(*) AS n FROM timing")
    assert left[0] == {"oldest": 9, "n": 51}


# budgets ------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def poor(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench on the first day: a paid door, and no budget was ever set."""
    async with bench(tmp_path, month_limit_u=0) as found:
        found.graphs.nodes = FAN
        yield found


async def test_without_a_budget_the_first_paid_render_says_how_to_set_one(poor: Bench) -> None:
    made, quote = await quoted(poor)
    assert "vivijure budget set" in quote.warning
    assert quote.month_left_u == 0
    for order in (
        poor.studio.order_render(made, Recipe()),
        poor.studio.order_render(made, Recipe(budget_u=10**9)),
        poor.studio.accept_quote(quote.id),
    ):
        with pytest.raises(BudgetExceeded, match=r"no monthly budget is set.*vivijure budget set --month 20"):
            await order
    await poor.studio.books.set_budget(20_000_000)
    assert (await poor.studio.stored_quote(quote.id)).warning == ""
    assert (await poor.run_out(await poor.studio.accept_quote(quote.id))).state == "done"


async def test_a_month_that_cannot_pay_the_dearest_step_says_what_is_left(poor: Bench) -> None:
    await poor.studio.books.set_budget(BOUND - 1)
    made, quote = await quoted(poor)
    with pytest.raises(BudgetExceeded, match="does not fit the budget of 2027-01"):
        await poor.studio.accept_quote(quote.id)
    await poor.studio.books.set_budget(BOUND)
    found = await poor.studio.quote(made, Recipe())
    assert "the render stops where it is spent" in found.warning
    assert (await poor.run_out(await poor.studio.accept_quote(quote.id), 40)).state in ("done", "failed")
    assert (await poor.studio.books.budget()).spent_u <= BOUND


async def test_a_budget_set_while_a_render_is_stopped_by_it_lets_the_next_go_on(poor: Bench) -> None:
    await poor.studio.books.set_budget(BOUND + 10)
    made, quote = await quoted(poor)
    view = await poor.run_out(await poor.studio.accept_quote(quote.id), 40)
    assert view.state == "failed"
    assert "vivijure budget set" in view.reason
    await poor.studio.books.set_budget(10 * BOUND)
    again = await poor.studio.quote(made, Recipe(), keep=True)
    assert again.made == len(poor.door.accepted)
    assert (await poor.run_out(await poor.studio.accept_quote(again.id))).state == "done"
    assert len(poor.door.accepted) == 3


async def test_free_work_needs_no_budget(poor: Bench) -> None:
    doors(poor, cheaper(price_u=0))
    assert (await poor.run_out(await poor.studio.order_render(await film(poor), Recipe()))).state == "done"


async def test_a_jobs_price_is_the_one_it_was_submitted_at(b: Bench) -> None:
    await b.start({"a": Node()})
    await b.turn()
    doors(b, cheaper(price_u=999))
    await b.finish_all()
    await b.turn(times=2)
    (job,) = await b.jobs()
    assert (job["price_u"], job["charge_u"], job["cost_basis"]) == (10, 15, "measured")
