"""Tokens, sessions, login links, and what each may do."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from control.api.access import LINK_MS, Access, hashed
from control.api.auth import COOKIE
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.errors import Unauthenticated
from tests.control.api.conftest import BOARD
from tests.servers.studio import RunningStudio


@contextmanager
def browser(running: RunningStudio) -> Iterator[httpx2.Client]:
    """A logged-in browser."""
    with httpx2.Client(base_url=running.url, timeout=30) as client:
        assert client.get(running.link()).status_code == 303
        yield client


def csrf(client: httpx2.Client) -> str:
    page = client.get("/new").text
    return page.split('name="csrf" value="')[1].split('"')[0]


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer nope"}, {"authorization": "Basic dGVzdDp0ZXN0"}])
def test_without_a_valid_token_nothing_is_told(running: RunningStudio, header: dict[str, str]) -> None:
    answer = httpx2.get(running.url + "/api/films", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "unauthenticated"


def test_scopes_reach_what_they_say(running: RunningStudio) -> None:
    board = {"text": BOARD}
    with running.client("viewer") as viewer, running.client("crew") as crew, running.client("door") as door:
        assert viewer.get("/api/films").status_code == 200
        assert viewer.post("/api/films", json=board).status_code == 403
        assert crew.post("/api/films", json=board).status_code == 201
        assert crew.get("/api/tokens").status_code == 403
        assert door.get("/api/films").status_code == 403


def test_tokens_are_issued_once_listed_without_secrets_and_revoked(
    running: RunningStudio, owner: httpx2.Client
) -> None:
    issued = owner.post("/api/tokens", json={"name": "laptop", "scope": "crew", "days": 1}).json()
    with httpx2.Client(base_url=running.url, headers={"authorization": f"Bearer {issued['token']}"}) as laptop:
        assert laptop.get("/api/films").status_code == 200
        listed = owner.get("/api/tokens").text
        assert issued["id"] in listed
        assert issued["token"] not in listed
        assert owner.delete(f"/api/tokens/{issued['id']}").status_code == 204
        assert laptop.get("/api/films").status_code == 401
    assert owner.delete(f"/api/tokens/{issued['id']}").status_code == 404


def test_a_login_link_opens_one_session_with_a_guarded_cookie(running: RunningStudio) -> None:
    link = running.link()
    first = httpx2.get(link)
    assert first.status_code == 303
    assert first.headers["location"] == "/"
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert httpx2.get(link).status_code == 401
    assert httpx2.get(running.url + "/", cookies={COOKIE: first.cookies[COOKIE]}).status_code == 200


def test_a_session_writes_only_with_its_own_proof(running: RunningStudio) -> None:
    with browser(running) as client:
        board = {"text": BOARD}
        assert client.post("/api/films", json=board).status_code == 403
        assert client.post("/api/films", json=board, headers={"x-csrf-token": "0" * 64}).status_code == 403
        proof = {"x-csrf-token": csrf(client)}
        assert client.post("/api/films", json=board, headers=proof).status_code == 201
        abroad = {**proof, "origin": "https://elsewhere.example"}
        assert client.post("/api/films", json=board, headers=abroad).status_code == 403
        crossed = {**proof, "sec-fetch-site": "cross-site"}
        assert client.post("/api/films", json=board, headers=crossed).status_code == 403


def test_a_form_without_proof_is_refused(running: RunningStudio) -> None:
    with browser(running) as client:
        assert client.post("/new", data={"text": BOARD}).status_code == 403
        assert client.post("/new", data={"text": BOARD, "csrf": csrf(client)}).status_code == 303


def test_logging_out_ends_the_session(running: RunningStudio) -> None:
    with browser(running) as client:
        stolen = client.cookies[COOKIE]
        assert client.post("/logout", data={"csrf": csrf(client)}).status_code == 303
    assert httpx2.get(running.url + "/api/films", cookies={COOKIE: stolen}).status_code == 401


def test_a_token_logs_a_browser_in(running: RunningStudio) -> None:
    with httpx2.Client(base_url=running.url) as client:
        assert client.post("/login", data={"token": "wrong"}).status_code == 401
        answer = client.post("/login", data={"token": running.token("viewer"), "next": "/new?x=1"})
        assert answer.headers["location"] == "/new?x=1"
        assert client.get("/").status_code == 200
        assert client.get("/new").status_code == 403


def test_a_session_ends_with_the_token_that_opened_it(running: RunningStudio, owner: httpx2.Client) -> None:
    issued = owner.post("/api/tokens", json={"name": "phone", "scope": "crew"}).json()
    with httpx2.Client(base_url=running.url) as client:
        client.post("/login", data={"token": issued["token"]})
        assert client.get("/").status_code == 200
        owner.delete(f"/api/tokens/{issued['id']}")
        assert client.get("/").status_code == 303


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
def test_login_leads_nowhere_else(running: RunningStudio, there: str) -> None:
    answer = httpx2.post(running.url + "/login", data={"token": running.token("viewer"), "next": there})
    assert answer.headers["location"] == "/"


def test_pages_lead_to_the_login_and_back(running: RunningStudio) -> None:
    answer = httpx2.get(running.url + "/films/x?y=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/films/x%3Fy%3D1"


def test_only_hashes_are_stored_and_links_expire(running: RunningStudio) -> None:
    async def scenario() -> None:
        now = 1_000_000
        db = SqliteDatabase(running.settings.data / "clocked.db")
        await migrate(db)
        access = Access(db, lambda: now)
        link = await access.issue("link", "owner", "owner", LINK_MS)
        rows = await db.fetch("SELECT * FROM token")
        assert [row["hash"] for row in rows] == [hashed(link)]
        assert not any(link in str(value) for row in rows for value in row.values())
        assert await access.find("bearer", link) is None
        now += LINK_MS + 1
        with pytest.raises(Unauthenticated):
            await access.redeem(link, 1)
        await db.close()

    asyncio.run(scenario())
