"""The door over its HTTP API, with real worker processes."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from functions.contract import grant
from functions.contract.job import DoorStatus, JobResult
from tests.servers.door import TOKEN, Door, door, environment, gone
from tests.servers.engines import OUTPUT
from tests.servers.jobs import STUDIO, body, new_id, request


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One door for the tests that leave it as it was."""
    with door(tmp_path_factory.mktemp("door"), "--grace", "0.5", workers=2) as running:
        yield running


def test_job_runs_from_post_to_result(shared: Door) -> None:
    job = request("write:hello")
    status = shared.make(job)
    assert status["status"] == "COMPLETED"
    assert shared.read(job.outputs[OUTPUT].key) == b"hello"
    stored = json.loads(shared.read(job.reserved.result.key))
    assert stored["status"] == status["output"]["status"] == "done"
    assert DoorStatus.model_validate(status).instance == shared.instance
    assert JobResult.model_validate(status["output"]).outputs[OUTPUT].size == 5
    assert status["executionTime"] >= 0
    assert status["delayTime"] >= 0


def test_same_job_is_accepted_once(shared: Door) -> None:
    job = request("write:once")
    shared.make(job)
    before = (shared.store / job.reserved.result.key).stat().st_mtime_ns
    again = shared.run(job)
    assert (again.status_code, again.json()["status"]) == (200, "COMPLETED")
    assert (shared.store / job.reserved.result.key).stat().st_mtime_ns == before


def test_other_request_under_the_same_id_is_refused(shared: Door) -> None:
    job = request("write:once")
    shared.make(job)
    answer = shared.run(grant.sign(job.model_copy(update={"deadline_s": 30}), STUDIO))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_exists")


@pytest.mark.parametrize("token", ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
@pytest.mark.parametrize(("method", "path"), [("POST", "run"), ("GET", "status/x"), ("POST", "cancel/x")])
def test_token_is_wanted(shared: Door, token: str, method: str, path: str) -> None:
    answer = httpx2.request(
        method, f"{shared.url}/v2/echo/{path}", headers={"Authorization": token}, json=body(request("write"))
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_large_body_is_refused(shared: Door) -> None:
    answer = shared.client.post("/run", content=b" " * 4_000_001)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_malformed_request_names_its_fields(shared: Door) -> None:
    bad = body(request("write"))
    bad["input"]["params"]["rank"] = 0
    answer = shared.client.post("/run", json=bad)
    assert answer.status_code == 400
    assert "input.params.train_lora.rank: " in answer.json()["error"]["message"]


def test_refusals_have_a_status_a_code_and_a_sentence(shared: Door) -> None:
    good = request("write")
    cases: list[tuple[Any, int, str]] = [
        (grant.sign(good.model_copy(update={"door": "another"}), STUDIO), 403, "grant_refused"),
        (good.model_copy(update={"attempt": 2}), 403, "grant_refused"),
        (grant.sign(good.model_copy(update={"take": 2}), STUDIO), 409, "engine_mismatch"),
        (grant.sign(good.model_copy(update={"transport": "presigned"}), STUDIO), 400, "bad_request"),
    ]
    for job, status, code in cases:
        answer = shared.run(job)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert " " in answer.json()["error"]["message"]
        assert answer.json()["instance"] == shared.instance
        assert shared.client.get(f"/status/{job.job_id}").status_code == 404


def test_job_for_another_endpoint_is_refused(shared: Door) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx2.post(f"{shared.url}/v2/nobody/run", json=body(request("write")), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_endpoint")


def test_unknown_job_is_told_with_the_instance(shared: Door) -> None:
    for answer in (shared.client.get(f"/status/{new_id()}"), shared.client.post(f"/cancel/{new_id()}")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_job")
        assert answer.json()["instance"] == shared.instance


def test_progress_is_the_output_while_a_job_runs(shared: Door) -> None:
    job = request("slow:1")
    shared.run(job)
    seen = []
    while (status := shared.status(job))["status"] in {"IN_QUEUE", "IN_PROGRESS"}:
        seen.append(status.get("output", {}))
        time.sleep(0.02)
    assert status["status"] == "COMPLETED"
    numbers = [position["done"] for position in seen if position.get("stage") == "work"]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 3


def test_running_job_is_cancelled(shared: Door) -> None:
    job = request("slow:60")
    shared.run(job)
    shared.until(job, {"IN_PROGRESS"})
    shared.cancel(job)
    ended = shared.ended(job)
    assert (ended["status"], ended["output"]["status"]) == ("CANCELLED", "cancelled")
    assert json.loads(shared.read(job.reserved.result.key))["status"] == "cancelled"
    assert shared.cancel(job)["status"] == "CANCELLED"


def test_engine_that_hangs_is_killed_with_its_children_on_cancel(shared: Door, tmp_path: Path) -> None:
    marker = tmp_path / "pids"
    job = request(f"hang:{marker}")
    shared.run(job)
    pids = two_pids(marker)
    shared.cancel(job)
    ended = shared.ended(job)
    assert (ended["status"], ended["output"]["status"]) == ("CANCELLED", "cancelled")
    assert json.loads(shared.read(job.reserved.result.key))["status"] == "cancelled"
    assert all(gone(pid) for pid in pids)
    assert not list((shared.store.parent / "data" / "scratch").glob(f"{job.job_id}.*"))


def two_pids(marker: Path) -> list[int]:
    """Worker and child, once both have told their pids."""
    end = time.monotonic() + 20
    while not marker.exists() or marker.read_text().count("\n") < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    return [int(line) for line in marker.read_text().split()]


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_engine_that_hangs_is_killed_at_the_deadline(shared: Door, tmp_path: Path) -> None:
    job = request(f"hang:{tmp_path / 'pids'}", deadline_s=1)
    ended = shared.make(job)
    assert (ended["status"], ended["output"]["error"]["code"]) == ("TIMED_OUT", "deadline_exceeded")
    assert json.loads(shared.read(job.reserved.result.key))["error"]["code"] == "deadline_exceeded"
    assert all(gone(pid) for pid in two_pids(tmp_path / "pids"))


@pytest.mark.parametrize(("trigger", "says"), [("crash", "SIGSEGV"), ("killed", "SIGKILL")])
def test_worker_that_dies_fails_its_job_and_only_that(shared: Door, trigger: str, says: str) -> None:
    job = request(trigger)
    ended = shared.make(job)
    assert (ended["status"], ended["output"]["error"]["code"]) == ("FAILED", "worker_died")
    assert says in ended["error"]
    assert ended["output"]["error"]["retryable"] is True
    assert json.loads(shared.read(job.reserved.result.key))["status"] == "failed"
    assert shared.make(request("write"))["status"] == "COMPLETED"


def test_job_whose_worker_died_runs_again_while_executions_allow(shared: Door, tmp_path: Path) -> None:
    job = request(f"crash:{tmp_path / 'once'}", executions=2)
    assert shared.make(job)["status"] == "COMPLETED"
    assert shared.read(job.outputs[OUTPUT].key) == b"recovered"
    assert shared.client.get("/health").json()["jobs"]["retried"] >= 1
    always = request("crash", executions=2)
    assert shared.make(always)["output"]["error"]["code"] == "worker_died"
    assert sorted(p.name for p in (shared.store / always.reserved.work.key).iterdir()) == [
        "execution-1.json",
        "execution-2.json",
    ]


def test_libraries_that_print_forge_nothing(shared: Door) -> None:
    job = request("noisy:quiet")
    assert shared.make(job)["status"] == "COMPLETED"
    assert shared.read(job.outputs[OUTPUT].key) == b"quiet"


def test_numbers_that_json_has_not_are_no_trouble(shared: Door) -> None:
    noted = shared.make(request("numbers:note"))
    assert (noted["status"], noted["output"]["notes"][0]["code"]) == ("COMPLETED", "odd")
    failed = shared.make(request("numbers:load"))
    assert (failed["status"], failed["output"]["error"]["code"]) == ("FAILED", "engine_failed")


def test_unknown_routes_are_refused_with_a_sentence(shared: Door) -> None:
    for method, path in (("GET", "/runsync"), ("GET", "/run"), ("POST", "/status/x")):
        answer = shared.client.request(method, path)
        assert answer.status_code in {404, 405}
        assert answer.json()["error"]["code"] == "no_route"


def test_health_has_the_shape_of_runpod(shared: Door) -> None:
    health = shared.client.get("/health").json()
    assert set(health["jobs"]) == {"completed", "failed", "inProgress", "inQueue", "retried"}
    assert health["workers"]["idle"] + health["workers"]["running"] == 2
    alive = httpx2.get(f"{shared.url}/health")
    assert alive.json() == {"status": "ok", "instance": shared.instance}


def test_door_describes_its_engines(shared: Door) -> None:
    told = shared.client.get("/describe").json()
    assert told["contracts"] == ["vivijure-job/1"]
    assert (told["manifest"]["name"], told["manifest"]["version"]) == ("echo", "1.2.3")


def test_waiting_job_is_cancelled_without_a_trace(tmp_path: Path) -> None:
    with door(tmp_path) as d:
        first, second = request("slow:2"), request("write")
        d.run(first)
        d.until(first, {"IN_PROGRESS"})
        d.run(second)
        assert d.status(second)["status"] == "IN_QUEUE"
        assert d.cancel(second)["status"] == "CANCELLED"
        assert d.ended(first)["status"] == "COMPLETED"
        assert d.status(second)["output"]["status"] == "cancelled"
        assert not (tmp_path / "store" / second.outputs[OUTPUT].key).parent.exists()


def test_accepted_jobs_survive_kill_9(tmp_path: Path) -> None:
    jobs = [request("slow:0.4", executions=3, job_id=new_id()) for _ in range(6)]
    with door(tmp_path, workers=2) as d:
        for job in jobs:
            assert d.run(job).status_code == 200
        d.until(jobs[1], {"IN_PROGRESS"})
        os.kill(d.process.pid, signal.SIGKILL)
        d.process.wait()
        instance = d.instance
    with door(tmp_path) as d:
        assert d.instance == instance
        assert [d.ended(job)["status"] for job in jobs] == ["COMPLETED"] * 6
        for job in jobs:
            assert json.loads(d.read(job.reserved.result.key))["status"] == "done"


@pytest.mark.parametrize("seed", [1])
def test_every_job_ends_once_however_often_door_and_workers_are_killed(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    jobs = [request(f"slow:{rng.uniform(0.05, 0.5):.2f}", executions=10) for _ in range(10)]
    for _ in range(3):
        with door(tmp_path, workers=2) as d:
            until = time.monotonic() + rng.uniform(0.5, 2)
            while time.monotonic() < until:
                assert d.run(rng.choice(jobs)).status_code == 200
                if rng.random() < 0.1:
                    kill_a_worker(d, rng)
                time.sleep(rng.uniform(0, 0.1))
            os.kill(d.process.pid, signal.SIGKILL)
            d.process.wait()
    with door(tmp_path, workers=2) as d:
        for job in jobs:
            assert d.run(job).status_code == 200
        for job in jobs:
            assert d.ended(job, 60)["status"] == "COMPLETED"
            assert json.loads(d.read(job.reserved.result.key))["status"] == "done"
            assert d.read(job.outputs[OUTPUT].key) == b"slow"


def kill_a_worker(running: Door, rng: random.Random) -> None:
    """SIGKILL to one of the door's workers, if it has any."""
    workers = psutil.Process(running.process.pid).children()
    if workers:
        with contextlib.suppress(psutil.NoSuchProcess):
            rng.choice(workers).kill()


def test_job_that_ran_when_its_door_died_is_reported_when_it_may_not_run_again(tmp_path: Path) -> None:
    job, marker = request(f"hang:{tmp_path / 'pids'}"), tmp_path / "pids"
    with door(tmp_path) as d:
        d.run(job)
        pids = two_pids(marker)
        os.kill(d.process.pid, signal.SIGKILL)
        d.process.wait()
    with door(tmp_path) as d:
        ended = d.ended(job)
        assert (ended["status"], ended["output"]["error"]["code"]) == ("FAILED", "worker_died")
        assert json.loads(d.read(job.reserved.result.key))["status"] == "failed"
    assert len(marker.read_text().split()) == 2
    assert all(gone(pid) for pid in pids)


def test_cancel_outlives_the_door(tmp_path: Path) -> None:
    job = request(f"hang:{tmp_path / 'pids'}", executions=3)
    with door(tmp_path, "--grace", "60") as d:
        d.run(job)
        two_pids(tmp_path / "pids")
        d.cancel(job)
        os.kill(d.process.pid, signal.SIGKILL)
        d.process.wait()
    with door(tmp_path) as d:
        assert d.ended(job)["status"] == "CANCELLED"


def test_result_that_was_not_reported_is_found_again(tmp_path: Path) -> None:
    job = request("slow:60")
    with door(tmp_path) as d:
        d.run(job)
        d.until(job, {"IN_PROGRESS"})
        os.kill(d.process.pid, signal.SIGKILL)
        d.process.wait()
        result = JobResult(job_id=job.job_id, fingerprint=job.fingerprint, status="done")
        (d.store / job.reserved.result.key).parent.mkdir(parents=True, exist_ok=True)
        (d.store / job.reserved.result.key).write_text(result.model_dump_json())
    with door(tmp_path) as d:
        assert d.ended(job)["status"] == "COMPLETED"


def test_sigterm_drains(tmp_path: Path) -> None:
    with door(tmp_path) as d:
        running, refused = request("slow:1"), request("write")
        d.run(running)
        d.until(running, {"IN_PROGRESS"})
        d.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        answer = d.run(refused)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "draining")
        assert d.status(running)["status"] == "IN_PROGRESS"
        assert d.process.wait(20) == 0
        assert json.loads(d.read(running.reserved.result.key))["status"] == "done"


def test_sigterm_writes_no_result_for_what_it_kills(tmp_path: Path) -> None:
    job = request("slow:60", executions=2)
    with door(tmp_path, "--drain", "0.1") as d:
        d.run(job)
        d.until(job, {"IN_PROGRESS"})
        d.process.send_signal(signal.SIGTERM)
        assert d.process.wait(20) == 0
        assert not (d.store / job.reserved.result.key).exists()
    with door(tmp_path) as d:
        assert d.until(job, {"IN_PROGRESS"})
        d.cancel(job)
        assert d.ended(job)["status"] == "CANCELLED"


def test_workers_stand_back_for_the_door(tmp_path: Path) -> None:
    with door(tmp_path) as d:
        job = request(f"hang:{tmp_path / 'pids'}")
        d.run(job)
        worker = two_pids(tmp_path / "pids")[0]
        assert os.getpriority(os.PRIO_PROCESS, worker) == min(19, os.getpriority(os.PRIO_PROCESS, d.process.pid) + 10)
        group = Path(f"/proc/{worker}/autogroup")
        if group.exists():
            assert group.read_text().split()[-1] == "10"


def test_tied_door_ends_with_who_started_it(tmp_path: Path) -> None:
    with door(tmp_path) as d:
        job = request(f"hang:{tmp_path / 'pids'}")
        d.run(job)
        pids = two_pids(tmp_path / "pids")
        assert d.process.stdin is not None
        d.process.stdin.close()
        assert d.process.wait(20) == 0
        assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize("_", range(3))
def test_job_whose_door_is_killed_is_no_failure_of_the_job(tmp_path: Path, _: int) -> None:
    """The worker ends its children, and must not tell of that as of what became of the job."""
    with door(tmp_path) as d:
        job = request(f"child:{tmp_path / 'pids'}")
        d.run(job)
        until((tmp_path / "pids").exists)
        worker = next(p for p in psutil.Process(d.process.pid).children() if "functions.serve.worker" in p.cmdline())
        d.process.kill()
        psutil.wait_procs([worker], timeout=20)
        assert not worker.is_running()
        assert not (d.store / job.reserved.result.key).exists()
    with door(tmp_path) as d:
        assert d.ended(job)["output"]["error"]["code"] == "worker_died"


def test_second_door_waits_for_the_first_to_go(tmp_path: Path) -> None:
    with door(tmp_path) as first:
        os.kill(first.process.pid, signal.SIGSTOP)
        os.kill(first.process.pid, signal.SIGCONT)
        first.process.send_signal(signal.SIGTERM)
        with door(tmp_path) as second:
            assert second.make(request("write"))["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [("token", "", "no token"), ("keys", "", "keys"), ("keys", "zz", "keys"), ("keys", f"{'0' * 64}\n" * 3, "keys")],
)
def test_door_that_cannot_start_says_why(tmp_path: Path, name: str, text: str, says: str) -> None:
    ran = start_badly(tmp_path, {name: text})
    assert ran.returncode == 1
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_door_refuses_engines_it_cannot_run(tmp_path: Path) -> None:
    ran = start_badly(tmp_path, {}, "--engines", "motion-veo,nobody")
    assert ran.returncode == 1
    assert "cannot run motion-veo, nobody" in ran.stderr


def start_badly(folder: Path, files: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """A door that ends at once."""
    for name, text in {"token": TOKEN, "keys": bytes(STUDIO.verify_key).hex(), **files}.items():
        (folder / name).write_text(text)
    argv = [sys.executable, "-m", "functions.serve.door", "--data", str(folder / "data"), "--door", "d", *options]
    argv += ["--token-file", str(folder / "token"), "--keys-file", str(folder / "keys")]
    return subprocess.run(argv, capture_output=True, text=True, env=environment(), check=False, timeout=60)
