"""Quotes, budgets, costs and bills over HTTP."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from control.db.sqlite import SqliteDatabase
from control.render.budget import month_of
from control.render.desk import wall_ms
from tests.control.api.conftest import BOARD
from tests.servers.priced import apart, book, priced_studio
from tests.servers.studio import RunningStudio

BILL = {
    "records": [
        {
            "serverlessId": "endpoint1",
            "startTime": "2026-11-01T00:00:00Z",
            "endTime": "2026-11-01T01:00:00Z",
            "totalAmount": 1.5,
        }
    ]
}


@pytest.fixture
def priced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A Studio whose only door costs money, on its first day."""
    with priced_studio(tmp_path_factory.mktemp("priced")) as (running, _):
        yield running


def booked(running: RunningStudio, *jobs: dict[str, Any]) -> None:
    """Jobs in the books of the present month."""

    async def write() -> None:
        db = SqliteDatabase(running.settings.data / "studio.db")
        sql = "INSERT INTO film(id,title,created_at,updated_at) VALUES('f',:title,0,0) ON CONFLICT DO NOTHING"
        await db.batch([(sql, {"title": "=HYPERLINK(1)"})])
        for n, job in enumerate(jobs):
            await book(db, f"j{n}", **{"month": month_of(wall_ms()), **job})
        await db.close()

    apart(write())


def new_film(client: httpx2.Client) -> str:
    return str(client.post("/api/films", json={"text": BOARD}).json()["id"])


def test_the_first_paid_render_from_refusal_to_budget_to_quote_to_render(priced: RunningStudio) -> None:
    with priced.client("owner") as owner:
        film = new_film(owner)
        refused = owner.post(f"/api/films/{film}/renders", json={})
        assert (refused.status_code, refused.json()["code"]) == (402, "budget_exceeded")
        assert "PUT /api/budget" in refused.json()["detail"]
        assert owner.put("/api/budget", json={"limit_u": 900_000_000}).json()["left_u"] == 900_000_000
        asked = owner.post(f"/api/films/{film}/renders", json={})
        assert (asked.status_code, asked.json()["code"]) == (402, "quote_needed")
        assert asked.json()["bound_u"] > 0
        quote = owner.post(f"/api/films/{film}/quote", json={}).json()
        assert quote["bound_u"] == asked.json()["bound_u"] == sum(line["bound_u"] for line in quote["lines"])
        assert {price["date"] for price in quote["prices"]} == {"2026-08-20"}
        stored = owner.get(f"/api/quotes/{quote['id']}").json()
        assert {**stored, "lines": quote["lines"], "problems": quote["problems"]} == quote
        made = owner.post(f"/api/quotes/{quote['id']}/accept")
        assert made.status_code == 201
        again = owner.post(f"/api/films/{film}/renders", json={"quote": quote["id"]})
        assert again.json()["id"] == made.json()["id"]
        assert len(owner.get("/api/renders").json()["items"]) == 1
        assert owner.get(f"/api/quotes/{quote['id']}").json()["render_id"] == made.json()["id"]


def test_a_recipe_that_names_the_most_it_may_cost_needs_no_quote(priced: RunningStudio) -> None:
    with priced.client("owner") as owner:
        owner.put("/api/budget", json={"limit_u": 900_000_000})
        film = new_film(owner)
        body = {"recipe": {"budget_u": 1}}
        assert owner.post(f"/api/films/{film}/renders", json=body).json()["code"] == "budget_exceeded"
        body = {"recipe": {"budget_u": 900_000_000}}
        assert owner.post(f"/api/films/{film}/renders", json=body).status_code == 201


def test_a_quote_that_is_not_there_is_404_and_one_of_another_film_409(priced: RunningStudio) -> None:
    with priced.client("owner") as owner:
        owner.put("/api/budget", json={"limit_u": 900_000_000})
        first, second = new_film(owner), new_film(owner)
        quote = owner.post(f"/api/films/{first}/quote", json={}).json()["id"]
        assert owner.get("/api/quotes/none").status_code == 404
        assert owner.post("/api/quotes/none/accept").status_code == 404
        answer = owner.post(f"/api/films/{second}/renders", json={"quote": quote})
        assert (answer.status_code, answer.json()["code"]) == (409, "quote_changed")


@pytest.mark.parametrize("scope", ["viewer", "crew"])
def test_only_the_owner_moves_the_budget_and_takes_bills(priced: RunningStudio, scope: Any) -> None:
    with priced.client(scope) as client:
        assert client.put("/api/budget", json={"limit_u": 1}).status_code == 403
        assert client.post("/api/bills", json={"bill": BILL}).status_code == 403
        assert client.get("/api/budget").json()["limit_u"] == 0
        film = "x" if scope == "viewer" else new_film(client)
        assert client.post(f"/api/films/{film}/renders", json={}).status_code == (403 if scope == "viewer" else 402)


def test_viewers_may_not_accept_a_quote(priced: RunningStudio) -> None:
    with priced.client("owner") as owner, priced.client("viewer") as viewer:
        film = new_film(owner)
        quote = owner.post(f"/api/films/{film}/quote", json={}).json()["id"]
        shown = viewer.post(f"/api/films/{film}/quote", json={}).json()
        assert (shown["id"], shown["bound_u"] > 0) == ("", True), "what nobody can accept is not stored"
        assert viewer.get(f"/api/quotes/{quote}").status_code == 200
        assert viewer.post(f"/api/quotes/{quote}/accept").status_code == 403


@pytest.mark.parametrize("limit", [-1, 10**12 + 1, 1.5, "20", None])
def test_a_budget_that_none_can_be_is_refused(priced: RunningStudio, limit: Any) -> None:
    with priced.client("owner") as owner:
        assert owner.put("/api/budget", json={"limit_u": limit}).status_code == 422


def test_costs_as_json_and_as_csv_say_the_same(priced: RunningStudio) -> None:
    booked(priced, {"charge": 1_234_567}, {"charge": 765_433, "state": "failed"}, {"charge": 5, "month": "2020-01"})
    with priced.client("viewer") as viewer:
        costs = viewer.get("/api/costs").json()
        assert (costs["spent_u"], costs["wasted_u"], costs["jobs"]) == (2_000_000, 765_433, 2)
        assert costs["films"][0]["title"] == "=HYPERLINK(1)"
        answer = viewer.get("/api/costs.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"].startswith("attachment")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert sum(float(row["charge_usd"]) for row in rows) == pytest.approx(2.0)
        assert {row["film"] for row in rows} == {"'=HYPERLINK(1)"}
        old = list(csv.DictReader(io.StringIO(viewer.get("/api/costs.csv?month=2020-01").text)))
        assert [row["charge_usd"] for row in old] == ["0.000005"]


def test_a_bill_is_taken_and_what_is_beyond_our_jobs_is_shown(priced: RunningStudio) -> None:
    with priced.client("owner") as owner:
        body = {"bill": BILL, "accounts": {"endpoint1": {"door": "gpu", "engine": "animatic"}}}
        for _ in range(2):
            told = owner.post("/api/bills", json=body).json()
            assert told == {"lines": 1, "billed_u": 1_500_000, "accounts": ["endpoint1"], "unknown": []}
        costs = owner.get("/api/costs?month=2026-11").json()
        assert (costs["billed_u"], costs["jobs_billed_u"]) == (1_500_000, 0)
        assert costs["unmatched"][0]["excess_u"] == 1_500_000
        assert '"unmatched","1.500000"' in owner.get("/api/costs.csv?month=2026-11").text


@pytest.mark.parametrize("bill", [None, 1, "x", [1], {"records": 1}, [{"serverlessId": "x"}], [[[[]]]]])
def test_a_bill_that_cannot_be_read_is_refused(priced: RunningStudio, bill: Any) -> None:
    with priced.client("owner") as owner:
        answer = owner.post("/api/bills", json={"bill": bill})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
