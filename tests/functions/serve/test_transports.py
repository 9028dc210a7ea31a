"""A job sent to each of the three transports ends in the same way, and a malicious one reaches no storage."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.catalog import Catalog
from functions.contract.job import JobRequest
from functions.runtime.engines import Engines
from functions.runtime.execute import Host, execute
from functions.runtime.stores import Stores
from functions.runtime.verify import Trust
from tests.servers.door import ENDED, gone
from tests.servers.engines import OUTPUT
from tests.servers.jobs import DOOR, ECHO, STUDIO, request, upload
from tests.servers.malice import CASES, GRANTS, KEYS, signed, spoiled
from tests.servers.modal_cloud import ModalCloud
from tests.servers.objects import ObjectServer, object_server
from tests.servers.runpod_queue import RunpodQueue
from tests.servers.transports import BUCKET, NAMES, Transport, credentials, plain, snapshot, transport


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectServer]:
    """The store that all three are before."""
    with object_server() as server:
        yield server


@pytest.fixture(scope="module", params=NAMES)
def wire(
    request: pytest.FixtureRequest, objects: ObjectServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    """Each of the three in turn."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in credentials(objects).items():
            patch.setenv(name, value)
        folder = tmp_path_factory.mktemp(str(request.param))
        with transport(str(request.param), folder, objects) as running:
            yield running


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host in this process, over a folder: what the runtime itself makes of a job."""
    for name in ("store", "scratch"):
        (tmp_path / name).mkdir()
    trust = Trust(door=DOOR, keys=(STUDIO.verify_key,), catalog=Catalog({"echo": ECHO}), bucket=True)
    engines, storage = Engines(trust.catalog), Stores(str(tmp_path / "store"))
    return Host(trust=trust, engines=engines, storage=storage, scratch=tmp_path / "scratch")


@pytest.mark.parametrize("urls", [False, True], ids=["bucket", "presigned"])
@pytest.mark.parametrize(
    "what", ["write:hello", "degraded:as it was", "numbers:note", "noisy:words", "fail:no", "missing"]
)
def test_same_job_has_the_same_result(wire: Transport, host: Host, what: str, urls: bool) -> None:
    data = upload(b" world")
    (host.scratch.parent / "store" / "uploads").mkdir()
    (host.scratch.parent / "store" / data.key).write_bytes(b" world")
    wire.objects.objects[data.key] = wire.objects.objects[f"{BUCKET}/{data.key}"] = b" world"
    here, there = request(what, inputs={"data": data}), request(what, inputs={"data": data})
    there = wire.presigned(there) if urls else there
    expected = plain(execute(here, host), here)
    status = wire.make(there)
    assert plain(wire.stored(there), there) == expected
    assert status["status"] == {"failed": "FAILED"}.get(expected["status"], "COMPLETED")
    assert status["output"]["status"] == expected["status"]


def test_progress_goes_to_its_object_and_never_follows_the_end(wire: Transport) -> None:
    job = request("slow:3")
    wire.make(job)
    told = wire.objects.objects[wire.place(job, job.reserved.progress.key)]
    assert b'"stage":"work"' in told
    if isinstance(wire.platform, RunpodQueue):
        assert all("IN_PROGRESS" not in str(post) for one in wire.platform.jobs.jobs.values() for post in one.posts)


def test_started_object_names_the_handle(wire: Transport) -> None:
    job = request("write")
    handle = wire.begin(job)
    wire.until(handle, ENDED)
    started = wire.objects.objects[wire.place(job, job.reserved.started.key)].decode()
    assert wire.name == "local" or f'"provider_id":"{handle}"' in started


def test_cancelled_job_leaves_that_result_and_no_children(wire: Transport, tmp_path: Path) -> None:
    job = request(f"hang:{tmp_path / 'pids'}")
    handle = wire.begin(job)
    pids = two_pids(tmp_path / "pids")
    wire.client.post(f"/cancel/{handle}")
    assert wire.until(handle, ENDED)["status"] == "CANCELLED"
    wait_for(lambda: wire.place(job, job.reserved.result.key) in wire.objects.objects)
    assert wire.stored(job).status == "cancelled"
    wait_for(lambda: all(gone(pid) for pid in pids))
    assert wire.make(request("write:next"))["status"] == "COMPLETED"


def test_deadline_is_kept_by_an_engine_that_hangs(wire: Transport, tmp_path: Path) -> None:
    job = request(f"hang:{tmp_path / 'pids'}", deadline_s=1)
    assert wire.make(job)["status"] in {"FAILED", "TIMED_OUT"}
    error = wire.stored(job).error
    assert error is not None
    assert error.code == "deadline_exceeded"
    assert all(gone(pid) for pid in two_pids(tmp_path / "pids"))


def test_engine_that_crashes_is_run_as_often_as_was_paid(wire: Transport, tmp_path: Path) -> None:
    twice, once = request(f"crash:{tmp_path / 'marker'}", executions=2), request("killed")
    assert wire.make(twice)["status"] == "COMPLETED"
    assert wire.stored(twice).status == "done"
    assert wire.make(once)["status"] == "FAILED"
    error = wire.stored(once).error
    assert error is not None
    assert error.code == "worker_died"


def test_job_that_ended_is_not_made_again(wire: Transport, tmp_path: Path) -> None:
    job = request(f"count:{tmp_path / 'runs'}")
    first = wire.make(job)
    before = snapshot(wire.objects)
    second = run_again(wire, job, str(first["id"]))
    assert second["output"]["status"] == "done"
    assert snapshot(wire.objects) == before
    assert (tmp_path / "runs").read_text() == "ran\n"


def run_again(wire: Transport, job: JobRequest, handle: str) -> dict[str, Any]:
    """Have the job run once more: by the provider itself, or because its submission was sent again."""
    if isinstance(wire.platform, ModalCloud):
        cloud = wire.platform
        call = list(cloud.calls.values())[-1]
        tasks = len(call.tasks)
        cloud.again(call.id)
        wait_for(lambda: len(call.tasks) > tasks and not busy(cloud))
        return wire.status(handle)
    return wire.make(job)


def test_malicious_jobs_reach_no_storage(wire: Transport) -> None:
    data = upload(b"data")
    good = wire.presigned(request("write", inputs={"data": data}))
    wire.objects.requests.clear()
    refusals = {case: wire.refusal(spoiled(case, good)) for case in CASES}
    codes = {case: refusal() for case, refusal in refusals.items()}
    assert wire.objects.requests == []
    assert {code for case, code in codes.items() if case in GRANTS} == {"grant_refused"}
    assert {code for case, code in codes.items() if case in KEYS} == {"key_refused"}
    assert {code for case, code in codes.items() if case.startswith("engine ")} <= {"engine_mismatch", "bad_request"}
    wire.objects.objects[data.key] = b"data"
    assert wire.make(good)["status"] == "COMPLETED"
    assert wire.objects.requests


@pytest.mark.parametrize("urls", [False, True], ids=["bucket", "presigned"])
def test_replayed_request_makes_nothing_and_an_altered_one_is_refused(wire: Transport, urls: bool) -> None:
    job = request("write:once")
    job = wire.presigned(job) if urls else job
    wire.make(job)
    before = snapshot(wire.objects)
    assert wire.make(job)["status"] == "COMPLETED"
    altered = job.model_copy(update={"deadline_s": job.deadline_s - 1})
    assert wire.refusal(altered)() in {"grant_refused", "job_exists"}
    assert snapshot(wire.objects) == before


def test_urls_elsewhere_are_refused_under_a_valid_grant(wire: Transport) -> None:
    job = wire.presigned(request("write"))
    other = job.outputs[OUTPUT].model_copy(update={"put_url": "http://169.254.169.254/latest"})
    wire.objects.requests.clear()
    assert wire.refusal(signed(job, outputs={OUTPUT: other}))() == "key_refused"
    assert wire.objects.requests == []


@pytest.mark.parametrize("sent", [{}, {"job_id": "x"}, [], "a text", None, {"describe": "nobody"}])
def test_what_is_no_request_is_refused(wire: Transport, sent: object) -> None:
    wire.objects.requests.clear()
    answer = wire.client.post("/run", json={"input": sent})
    if answer.status_code == 200:
        ended = wire.until(answer.json()["id"], ENDED)
        assert (ended["status"], ended["output"]["code"]) == ("FAILED", "bad_request")
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert wire.objects.requests == []


def busy(cloud: ModalCloud) -> bool:
    """Whether a container works."""
    return any(container.calls for container in cloud.containers.values())


def two_pids(marker: Path) -> list[int]:
    """The pids that a hanging engine and its child wrote."""
    wait_for(lambda: marker.exists() and marker.read_text().count("\n") == 2)
    return [int(line) for line in marker.read_text().split()]


def wait_for(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
