"""What an answer, or none, means for what was sent; and what the Worker lets in."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx2
import pytest

from control.db import Statement
from control.db.allowance import Allowance, Rate
from control.db.d1 import STATEMENTS, D1Database, hosted
from control.errors import DatabaseBusy, DatabaseError, DatabaseRefused, DatabaseUncertain, DatabaseUnreachable
from tests.servers.d1 import TOKEN, WORKER, D1Server, miniflare
from tests.servers.d1_faults import Between, Scripted, between

pytestmark = pytest.mark.anyio
ADD: Statement = ("INSERT INTO thing VALUES(1)", {})
COUNT = "SELECT COUNT(*) AS n FROM thing"


@pytest.fixture
def line(d1: D1Server) -> Iterator[Between]:
    """The line to the database, whole until a test scripts it."""
    d1.reset()
    with between(d1.url) as server:
        yield server


@pytest.fixture
async def db(line: Between) -> AsyncIterator[D1Database]:
    """A database with one table, over that line by Cloudflare's API."""
    found = D1Database(hosted("account-1", "db-1", TOKEN, base=line.url))
    await found.batch([("CREATE TABLE thing(n INTEGER)", {})])
    line.seen = 0
    yield found
    await found.close()


async def rows(db: D1Database) -> int:
    return int((await db.fetch(COUNT))[0]["n"])


def failing(status: int, message: str, **more: object) -> Scripted:
    errors = [{"code": 7500, "message": message}]
    return Scripted(status, json.dumps({"success": False, "errors": errors, "result": None}).encode(), **more)  # type: ignore[arg-type]


LOST = [
    Scripted(),
    Scripted(502, b"<html>bad gateway</html>"),
    Scripted(200, b"<html>welcome</html>"),
    Scripted(200, b'{"success": true, "errors": [], "result": []}'),
    failing(500, "internal error"),
    failing(400, "D1_ERROR: Network connection lost."),
    failing(400, "D1 DB storage operation exceeded timeout which caused object to be reset."),
    failing(400, "D1 DB reset because its code was updated."),
]


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("answer", LOST, ids=lambda a: f"{a.status}-{a.body[-40:-5].decode()}")
async def test_a_batch_without_an_answer_is_uncertain_and_never_sent_again(
    db: D1Database, line: Between, answer: Scripted, committed: bool
) -> None:
    line.script.append(Scripted(answer.status, answer.body, commit=committed))
    with pytest.raises(DatabaseUncertain):
        await db.batch([ADD])
    assert line.seen == 1
    assert await rows(db) == int(committed)


@pytest.mark.parametrize("answer", LOST, ids=lambda a: f"{a.status}-{a.body[-40:-5].decode()}")
async def test_a_reading_without_an_answer_is_sent_once_more(db: D1Database, line: Between, answer: Scripted) -> None:
    line.script.append(answer)
    assert await rows(db) == 0
    line.script += [answer, answer]
    with pytest.raises(DatabaseUnreachable):
        await rows(db)
    assert line.seen == 4


@pytest.mark.parametrize("committed", [False, True])
async def test_a_batch_that_times_out_is_uncertain(db: D1Database, line: Between, committed: bool) -> None:
    impatient = D1Database(db.target, timeout=httpx2.Timeout(2.0, read=0.5))
    line.script.append(Scripted(wait_s=5, commit=committed))
    with pytest.raises(DatabaseUncertain, match="gave no answer: ReadTimeout"):
        await impatient.batch([ADD])
    assert await rows(db) == int(committed)
    await impatient.close()


async def test_nobody_there_means_nothing_was_sent() -> None:
    db = D1Database(hosted("a", "b", "t", base="http://127.0.0.1:9"))
    with pytest.raises(DatabaseUnreachable, match=r"http://127.0.0.1:9 cannot be reached"):
        await db.batch([ADD])
    await db.close()


async def test_a_wrong_token_or_id_is_a_refusal(d1: D1Server) -> None:
    for target in (
        d1.target("api", token="wrong"),
        d1.target("worker", token="wrong"),
        hosted("account-1", "db-2", TOKEN, base=d1.url),
    ):
        db = D1Database(target)
        with pytest.raises(DatabaseRefused, match=r"(Authentication error|could not be found).*check its address"):
            await db.batch([("SELECT 1", {})])
        await db.close()


async def test_a_redirect_is_not_followed(db: D1Database, line: Between) -> None:
    line.script.append(Scripted(302, headers={"Location": line.url}))
    with pytest.raises(DatabaseRefused, match="redirects"):
        await db.batch([ADD])
    assert line.seen == 1


async def test_too_many_requests_rest_as_long_as_they_are_told(d1: D1Server, line: Between) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    allowance = Allowance(Rate(10, 10), 10, now=lambda: 100.0, sleep=sleep)
    db = D1Database(hosted("account-1", "db-1", TOKEN, base=line.url), allowance=allowance)
    await db.batch([("CREATE TABLE thing(n INTEGER)", {})])
    line.script.append(failing(429, "rate limited", headers={"Retry-After": "7"}))
    with pytest.raises(DatabaseBusy, match="try again in 7 s") as caught:
        await db.batch([ADD])
    assert caught.value.fields == {"retry_after_s": 7.0}
    await db.batch([ADD])
    assert waits == [7.0]
    line.script.append(failing(429, "rate limited", headers={"Retry-After": "300"}))
    with pytest.raises(DatabaseBusy):
        await db.batch([ADD])
    seen = line.seen
    with pytest.raises(DatabaseBusy, match="no request for 300 s"):
        await db.fetch(COUNT)
    assert line.seen == seen
    await db.close()


async def test_an_overloaded_database_has_done_nothing(db: D1Database, line: Between) -> None:
    line.script.append(failing(400, "D1 DB is overloaded. Too many requests queued."))
    with pytest.raises(DatabaseBusy):
        await db.batch([ADD])


async def test_what_was_used_is_measured(db: D1Database) -> None:
    before = db.meter.requests, db.meter.statements, db.meter.rows_written
    await db.batch([ADD, ADD])
    await rows(db)
    assert (db.meter.requests, db.meter.statements) == (before[0] + 2, before[1] + 3)
    assert db.meter.rows_written >= before[2] + 2
    assert db.meter.rows_read >= 2
    assert db.meter.bytes_sent > 0
    assert db.meter.bytes_received > 0


async def test_what_d1_does_not_take_is_refused_before_it_is_sent(db: D1Database, line: Between) -> None:
    many = {f"p{n}": n for n in range(101)}
    for statements, said in (
        ([ADD] * (STATEMENTS + 1), "101 statements"),
        ([("SELECT " + ",".join(f":{name}" for name in many), many)], "101 parameters"),
        ([(f"SELECT '{'x' * 100_000}'", {})], "longer than the 100000 bytes"),
        ([("SELECT :text", {"text": "ä" * 1_000_001})], "'text' is longer than the 2000000 bytes"),
        ([("SELECT :n", {"n": 2**53 + 1})], "beyond what D1 keeps"),
        ([("SELECT :n", {"n": float("nan")})], "cannot be sent"),
        ([("SELECT :a", {"a": "x" * 1_999_999})] * 9, "larger than 16000000 bytes"),
    ):
        with pytest.raises(DatabaseRefused, match=said):
            await db.batch(statements)
    assert line.seen == 0


async def test_the_engine_takes_what_the_limits_allow(db: D1Database) -> None:
    many = {f"p{n}": n for n in range(100)}
    statement = ("SELECT " + ",".join(f":{name} AS {name}" for name in many), many)
    assert (await db.batch([statement] * STATEMENTS))[-1].rows == (many,)
    assert (await db.fetch("SELECT length(:text) AS n", {"text": "x" * 2_000_000})) == [{"n": 2_000_000}]


async def test_the_token_is_shown_nowhere(d1: D1Server) -> None:
    db = D1Database(d1.target("api", token="hush-hush"))
    with pytest.raises(DatabaseError) as caught:
        await db.batch([("SELECT 1", {})])
    assert "hush" not in repr(caught.value) + repr(db.target) + repr(db)
    await db.close()


# the Worker


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", "\u00fc" * 40, "x" * 8000, TOKEN.upper()])
def test_the_worker_lets_nobody_in_without_its_token(d1: D1Server, token: str) -> None:
    headers = {b"authorization": f"Bearer {token}".strip().encode()}
    answer = httpx2.post(f"{d1.url}/batch", json={"batch": []}, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert httpx2.post(f"{d1.url}/batch", json={"batch": []}, trust_env=False).status_code == 401


SHORT = "a-token-of-31-characters-only.."


def let_in(url: str, tokens: Sequence[str]) -> list[str]:
    """Those of the tokens by which the Worker lets one in."""
    batch = {"batch": [{"sql": "SELECT 1", "params": []}]}
    with httpx2.Client(trust_env=False) as client:
        sent = {token: {"authorization": f"Bearer {token}"} for token in tokens}
        return [t for t, headers in sent.items() if client.post(f"{url}/batch", json=batch, headers=headers).is_success]


def test_a_worker_with_a_short_secret_lets_nobody_in(tmp_path: Path) -> None:
    with miniflare(tmp_path, token=SHORT) as server:
        assert not let_in(server.url, [SHORT, TOKEN])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("secret", "guard", "broken"),
    [
        (TOKEN, "return same && ", "return "),
        (TOKEN, "if (!(await allowed(request, env)))", "if (false)"),
        (TOKEN, "await digest(sent), await digest", "await digest(sent), await digest(sent) ?? await digest"),
        (SHORT, ">= TOKEN_LENGTH", ">= 0"),
    ],
)
def test_a_worker_without_one_of_its_guards_is_found(tmp_path: Path, secret: str, guard: str, broken: str) -> None:
    source = WORKER.read_text()
    assert source.count(guard) == 1
    mutant = tmp_path / "mutant.js"
    mutant.write_text(source.replace(guard, broken))
    with miniflare(tmp_path, shipped=mutant, token=secret) as server:
        assert let_in(server.url, [SHORT, TOKEN[:-1]])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[", 400),
        (b"null", 400),
        (b'{"batch": 5}', 400),
        (b'{"batch": []}', 400),
        (b'{"batch": [{"sql": "SELECT 1"}]}', 400),
        (b'{"batch": [{"sql": 1, "params": []}]}', 400),
        (b'{"batch": [{"sql": "SELECT 1", "params": {}}]}', 400),
        (b'{"batch": [{"sql": "SELECT 1", "params": [{}]}]}', 400),
        (b'{"batch": [{"sql": "BEGIN", "params": []}]}', 400),
        (json.dumps({"batch": [{"sql": "SELECT 1", "params": []}] * 101}).encode(), 400),
        (json.dumps({"batch": [{"sql": "SELECT 1", "params": [1] * 101}]}).encode(), 400),
        (b" " * 16_000_001, 413),
    ],
    ids=lambda value: str(value)[:50],
)
def test_the_worker_refuses_what_is_not_the_wire(d1: D1Server, body: bytes, status: int) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = httpx2.post(f"{d1.url}/batch", content=body, headers=headers, trust_env=False)
    assert answer.status_code == status, answer.text
    assert answer.json()["success"] is False
    assert answer.json()["errors"][0]["message"]


def test_the_worker_has_one_address(d1: D1Server) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(headers=headers, trust_env=False) as client:
        assert client.get(f"{d1.url}/batch").status_code == 404
        assert client.post(f"{d1.url}/", json={"batch": []}).status_code == 404


async def test_many_at_once_are_all_served(d1: D1Server) -> None:
    d1.reset()
    db = d1.database("worker")
    await db.batch([("CREATE TABLE thing(n INTEGER)", {})])
    await asyncio.gather(*(db.batch([ADD]) for _ in range(40)))
    assert await rows(db) == 40
    await db.close()


async def test_readings_that_wait_at_once_go_together_each_with_its_own_answer(db: D1Database) -> None:
    before = db.meter.requests
    found = await asyncio.gather(*(db.fetch(f"SELECT {n} AS n") for n in range(50)))
    assert [row[0]["n"] for row in found] == list(range(50))
    assert db.meter.requests - before <= 6
    assert (await db.fetch("SELECT 7 AS n"))[0]["n"] == 7


async def test_a_reading_that_fails_fails_alone(db: D1Database) -> None:
    asked = [db.fetch("SELECT 1 AS n"), db.fetch("SELECT 1 FROM nowhere"), db.fetch("SELECT :x AS n"), db.fetch(COUNT)]
    one, nowhere, unnamed, none = await asyncio.gather(*asked, return_exceptions=True)
    assert (one, none) == ([{"n": 1}], [{"n": 0}])
    assert isinstance(nowhere, DatabaseError)
    assert isinstance(unnamed, DatabaseError)


async def test_nobody_waits_for_a_reading_that_was_given_up(db: D1Database, line: Between) -> None:
    asked = [asyncio.create_task(rows(db)) for _ in range(9)]
    await asyncio.sleep(0)
    asked[1].cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [n for n in found if not isinstance(n, BaseException)] == [0] * 8
    await db.close()
    with pytest.raises(DatabaseError, match="has been closed"):
        await rows(db)
