"""The app as a whole: importing it, its headers, its one shape of errors, its edges."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.servers.studio import RunningStudio, studio

PATHS = ["/api/health", "/api/films", "/api/nothing", "/login", "/nothing", "/static/studio.css", "/static/nothing"]
BOARD = "scenes: [{heading: INT. ROOM, shots: [{action: A room.}]}]"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    with studio(tmp_path_factory.mktemp("app"), hosts=("studio.lan",)) as found:
        yield found


def test_importing_does_no_work(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    script = "import threading, control.app; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=env)
    assert done.stdout.strip() == "1"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(running: RunningStudio, path: str) -> None:
    answer = httpx2.get(running.url + path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/login", "/new"])
def test_no_page_holds_anything_inline(running: RunningStudio, path: str) -> None:
    with httpx2.Client(base_url=running.url) as client:
        client.get(running.link())
        text = client.get(path).text
    assert "<style" not in text
    assert " style=" not in text
    assert "javascript:" not in text
    assert "<script>" not in text
    assert not [tag for tag in text.split("<") if " onclick" in tag or " onload" in tag]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[::1].evil.example", "evil.example:80"]
)
def test_another_host_is_refused(running: RunningStudio, host: str) -> None:
    answer = httpx2.get(running.url + "/api/health", headers={"host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "[::1]:8420", "studio.lan", "127.0.0.1:1"])
def test_its_own_names_are_taken(running: RunningStudio, host: str) -> None:
    assert httpx2.get(running.url + "/api/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api/films/", 404, "not_found"),
        ("PATCH", "/api/films", 405, "method_not_allowed"),
        ("POST", "/api/films", 400, "bad_request"),
        ("GET", "/api/films?limit=0", 422, "invalid"),
        ("GET", "/api/films?limt=5", 422, "invalid"),
        ("GET", "/api/films?limit=5&limit=6", 400, "bad_request"),
        ("GET", "/api/costs?month=2026-13", 422, "invalid"),
    ],
)
def test_errors_have_one_shape(running: RunningStudio, method: str, path: str, status: int, code: str) -> None:
    with running.client() as client:
        answer = client.request(method, path, content=b"{" if method == "POST" else None)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert {"type", "title", "instance", "errors"} <= set(body)


def test_a_wrong_method_is_told_the_right_ones(running: RunningStudio) -> None:
    with running.client() as client:
        allowed = client.delete("/api/films").headers["allow"]
    assert {m.strip() for m in allowed.split(",")} == {"GET", "HEAD", "POST"}


def test_bad_bodies_are_refused_by_kind(running: RunningStudio) -> None:
    with running.client() as client:
        post = "/api/films"
        assert client.post(post, content=b"x", headers={"content-type": "image/png"}).status_code == 415
        broken = client.post(post, content=b"title: \xff", headers={"content-type": "application/yaml"})
        assert broken.status_code == 400
        assert "line 1" in broken.json()["detail"]
        unknown = client.post(post, json={"text": BOARD, "titel": "x"})
        assert unknown.json()["errors"][0]["path"] == "titel"
        assert client.post(post, json={}).status_code == 400


def test_a_defect_is_a_500_that_leaks_nothing(tmp_path: Path) -> None:
    with studio(tmp_path) as broken, broken.client() as client:
        film = client.post("/api/films", json={"text": BOARD}).json()["id"]
        with sqlite3.connect(broken.settings.database_file) as db:
            db.execute("UPDATE revision SET body='secret-row'")
        db.close()
        answer = client.get(f"/api/films/{film}/storyboard")
        page = client.get(f"/films/{film}")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers
    assert page.status_code == 500
    assert page.headers["content-type"].startswith("text/html")
    for text in (answer.text, page.text):
        assert "secret-row" not in text
        assert "Traceback" not in text
        assert "validation" not in text.lower()


def test_a_doorbell_says_nothing_and_believes_nothing(running: RunningStudio) -> None:
    for mac in ("0" * 64, "x", "é"):
        answer = httpx2.post(f"{running.url}/api/doorbell/job/{mac}", content=b"done" * 100)
        assert (answer.status_code, answer.content) == (204, b"")


def test_assets_come_from_here_alone() -> None:
    static = Path("control/web/static")
    sheet = (static / "studio.css").read_text("utf-8")
    assert "http" not in sheet.replace("http://www.w3.org/2000/svg", "")
    assert "@import" not in sheet
    named = [part.split('"')[0] for part in sheet.split('url("')[1:]]
    assert named
    assert all((static / name).is_file() for name in named)
    templates = "".join(p.read_text("utf-8") for p in Path("control/web/templates").glob("*.html"))
    assert "https://" not in templates
    assert "//cdn" not in templates
