"""`vivijure studio` as people run it: a process that answers, and one beside it that advances renders."""

import asyncio
import contextlib
import hashlib
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest

from control.api.access import Access
from control.db.sqlite import SqliteDatabase
from control.render.desk import wall_ms
from tests.end_to_end.studio import TINY, start
from tests.end_to_end.test_crash import DOOR, WORKER, once

WAIT_S = 300
RECIPE = {"recipe": {"size": {"width": 320, "height": 180}}}
RUNNER = "worker"


@dataclass(frozen=True)
class Served:
    """A Studio that serves `data`."""

    data: Path
    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    @property
    def runner(self) -> psutil.Process:
        """The process that advances renders."""
        found: list[psutil.Process] = []

        def look() -> bool:
            found[:] = [p for p in psutil.Process(self.process.pid).children() if RUNNER in command(p)]
            return bool(found)

        until(look)
        return found[0]

    def client(self) -> httpx2.Client:
        """Of the API, as the owner."""
        headers = {"authorization": f"Bearer {asyncio.run(token(self.data))}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60)

    def family(self) -> list[psutil.Process]:
        """Everything that it started, itself too."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]


async def token(data: Path) -> str:
    """An owner's bearer token."""
    db = SqliteDatabase(data / "studio.db")
    try:
        return await Access(db, wall_ms).issue("bearer", "test", "owner")
    finally:
        await db.close()


def command(process: psutil.Process) -> Sequence[str]:
    """Its command line, nothing where it is gone."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return ()


def until(look: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + WAIT_S
    while not look():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


@contextlib.contextmanager
def served(data: Path) -> Iterator[Served]:
    """`vivijure studio` over this folder."""
    log = data.parent / "studio.log"
    log.unlink(missing_ok=True)
    process = start(data, ("studio", "--port", "0"), log)
    try:
        until(lambda: "/login/" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        url = next(word for word in log.read_text().split() if "/login/" in word).split("/login/")[0]
        yield Served(data, process, url, log)
    finally:
        process.kill()
        process.wait()


def begin(client: httpx2.Client) -> str:
    """A film that is being rendered."""
    film = client.post("/api/films", json={"text": TINY}).raise_for_status().json()["id"]
    made: str = client.post(f"/api/films/{film}/renders", json=RECIPE).raise_for_status().json()["id"]
    return made


def ended(client: httpx2.Client, render: str) -> str:
    """The digest of the film that it made."""
    until(lambda: client.get(f"/api/renders/{render}").json()["state"] != "running")
    view = client.get(f"/api/renders/{render}").json()
    assert view["state"] == "done", view["reason"]
    return hashlib.sha256(
        client.get(f"/api/takes/{view['film_take']}/files/film.mp4").raise_for_status().content
    ).hexdigest()


def gone(processes: Sequence[psutil.Process]) -> bool:
    """Whether none of them runs."""
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the film when nothing goes wrong."""
    with served(tmp_path_factory.mktemp("whole") / "data") as studio, studio.client() as client:
        return ended(client, begin(client))


@pytest.mark.parametrize("seed", range(4))
def test_killing_who_advances_renders_changes_no_film(tmp_path: Path, whole: str, seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    with served(tmp_path / "data") as studio, studio.client() as client:
        render = begin(client)
        for _ in range(chance.randint(1, 3)):
            time.sleep(chance.uniform(0.0, 4.0))
            runner = studio.runner
            runner.send_signal(signal.SIGKILL)
            assert client.get("/api/health").status_code == 200
            until(lambda before=runner: studio.runner != before)  # type: ignore[misc]
        assert ended(client, render) == whole
        once(tmp_path / "data")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_the_studio(tmp_path: Path, how: signal.Signals) -> None:
    with served(tmp_path / "data") as studio, studio.client() as client:
        begin(client)
        until(lambda: any(WORKER in command(p) for p in studio.family()))
        family = studio.family()
        assert any(DOOR in command(p) for p in family)
        studio.process.send_signal(how)
        studio.process.wait(60)
        until(lambda: gone(family))
        assert "Traceback" not in studio.log.read_text()


def test_an_interrupted_terminal_ends_everything_in_order(tmp_path: Path) -> None:
    with served(tmp_path / "data") as studio, studio.client() as client:
        begin(client)
        family = studio.family()
        for process in family:  # as a terminal does: everything in the foreground hears it
            process.send_signal(signal.SIGINT)
        studio.process.wait(60)
        until(lambda: gone(family))
        assert "Traceback" not in studio.log.read_text()


def test_a_runner_that_is_ended_by_hand_comes_back(tmp_path: Path) -> None:
    with served(tmp_path / "data") as studio, studio.client() as client:
        first = studio.runner
        first.terminate()
        until(lambda: studio.runner != first)
        assert ended(client, begin(client))
