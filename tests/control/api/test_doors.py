"""Doors, unknown outcomes and doorbells over a real socket."""

import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from nacl.signing import SigningKey

from control.doors.doorbell import Bell, Ringer, doorbell_key, mac
from tests.servers.studio import RunningStudio, studio

OWN = {"id": "attic", "kind": "local", "base": "http://127.0.0.1:9", "engines": ["animatic"], "secret": "s3cr3t-token"}
JOB = "j" * 24


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    with studio(tmp_path_factory.mktemp("doors")) as found:
        yield found


def database(running: RunningStudio) -> sqlite3.Connection:
    return sqlite3.connect(running.settings.data / "studio.db")


def job(running: RunningStudio, state: str = "unknown") -> None:
    """A job of unknown outcome at the door."""
    with database(running) as db:
        db.execute("DELETE FROM job")
        db.execute(
            "INSERT INTO job(id,fp,attempt,kind,engine,film_id,door,payer,month,state,request,charge_u,start_by,"
            "deadline_s,executions,next_poll_at,created_at,known) VALUES(?,?,1,'motion','animatic','f','attic','r',"
            "'2027-01',?,'{}',700,?,60,1,?,?,?)",
            [JOB, "f" * 64, state, 2**42, 2**42, 1, json.dumps({"note": "no answer"})],
        )
    db.close()


def test_a_door_is_added_listed_tested_and_removed(running: RunningStudio) -> None:
    with running.client() as client:
        added = client.post("/api/doors", json=OWN)
        assert added.status_code == 201
        assert "s3cr3t" not in added.text
        (listed,) = client.get("/api/doors").json()["doors"]
        assert listed == added.json()
        report = client.post("/api/doors/attic/test", json={}).json()
        assert (report["ok"], report["checks"][0]["ok"]) == (False, False)
        assert "gives no answer" in report["checks"][0]["said"]
        assert client.delete("/api/doors/attic").json() == {"gone": True}
        assert client.delete("/api/doors/attic").status_code == 404
        assert client.get("/api/doors").json() == {"doors": []}


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"base": "http://door.example.org"}, "base"),
        ({"base": "https://192.168.0.7"}, "base"),
        ({"engines": ["no-such-engine"]}, "engines.no-such-engine"),
        ({"speed": "fast"}, "speed"),
        ({"kind": "teleport"}, "kind"),
        ({"id": "../../etc"}, "id"),
    ],
)
def test_a_door_that_cannot_be_is_refused_by_what_is_wrong(
    running: RunningStudio, wrong: dict[str, object], path: str
) -> None:
    with running.client() as client:
        answer = client.post("/api/doors", json={**OWN, **wrong})
    assert answer.status_code == 422
    assert path in {problem["path"] for problem in answer.json()["errors"]}
    assert "s3cr3t" not in answer.text


@pytest.mark.parametrize("secret", ["", " ", "é", "two words", "x" * 600, "x" * 20_000])
def test_a_secret_that_can_be_none_is_refused_and_not_repeated(running: RunningStudio, secret: str) -> None:
    with running.client() as client:
        answer = client.post("/api/doors", json={**OWN, "secret": secret})
        assert answer.status_code == 422
        assert not secret.strip() or secret not in answer.text
        assert client.get("/api/doors").json() == {"doors": []}


def test_only_an_owner_adds_and_only_crew_decides(running: RunningStudio) -> None:
    with running.client("viewer") as viewer, running.client("crew") as crew:
        assert crew.post("/api/doors", json=OWN).status_code == 403
        assert crew.post("/api/doors/attic/test", json={}).status_code == 403
        assert viewer.get("/api/doors").status_code == 200
        assert viewer.post(f"/api/jobs/{JOB}/accept-risk").status_code == 403
        assert crew.post(f"/api/jobs/{JOB}/accept-risk").status_code == 404
    assert httpx2.get(f"{running.url}/api/doors").status_code == 401


@pytest.mark.parametrize("token", ["", "x", "vj_" + "x" * 43, "x" * 7000])
def test_a_wrong_empty_or_oversized_token_is_refused(running: RunningStudio, token: str) -> None:
    answer = httpx2.get(f"{running.url}/api/doors", headers={"authorization": f"Bearer {token}".strip()})
    assert answer.status_code == 401
    assert token == "" or token not in answer.text


def test_a_token_that_is_no_ascii_is_refused(running: RunningStudio) -> None:
    header = [(b"authorization", "Bearer tökén".encode())]
    assert httpx2.get(f"{running.url}/api/doors", headers=header).status_code == 401


def test_an_unknown_outcome_is_shown_with_what_is_known_and_two_choices(running: RunningStudio) -> None:
    job(running)
    with running.client() as client:
        (found,) = client.get("/api/jobs/unknown").json()["jobs"]
        assert (found["job"], found["sent"], found["held_u"]) == (JOB, "no answer", 700)
        assert "has not begun anywhere" in found["known"]
        assert client.post(f"/api/jobs/{JOB}/wait").status_code == 204
        assert client.post(f"/api/jobs/{JOB}/accept-risk").status_code == 204
        assert client.get("/api/jobs/unknown").json()["jobs"][0]["written_off"]
        job(running, "running")
        assert client.post(f"/api/jobs/{JOB}/accept-risk").status_code == 409
        assert client.get("/api/jobs/unknown").json() == {"jobs": []}


# doorbells ----------------------------------------------------------------------------------------------------------


def address(running: RunningStudio, job_id: str = JOB) -> str:
    key = SigningKey(bytes.fromhex((running.settings.data / "signing.key").read_text().strip()))
    found = Bell(doorbell_key(key), running.url).address(job_id, "loopback")
    assert found is not None
    return found


def rung(running: RunningStudio) -> tuple[int, int]:
    db = database(running)
    ((at, rung_at),) = db.execute("SELECT next_poll_at, rung_at FROM job").fetchall()
    db.close()
    return at, rung_at


def test_a_right_address_causes_one_look_in_two_seconds(running: RunningStudio) -> None:
    job(running, "submitted")
    assert httpx2.post(address(running), content=b"COMPLETED" * 1000).status_code == 204
    at, first = rung(running)
    assert at == 0
    with database(running) as db:
        db.execute("UPDATE job SET next_poll_at=5")
    db.close()
    assert httpx2.post(address(running)).status_code == 204
    assert rung(running) == (5, first)


def test_forged_addresses_change_nothing_and_say_nothing(running: RunningStudio) -> None:
    job(running, "submitted")
    right = address(running)
    for wrong in (
        right[:-1] + ("0" if right[-1] != "0" else "1"),
        right.replace(JOB, "k" * 24),
        right.upper().replace(running.url.upper() + "/API/DOORBELL", running.url + "/api/doorbell"),
        right[:-64] + "%C3%A9" * 10,
        right[:-64] + "x" * 5000,
    ):
        answer = httpx2.post(wrong)
        assert (answer.status_code, answer.content) == (204, b"")
    assert rung(running)[0] != 0
    assert httpx2.get(right).status_code == 405
    assert rung(running)[0] != 0


def test_a_flood_of_forged_rings_reaches_no_database(tmp_path: Path) -> None:
    with studio(tmp_path) as running:
        lock = sqlite3.connect(tmp_path / "studio.db", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")  # whatever asked the database now would wait for seconds and fail
        with ThreadPoolExecutor(16) as pool, httpx2.Client() as client:
            urls = [f"{running.url}/api/doorbell/{JOB}/{i:064x}" for i in range(1000)]
            found = set(pool.map(lambda url: client.post(url, content=b"x" * 2000).status_code, urls))
        lock.execute("ROLLBACK")
        lock.close()
    assert found == {204}


def test_a_flood_of_right_rings_causes_one_look() -> None:
    ringer, now = Ringer(), int(time.time() * 1000)
    assert [ringer.may("a", now + i) for i in range(1000)].count(True) == 1
    assert [ringer.may(f"job-{i}", now) for i in range(30_000)].count(False) == 0
    assert ringer.may("a", now + 2000)


@pytest.mark.parametrize(
    ("base", "network", "rings"),
    [
        ("https://studio.example.org", "public", True),
        ("https://studio.example.org", "private", True),
        ("https://studio.example.org", "loopback", False),
        ("http://studio.example.org", "public", False),
        ("http://192.168.1.2:8420", "private", True),
        ("http://127.0.0.1:8420", "loopback", True),
        ("http://127.0.0.1:8420", "private", False),
        ("http://localhost:8420", "public", False),
    ],
)
def test_a_door_is_given_an_address_that_it_can_reach(base: str, network: str, rings: bool) -> None:
    found = Bell(b"key", base).address(JOB, network)  # type: ignore[arg-type]
    assert found == (f"{base}/api/doorbell/{JOB}/{mac(b'key', JOB)}" if rings else None)
