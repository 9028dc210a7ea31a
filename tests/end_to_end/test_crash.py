"""Killing processes at random moments: the film is the same, and nothing is made twice to completion."""

import hashlib
import random
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from functions.contract.job import JobResult
from tests.end_to_end.studio import start, tiny, vivijure

RENDERS = 20
SMALL = ("--size", "320x180")
DOOR, WORKER = "functions.serve.door", "functions.serve.worker"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the film when nothing goes wrong."""
    folder = tmp_path_factory.mktemp("whole")
    film = folder / "film.mp4"
    run = vivijure(folder / "data", "render", tiny(folder), "-o", film, *SMALL)
    assert run.code == 0, run.err
    return hashlib.sha256(film.read_bytes()).hexdigest()


def victims(studio: psutil.Process, what: str) -> list[psutil.Process]:
    """The Studio itself, its door, or one of the door's workers."""
    if what == "studio":
        return [studio]
    module = DOOR if what == "door" else WORKER
    return [p for p in studio.children(recursive=True) if module in p.cmdline()][:1]


def strike(studio: psutil.Process, what: str) -> None:
    """Kill without warning; a process that is gone already is no failure."""
    try:
        for victim in victims(studio, what):
            victim.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


@pytest.mark.parametrize("seed", range(RENDERS))
def test_killed_render_ends_in_the_same_film(tmp_path: Path, whole: str, seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    board, film, data = tiny(tmp_path), tmp_path / "film.mp4", tmp_path / "data"
    for _ in range(chance.randint(1, 3)):
        process = start(data, ("render", board, "-o", film, *SMALL), tmp_path / "log")
        time.sleep(chance.uniform(0.3, 7.0))
        if process.poll() is None:
            what = chance.choice(("studio", "studio", "door", "worker"))
            strike(psutil.Process(process.pid), what)
            if what != "studio":
                time.sleep(chance.uniform(0.1, 2.0))
                process.send_signal(signal.SIGKILL)
        process.wait()
    last = vivijure(data, "render", board, "-o", film, *SMALL)
    assert last.code == 0, last.err
    assert hashlib.sha256(film.read_bytes()).hexdigest() == whole
    once(data)


def once(data: Path) -> None:
    """No fingerprint has two jobs that ended in an artifact, in the database or in the store."""
    with sqlite3.connect(data / "studio.db") as db:
        twice = db.execute(
            "SELECT fp FROM job WHERE state IN ('done','degraded') GROUP BY fp HAVING COUNT(*) > 1"
        ).fetchall()
    assert twice == []
    made = (JobResult.model_validate_json(p.read_bytes()) for p in (data / "objects").rglob("result.json"))
    prints = Counter(result.fingerprint for result in made if result.status in ("done", "degraded"))
    assert [fp for fp, count in prints.items() if count > 1] == []


def test_interrupt_leaves_a_render_that_goes_on(tmp_path: Path) -> None:
    board, film, data = tiny(tmp_path), tmp_path / "film.mp4", tmp_path / "data"
    process = start(data, ("render", board, "-o", film, *SMALL), tmp_path / "log")
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) in (0, 130)
    assert "Traceback" not in (tmp_path / "log").read_text()
    after = vivijure(data, "render", board, "-o", film, "--json", *SMALL)
    assert after.code == 0, after.err


def test_two_renders_of_one_film_at_once(tmp_path: Path, whole: str) -> None:
    board, data = tiny(tmp_path), tmp_path / "data"
    films = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    running = [start(data, ("render", board, "-o", f, *SMALL), tmp_path / f"{f.stem}.log") for f in films]
    codes = [p.wait(timeout=300) for p in running]
    assert codes == [0, 0], [(tmp_path / f"{f.stem}.log").read_text() for f in films]
    assert {hashlib.sha256(f.read_bytes()).hexdigest() for f in films} == {whole}
    once(data)
