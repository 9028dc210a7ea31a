"""RunPod's own worker loop around our handler, before a stand-in endpoint that follows the platform's ways."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from functions.contract.job import JobRequest
from functions.serve.environment import VARIABLES
from functions.serve.runpod import MESSAGE, read_settings, refused, report
from tests.servers.door import ENDED, gone
from tests.servers.engines import MANIFEST, OUTPUT
from tests.servers.jobs import body, request
from tests.servers.runpod_jobs import Job, Rules
from tests.servers.runpod_queue import KEY, RunpodQueue, runpod_queue
from tests.servers.runpod_worker import RunpodWorker, runpod_worker

GPU = MANIFEST.replace("[tiers.draft]", "[needs]\nvram_gb = 8\n\n[tiers.draft]")
SEVERAL = MANIFEST.replace("recipe = 1", "recipe = 1\nconcurrency = 4")
QUICK = {"VIVIJURE_DOOR_GRACE_S": "0.5"}


@pytest.fixture
def queue() -> Iterator[RunpodQueue]:
    """An endpoint that takes a silent worker for dead after three seconds."""
    with runpod_queue(rules=Rules(silence_s=3)) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunpodQueue, RunpodWorker, Path]]:
    """An endpoint with one worker, for the tests that leave it as it was, and the worker's folder."""
    folder = tmp_path_factory.mktemp("runpod")
    with runpod_queue() as running, runpod_worker(running, folder, **QUICK) as worker:
        yield running, worker, folder


def send(queue: RunpodQueue, job: JobRequest, **more: Any) -> Job:
    """Have the endpoint take a job."""
    answer = httpx2.post(f"{queue.url}/run", json={**body(job), **more}, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200, answer.text
    return queue.jobs.jobs[answer.json()["id"]]


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def ended(job: Job) -> Job:
    """The job, once it has ended."""
    wait_for(lambda: job.state in ENDED)
    return job


def stored(folder: Path, job: JobRequest) -> dict[str, Any]:
    """The result object."""
    found: dict[str, Any] = json.loads((folder / "store" / job.reserved.result.key).read_text())
    return found


def has_result(folder: Path, job: JobRequest) -> bool:
    """Whether there is one."""
    return (folder / "store" / job.reserved.result.key).exists()


Shared = tuple[RunpodQueue, RunpodWorker, Path]


def test_engine_is_loaded_once_for_the_life_of_a_worker(shared: Shared) -> None:
    queue, worker, _ = shared
    ended(send(queue, request("write:1")))
    children = worker.children
    ended(send(queue, request("write:2")))
    assert worker.children == children
    assert len(children) == 1


@pytest.mark.parametrize("what", ["write:x", f"fail:{'long ' * 3000}", "noisy:x"])
def test_what_is_reported_is_tiny(shared: Shared, what: str) -> None:
    queue, _, folder = shared
    job = request(what[:200] if what.startswith("write") else what)
    (post,) = ended(send(queue, job)).posts
    assert len(json.dumps(post)) < 2 * MESSAGE + 500
    assert "outputs" not in post["output"]
    assert stored(folder, job)["status"] == post["output"]["status"]


def test_cancel_ends_the_job_and_what_it_started_and_reports_nothing(shared: Shared, tmp_path: Path) -> None:
    queue, worker, folder = shared
    job = request(f"hang:{tmp_path / 'pids'}")
    sent = send(queue, job)
    wait_for(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count("\n") == 2)
    queue.jobs.cancel(sent.id)
    wait_for(lambda: has_result(folder, job))
    assert stored(folder, job)["status"] == "cancelled"
    wait_for(lambda: all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split()))
    assert sent.posts == []
    assert ended(send(queue, request("write"))).state == "COMPLETED"
    assert worker.process.poll() is None


def test_lost_report_loses_no_result(shared: Shared) -> None:
    queue, _, folder = shared
    queue.jobs.faults.done.extend(["500"] * 4)
    job = request("write:kept")
    send(queue, job)
    wait_for(lambda: has_result(folder, job))
    wait_for(lambda: not queue.jobs.faults.done or len(queue.jobs.faults.done) == 1)
    queue.jobs.faults.done.clear()
    assert stored(folder, job)["status"] == "done"
    assert ended(send(queue, job)).state == "COMPLETED"


def test_poisoned_gpu_asks_for_a_new_worker_and_the_next_job_for_a_new_process(shared: Shared) -> None:
    queue, worker, folder = shared
    ended(send(queue, request("write")))
    (before,) = worker.children
    job = request("poison")
    sent = ended(send(queue, job))
    assert (sent.state, sent.output["code"], sent.output["retryable"]) == ("FAILED", "gpu_broken", True)
    assert sent.posts[-1]["stopPod"] is True
    assert queue.jobs.stop_pods == [worker.name]
    assert stored(folder, job)["error"]["code"] == "gpu_broken"
    assert ended(send(queue, request("write:after"))).state == "COMPLETED"
    assert worker.children != [before]


def test_no_gpu_is_told_to_each_job_by_a_worker_that_lives_on(queue: RunpodQueue, tmp_path: Path) -> None:
    with runpod_worker(queue, tmp_path, catalog=GPU) as worker:
        for _ in range(2):
            sent = ended(send(queue, request("write")))
            assert (sent.state, sent.output["code"]) == ("FAILED", "gpu_broken")
            assert "needs a GPU" in sent.output["message"]
        assert worker.process.poll() is None
    assert queue.jobs.unhealthy == []
    assert len(queue.jobs.ledger) == 2


def test_jobs_run_side_by_side_as_the_manifest_says(queue: RunpodQueue, tmp_path: Path) -> None:
    with runpod_worker(queue, tmp_path, catalog=SEVERAL) as worker:
        ended(send(queue, request("write")))
        sent = [send(queue, request(f"slow:{2 + n / 10}")) for n in range(4)]
        wait_for(lambda: all(job.state == "IN_PROGRESS" for job in sent))
        wait_for(lambda: len(worker.children) == 4)
        assert all(ended(job).state == "COMPLETED" for job in sent)


def test_sigterm_lets_a_job_end_in_time(queue: RunpodQueue, tmp_path: Path) -> None:
    with runpod_worker(queue, tmp_path) as worker:
        job = request("slow:2")
        sent = send(queue, job)
        wait_for((tmp_path / "store" / job.reserved.started.key).exists)
        assert worker.terminate() == 0
        assert sent.state == "COMPLETED"
        assert stored(tmp_path, job)["status"] == "done"


def test_sigterm_writes_no_result_and_the_job_runs_elsewhere(queue: RunpodQueue, tmp_path: Path) -> None:
    job = request(f"linger:{tmp_path / 'runs'}", executions=2)
    with runpod_worker(queue, tmp_path, VIVIJURE_DOOR_DRAIN_S="0.1") as worker:
        sent = send(queue, job)
        wait_for((tmp_path / "runs").exists)
        children = worker.children
        assert worker.terminate() == 0
        wait_for(lambda: all(gone(pid) for pid in children))
    assert not has_result(tmp_path, job)
    assert sent.posts == []
    with runpod_worker(queue, tmp_path, name="worker-2"):
        assert ended(sent).state == "COMPLETED"
    assert sent.retried == 1
    assert (tmp_path / "runs").read_text() == "ran\nran\n"
    assert stored(tmp_path, job)["status"] == "done"


def test_sigterm_writes_no_result_for_what_was_paid_once(queue: RunpodQueue, tmp_path: Path) -> None:
    job = request(f"hang:{tmp_path / 'pids'}")
    with runpod_worker(queue, tmp_path, VIVIJURE_DOOR_DRAIN_S="0.1") as worker:
        sent = send(queue, job)
        wait_for(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count("\n") == 2)
        assert worker.terminate() == 0
        wait_for(lambda: all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split()))
    assert not has_result(tmp_path, job)
    assert sent.posts == []


def test_idle_worker_ends_at_once_on_sigterm_and_takes_no_job_with_it(queue: RunpodQueue, tmp_path: Path) -> None:
    with runpod_worker(queue, tmp_path) as worker:
        ended(send(queue, request("write")))
        children = worker.children
        assert worker.terminate() == 0
        wait_for(lambda: all(gone(pid) for pid in children))


def test_killed_worker_is_replaced_by_the_platform(queue: RunpodQueue, tmp_path: Path) -> None:
    job = request(f"linger:{tmp_path / 'runs'}", executions=2)
    with runpod_worker(queue, tmp_path) as first:
        sent = send(queue, job)
        wait_for((tmp_path / "runs").exists)
        children = first.children
        os.kill(first.process.pid, signal.SIGKILL)
        wait_for(lambda: all(gone(pid) for pid in children))
    with runpod_worker(queue, tmp_path, name="worker-2"):
        assert ended(sent).state == "COMPLETED"
    assert [charge.worker for charge in queue.jobs.ledger] == ["worker-1", "worker-2"]
    assert queue.jobs.bill_u(sent.id) == sum(c.seconds(0) for c in queue.jobs.ledger) * queue.jobs.rules.price_u


def test_job_that_was_paid_once_is_not_run_again_and_nothing_is_written(queue: RunpodQueue, tmp_path: Path) -> None:
    job = request(f"linger:{tmp_path / 'runs'}")
    with runpod_worker(queue, tmp_path) as first:
        sent = send(queue, job)
        wait_for((tmp_path / "runs").exists)
        first.kill()
    with runpod_worker(queue, tmp_path, name="worker-2"):
        wait_for(lambda: len(queue.jobs.ledger) == 2 and queue.jobs.ledger[1].ended_ms is not None)
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert not has_result(tmp_path, job)
    assert sent.posts == []


def test_job_given_to_two_workers_ends_once(queue: RunpodQueue, tmp_path: Path) -> None:
    queue.jobs.faults.twice = 1
    job = request(f"linger:{tmp_path / 'runs'}")
    with runpod_worker(queue, tmp_path), runpod_worker(queue, tmp_path, name="worker-2"):
        wait_for(lambda: queue.jobs.counts()["workers"]["idle"] == 2)
        sent = ended(send(queue, job))
        assert sent.state == "COMPLETED"
        wait_for(lambda: all(charge.ended_ms is not None for charge in queue.jobs.ledger))
    assert len(queue.jobs.ledger) == 2
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert [post["output"]["status"] for post in sent.posts] == ["done"]
    assert (tmp_path / "store" / job.outputs[OUTPUT].key).read_bytes() == b"slow"


def test_worker_leaves_no_process_behind(queue: RunpodQueue, tmp_path: Path) -> None:
    with runpod_worker(queue, tmp_path) as worker:
        ended(send(queue, request("write")))
        family = [child.pid for child in psutil.Process(worker.process.pid).children(recursive=True)]
        assert family
        worker.terminate()
        wait_for(lambda: all(gone(pid) for pid in family))


def test_job_may_not_bring_another_request_under_its_id(shared: Shared) -> None:
    queue, _, folder = shared
    job = request("write:first")
    ended(send(queue, job))
    result = stored(folder, job)
    other = ended(send(queue, job.model_copy(update={"deadline_s": 50})))
    assert (other.state, other.output["code"]) == ("FAILED", "grant_refused")
    assert stored(folder, job) == result


@pytest.mark.parametrize("missing", ["VIVIJURE_DOOR_ID", "VIVIJURE_DOOR_KEYS"])
def test_worker_that_cannot_start_says_why(
    monkeypatch: pytest.MonkeyPatch, queue: RunpodQueue, tmp_path: Path, missing: str
) -> None:
    with runpod_worker(queue, tmp_path, **{missing: ""}) as worker:
        assert worker.process.wait(60) == 1
        assert missing in worker.log.read_text()
        assert "Traceback" not in worker.log.read_text()
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="VIVIJURE_DOOR_ID is not set"):
        read_settings(["--engine", "animatic"])


def test_errors_are_cut_to_a_sentence() -> None:
    from functions.contract.errors import EngineError, GpuBroken, wire
    from functions.runtime.results import ended as result_of

    told = report(result_of(request("write"), EngineError("x" * 10_000)))
    assert told["status"] == "failed"
    assert len(json.dumps(told)) < 2 * MESSAGE + 300
    assert "refresh_worker" not in told
    assert refused(wire(GpuBroken("gone")))["refresh_worker"] is True
