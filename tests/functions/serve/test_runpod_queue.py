"""The stand-in endpoint keeps to RunPod's ways, kind ones and others, so that what passes before it may be believed."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from tests.servers.runpod_jobs import Rules
from tests.servers.runpod_queue import KEY, WORKER_KEY, RunpodQueue, runpod_queue


@pytest.fixture
def clock() -> list[int]:
    """The platform's time in milliseconds, moved by hand."""
    return [1_000_000_000_000]


@pytest.fixture
def queue(clock: list[int]) -> Iterator[RunpodQueue]:
    """An endpoint without workers."""
    rules = Rules(now_ms=lambda: clock[0], poll_s=0.2, webhook_pause_s=0.05, rate=(50, 10.0))
    with runpod_queue(rules=rules) as running:
        yield running


@pytest.fixture
def client(queue: RunpodQueue) -> Iterator[httpx2.Client]:
    """A client with the account's key."""
    with httpx2.Client(
        base_url=queue.url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=5
    ) as made:
        yield made


class Worker:
    """What the SDK's loop does, request by request."""

    def __init__(self, queue: RunpodQueue, name: str = "w1") -> None:
        self.name = name
        self.client = httpx2.Client(base_url=queue.url, headers={"Authorization": WORKER_KEY}, trust_env=False)

    def take(self, most: int = 1) -> Any:
        """One job, or a list of several; None where none waits."""
        path = f"/job-take/{self.name}?x=1" if most == 1 else f"/job-take-batch/{self.name}?x=1&batch_size={most}"
        answer = self.client.get(f"{path}&job_in_progress=0")
        return None if answer.status_code == 204 else answer.json()

    def done(self, job: dict[str, Any], **post: Any) -> int:
        """Report."""
        path = f"/job-done/{self.name}/{job['id']}?x=1&isStream=false"
        return self.client.post(path, content=json.dumps(post)).status_code

    def stops(self) -> list[str]:
        """Jobs to stop."""
        answer = self.client.get(f"/job-stop/{self.name}?x=1")
        return [] if answer.status_code == 204 else list(answer.json()["jobsToStop"])

    def ping(self) -> None:
        """A sign of life."""
        self.client.get(f"/ping/{self.name}?job_id=")


@pytest.fixture
def worker(queue: RunpodQueue) -> Iterator[Worker]:
    """A worker."""
    made = Worker(queue)
    with made.client:
        yield made


def sent(client: httpx2.Client, **more: Any) -> str:
    """A job's id."""
    return str(client.post("/run", json={"input": {"a": 1}, **more}).json()["id"])


def status(client: httpx2.Client, handle: str) -> dict[str, Any]:
    """GET status."""
    found: dict[str, Any] = client.get(f"/status/{handle}").json()
    return found


def wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_job_goes_from_queue_to_worker_and_back(
    client: httpx2.Client, worker: Worker, clock: list[int], queue: RunpodQueue
) -> None:
    handle = sent(client)
    assert status(client, handle) == {"id": handle, "status": "IN_QUEUE"}
    clock[0] += 2000
    job = worker.take()
    assert job == {"id": handle, "input": {"a": 1}}
    clock[0] += 1500
    assert worker.done(job, output={"ok": True}) == 200
    assert status(client, handle) == {
        "id": handle,
        "status": "COMPLETED",
        "delayTime": 2000,
        "executionTime": 1500,
        "output": {"ok": True},
        "workerId": "w1",
    }
    assert (queue.jobs.ledger[0].seconds(0), queue.jobs.bill_u(handle)) == (2, 2 * 760)


def test_same_body_is_another_job_each_time(client: httpx2.Client, queue: RunpodQueue) -> None:
    assert sent(client) != sent(client)
    assert len(queue.jobs.accepted) == 2


@pytest.mark.parametrize("key", ["", "Bearer wrong", f"Bearer {WORKER_KEY}"])
def test_key_is_wanted(queue: RunpodQueue, key: str) -> None:
    answer = httpx2.post(f"{queue.url}/run", json={"input": {}}, headers={"Authorization": key}, trust_env=False)
    assert answer.status_code == 401
    assert queue.jobs.accepted == []


def test_other_endpoint_and_route_are_not_there(client: httpx2.Client, queue: RunpodQueue) -> None:
    assert client.get("/status/none").status_code == 404
    assert client.get(f"{queue.url}x/status/none").status_code == 404
    assert client.get("/results/none").status_code == 404


def test_ended_job_is_forgotten_after_half_an_hour(client: httpx2.Client, worker: Worker, clock: list[int]) -> None:
    handle = sent(client)
    worker.done(worker.take(), output=1)
    clock[0] += 1800 * 1000
    assert status(client, handle)["status"] == "COMPLETED"
    clock[0] += 1
    assert client.get(f"/status/{handle}").status_code == 404


def test_ttl_deletes_even_a_running_job(
    client: httpx2.Client, worker: Worker, clock: list[int], queue: RunpodQueue
) -> None:
    handle = sent(client, policy={"ttl": 10_000})
    worker.take()
    clock[0] += 10_001
    worker.ping()
    assert client.get(f"/status/{handle}").status_code == 404
    assert worker.stops() == [handle]
    assert queue.jobs.ledger[0].ended_ms is None


def test_execution_time_ends_a_job_and_stops_its_worker(
    client: httpx2.Client, worker: Worker, clock: list[int]
) -> None:
    handle = sent(client, policy={"executionTimeout": 5000})
    worker.take()
    clock[0] += 5001
    worker.ping()
    assert status(client, handle)["status"] == "TIMED_OUT"
    assert worker.stops() == [handle]


@pytest.mark.parametrize("policy", [{"ttl": 9999}, {"executionTimeout": 4999}, {"ttl": 604_800_001}, {"ttl": "1"}])
def test_policy_has_bounds(client: httpx2.Client, policy: dict[str, Any]) -> None:
    assert client.post("/run", json={"input": {"a": 1}, "policy": policy}).status_code == 400


def test_silent_worker_loses_its_job_to_another_and_then_for_good(
    client: httpx2.Client, worker: Worker, clock: list[int], queue: RunpodQueue
) -> None:
    handle = sent(client)
    worker.take()
    clock[0] += 30_001
    assert status(client, handle)["status"] == "IN_QUEUE"
    other = Worker(queue, "w2")
    with other.client:
        assert other.take()["id"] == handle
    clock[0] += 30_001
    assert (status(client, handle)["status"], status(client, handle)["error"]) == (
        "FAILED",
        "job timed out after 1 retries",
    )
    assert client.get("/health").json()["jobs"]["retried"] == 1
    assert [charge.worker for charge in queue.jobs.ledger] == ["w1", "w2"]


def test_late_progress_reopens_a_job(client: httpx2.Client, worker: Worker, queue: RunpodQueue) -> None:
    queue.jobs.faults.done.append("stray")
    queue.jobs.faults.late = {"done": 1}
    handle = sent(client)
    worker.done(worker.take(), output={"ok": True})
    assert (status(client, handle)["status"], status(client, handle)["output"]) == ("IN_PROGRESS", {"done": 1})


def test_cancel_reaches_a_queued_and_a_running_job(client: httpx2.Client, worker: Worker) -> None:
    queued, running = sent(client), sent(client)
    assert client.post(f"/cancel/{queued}").json() == {"id": queued, "status": "CANCELLED"}
    job = worker.take()
    assert job["id"] == running
    client.post(f"/cancel/{running}")
    assert worker.stops() == [running]
    worker.done(job, output="too late")
    assert status(client, running)["status"] == "CANCELLED"
    assert worker.take() is None


def test_several_are_taken_at_once_and_one_is_given_twice(
    client: httpx2.Client, worker: Worker, queue: RunpodQueue
) -> None:
    first, second = sent(client), sent(client)
    queue.jobs.faults.twice = 1
    assert [job["id"] for job in worker.take(4)] == [first, second]
    assert worker.take()["id"] == first
    assert len(queue.jobs.ledger) == 3


def test_job_may_be_given_to_nobody(client: httpx2.Client, worker: Worker, queue: RunpodQueue) -> None:
    queue.jobs.faults.swallow = 1
    handle = sent(client)
    assert worker.take() is None
    assert status(client, handle)["status"] == "IN_PROGRESS"
    assert queue.jobs.ledger == []


@pytest.mark.parametrize(
    ("fault", "taken", "answers"),
    [
        ("busy", 0, 429),
        ("reject", 0, 400),
        ("drop", 0, None),
        ("outage", 0, 500),
        ("redirect", 0, 307),
        ("break", 1, 500),
        ("reset", 1, None),
        ("html", 1, 200),
    ],
)
def test_submission_fails_in_every_way(
    client: httpx2.Client, queue: RunpodQueue, fault: str, taken: int, answers: int | None
) -> None:
    queue.jobs.faults.run.append(fault)
    answer = None
    with contextlib.suppress(httpx2.TransportError):
        answer = client.post("/run", json={"input": {"a": 1}})
    assert (answer.status_code if answer else None) == answers
    assert len(queue.jobs.accepted) == taken
    assert sent(client)


def test_submission_that_hangs_is_taken(queue: RunpodQueue) -> None:
    queue.jobs.faults.run.append("hang")
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(
            f"{queue.url}/run", json={"input": {}}, headers={"Authorization": KEY}, timeout=0.3, trust_env=False
        )
    assert len(queue.jobs.accepted) == 1


@pytest.mark.parametrize("fault", ["500", "404", "429", "html"])
def test_looks_fail_and_come_back(client: httpx2.Client, queue: RunpodQueue, fault: str) -> None:
    handle = sent(client)
    queue.jobs.faults.look.append(fault)
    assert client.get(f"/status/{handle}").status_code == (200 if fault == "html" else int(fault))
    assert status(client, handle)["status"] == "IN_QUEUE"


def test_amnesia_forgets_a_job_that_runs_on(client: httpx2.Client, worker: Worker, queue: RunpodQueue) -> None:
    handle = sent(client)
    job = worker.take()
    queue.jobs.forget(handle)
    assert client.get(f"/status/{handle}").status_code == 404
    worker.done(job, output=1)
    assert queue.jobs.ledger[0].ended_ms is not None
    assert queue.jobs.accepted == [handle]


def test_too_many_submissions_are_refused(client: httpx2.Client, queue: RunpodQueue) -> None:
    codes = [client.post("/run", json={"input": {"a": 1}}).status_code for _ in range(60)]
    assert (codes.count(200), codes.count(429)) == (50, 10)
    assert len(queue.jobs.accepted) == 50


class Hook(BaseHTTPRequestHandler):
    """Fails once, then takes."""

    bodies: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if len(self.bodies) == 1 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_webhook_brings_the_whole_input_back_and_is_tried_again(
    client: httpx2.Client, worker: Worker, queue: RunpodQueue
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as studio:
        thread = threading.Thread(target=studio.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{studio.server_address[1]}/bell"
        handle = sent(client, webhook=url)
        worker.done(worker.take(), error="no")
        wait_for(lambda: len(queue.webhook_answers) == 2)
        studio.shutdown()
        thread.join()
    assert queue.webhook_answers == [500, 200]
    body = Hook.bodies[0]
    assert (body["id"], body["status"], body["error"], body["webhook"]) == (handle, "FAILED", "no", url)
    assert body["input"] == {"a": 1}
