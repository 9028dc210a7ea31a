"""The queue on disk: what it keeps, and what it does with a file it cannot read."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions.contract.errors import Cancelled
from functions.contract.job import JobResult
from functions.runtime.results import ended
from functions.serve.queue import KEPT_MS, JobQueue
from tests.servers.jobs import request

NOW = 1_000_000_000_000
Open = Callable[..., JobQueue]


@pytest.fixture
def open_queue(tmp_path: Path) -> Iterator[Open]:
    """Opens the queue in a folder, again and again."""
    opened: list[JobQueue] = []

    def open_at(now: int = NOW) -> JobQueue:
        while opened:
            opened.pop().close()
        opened.append(JobQueue(tmp_path / "queue.sqlite", lambda: now))
        return opened[-1]

    yield open_at
    opened.pop().close()


def test_everything_is_there_after_opening_again(open_queue: Open) -> None:
    queue = open_queue()
    waiting, running, over = (queue.accept(request(f"write:{n}"))[0] for n in range(3))
    queue.begin(running, "worker")
    queue.cancel(running)
    queue.begin(over, "worker")
    queue.end(over, JobResult(job_id=over.id, status="done"))
    again = open_queue()
    assert again.instance == queue.instance
    assert [e.id for e in again.live()] == sorted([waiting.id, running.id])
    found = [again.get(e.id) for e in (waiting, running, over)]
    assert [(e.state, e.executions, e.cancel) for e in found if e] == [
        ("IN_QUEUE", 0, False),
        ("IN_PROGRESS", 1, True),
        ("COMPLETED", 1, False),
    ]
    assert [e.request for e in found if e] == [waiting.request, running.request, over.request]


def test_job_is_accepted_once(open_queue: Open) -> None:
    queue, job = open_queue(), request("write")
    first, new = queue.accept(job)
    again, newer = queue.accept(job)
    assert (new, newer, again) == (True, False, first)


def test_ended_jobs_are_forgotten_in_time(open_queue: Open) -> None:
    queue = open_queue()
    over, waiting = queue.accept(request("write:1"))[0], queue.accept(request("write:2"))[0]
    queue.end(over, ended(over.request, Cancelled("x")))
    assert open_queue(NOW + KEPT_MS).get(over.id) is not None
    later = open_queue(NOW + KEPT_MS + 1)
    assert later.get(over.id) is None
    assert later.get(waiting.id) is not None


@pytest.mark.parametrize("damage", ["garbage", "request"])
def test_unreadable_queue_is_put_aside_for_a_new_instance(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "queue.sqlite"
    queue = JobQueue(path, lambda: NOW)
    queue.accept(request("write"))
    queue.close()
    if damage == "garbage":
        path.write_bytes(b"this is no database at all" * 400)
    else:
        db = sqlite3.connect(path)
        with db:
            db.execute("UPDATE job SET request = '{}'")
        db.close()
    fresh = JobQueue(path, lambda: NOW)
    assert fresh.instance != queue.instance
    assert fresh.live() == []
    fresh.close()
    assert list(tmp_path.glob("unreadable-*"))


def test_file_is_private(open_queue: Open, tmp_path: Path) -> None:
    open_queue()
    assert (tmp_path / "queue.sqlite").stat().st_mode & 0o077 == 0
