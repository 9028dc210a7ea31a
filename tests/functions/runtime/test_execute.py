"""One job from start to end, in this process, over a store in a folder."""

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.catalog import Catalog
from functions.contract import keys
from functions.contract.errors import Cancelled, StorageError
from functions.contract.job import JobProgress, JobRequest, JobResult
from functions.runtime.children import Stop
from functions.runtime.execute import Host, execute
from functions.runtime.folder import FolderStorage
from functions.runtime.results import ended, settle
from tests.functions.runtime.conftest import MakeHost
from tests.functions.runtime.test_storage import file_size_limit
from tests.servers.door import gone
from tests.servers.engines import KEPT, OUTPUT, Echo
from tests.servers.jobs import ECHO, new_id, request, upload


def stored(store: FolderStorage, job: JobRequest) -> JobResult | None:
    """The result object."""
    data = store.get(job.reserved.result.key, 10**6)
    return None if data is None else JobResult.model_validate_json(data)


def names(store: FolderStorage, job: JobRequest) -> set[str]:
    """All objects of a job."""
    folder = store.root / keys.job_prefix(job.fingerprint, job.job_id)
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_done_job_leaves_outputs_result_and_marks(host: Host, store: FolderStorage) -> None:
    place = upload(b" world")
    store.create(place.key, b" world", "")
    job = request("write:hello", inputs={"data": place})
    result = execute(job, host)
    assert result.status == "done"
    assert result == stored(store, job)
    assert store.get(job.outputs[OUTPUT].key, 100) == b"hello world"
    assert (result.outputs[OUTPUT].size, result.outputs[OUTPUT].key) == (11, job.outputs[OUTPUT].key)
    assert result.provenance.engine_version == ECHO.version
    assert names(store, job) >= {OUTPUT, "started.json", "result.json", "work/execution-1.json"}
    assert list(host.scratch.iterdir()) == []


def test_degraded_is_told(host: Host) -> None:
    result = execute(request("degraded"), host)
    assert (result.status, result.degraded[0].code) == ("degraded", "passed_through")


def test_result_that_is_there_is_returned_and_nothing_runs(host: Host, store: FolderStorage) -> None:
    job = request("write:once", executions=3)
    first = execute(job, host)
    before = names(store, job)
    assert execute(job, host) == first
    assert names(store, job) == before


def test_executions_are_counted_and_end(host: Host, store: FolderStorage) -> None:
    job = request("write", executions=2)
    for number in (1, 2):
        store.create(f"{job.reserved.work.key}/execution-{number}.json", b"{}", "")
    result = execute(job, host)
    assert (result.status, result.error and result.error.code) == ("failed", "executions_spent")
    assert stored(store, job) is None


def test_what_an_execution_kept_is_there_for_the_next(host: Host, store: FolderStorage) -> None:
    job = request("resume:5000", executions=2, keeps={KEPT: 5000})
    with pytest.raises(SystemExit):
        execute(job, host)
    assert execute(job, host).status == "done"
    assert store.get(job.outputs[OUTPUT].key, 100) == b"resumed after 5000"
    other = request("resume:4000", executions=2, keeps={KEPT: 5000})
    with pytest.raises(SystemExit):
        execute(other, host)


@pytest.mark.parametrize(
    ("keeps", "says"), [({}, "keep nothing"), ({KEPT: 4999}, "5000 bytes"), ({"b.bin": 9000}, KEPT)]
)
def test_a_job_keeps_nothing_beyond_its_request(host: Host, keeps: dict[str, int], says: str) -> None:
    result = execute(request("resume:5000", executions=2, keeps=keeps), host)
    assert result.error is not None
    assert (result.error.code, says in result.error.message) == ("bad_request", True)


def test_output_of_another_execution_is_adopted(host: Host, store: FolderStorage) -> None:
    job = request("write:made here")
    store.create(job.outputs[OUTPUT].key, b"made there before", "")
    result = execute(job, host)
    assert (result.status, result.outputs[OUTPUT].size) == ("done", 17)
    assert result.outputs[OUTPUT].sha256 == hashlib.sha256(b"made there before").hexdigest()
    assert store.get(job.outputs[OUTPUT].key, 100) == b"made there before"


def test_late_job_is_refused_unless_it_was_started(host: Host, store: FolderStorage) -> None:
    late: dict[str, Any] = {"start_by": time.time_ns() // 10**6 - 1, "executions": 2}
    refused = request("write", **late)
    result = execute(refused, host)
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == ("too_late", True)
    assert not names(store, refused)
    begun = request("write", **late)
    store.create(begun.reserved.started.key, b"{}", "")
    assert execute(begun, host).status == "done"


@pytest.mark.parametrize(("data", "says"), [(None, "no object"), (b"other", "not the object"), (b"longer!", "larger")])
def test_missing_or_altered_input_is_refused(host: Host, store: FolderStorage, data: bytes | None, says: str) -> None:
    ref = upload(b"right")
    if data is not None:
        store.create(ref.key, data, "")
    job = request("write", inputs={"data": ref})
    result = execute(job, host)
    assert result.error is not None
    assert (result.error.code, says in result.error.message) == ("bad_input", True)
    assert stored(store, job) == result


FAILURES = {
    "fail:so it goes": ("engine_failed", "so it goes"),
    "bug:oops": ("engine_failed", "ZeroDivisionError: oops"),
    "missing": ("output_refused", "made no file"),
    "big:2000000": ("output_refused", "2000000 bytes"),
    "big:0": ("output_refused", "0 bytes"),
    "link:/etc/passwd": ("output_refused", "made no file"),
}


@pytest.mark.parametrize("trigger", FAILURES)
def test_failure_is_typed_and_leaves_a_result(trigger: str, host: Host, store: FolderStorage) -> None:
    job = request(trigger)
    result = execute(job, host)
    assert result.error is not None
    code, says = FAILURES[trigger]
    assert (result.status, result.error.code) == ("failed", code)
    assert says in result.error.message
    assert stored(store, job) == result
    assert OUTPUT not in names(store, job)
    assert list(host.scratch.iterdir()) == []


def test_engine_without_code_fails(make_host: MakeHost) -> None:
    for entry, says in (("", "no code"), ("tests.servers.nowhere:X", "could not be loaded")):
        catalog = Catalog({"echo": ECHO.model_copy(update={"entry": entry})})
        result = execute(request("write"), make_host(catalog=catalog))
        assert result.error is not None
        assert says in result.error.message


def test_engine_is_built_once(host: Host) -> None:
    execute(request("write:1"), host)
    engine = host.engines.get("echo")
    assert isinstance(engine, Echo)
    execute(request("write:2"), host)
    assert host.engines.get("echo") is engine
    assert engine.runs == 2


def test_deadline_kills_children(host: Host, store: FolderStorage, tmp_path: Path) -> None:
    job = request(f"child:{tmp_path / 'pids'}", deadline_s=1)
    result = execute(job, host)
    assert result.error is not None
    assert result.error.code == "deadline_exceeded"
    assert stored(store, job) == result
    (pid,) = map(int, (tmp_path / "pids").read_text().split())
    assert gone(pid)


def test_deadline_stops_an_engine_that_reports(host: Host) -> None:
    result = execute(request("slow:30", deadline_s=1), host)
    assert result.error is not None
    assert result.error.code == "deadline_exceeded"


def test_cancel_kills_children_and_leaves_a_result(host: Host, store: FolderStorage, tmp_path: Path) -> None:
    marker = tmp_path / "pids"
    job, stop = request(f"child:{marker}"), Stop()
    with running(job, host, stop) as results:
        until(lambda: marker.exists() and marker.read_text().endswith("\n"))
        stop.set(Cancelled("enough"))
    (result,) = results
    assert (result.status, result.error and result.error.message) == ("cancelled", "enough")
    assert stored(store, job) == result
    assert gone(int(marker.read_text()))


@contextlib.contextmanager
def running(job: JobRequest, host: Host, stop: Stop) -> Iterator[list[JobResult]]:
    """Run a job on a thread; joined at the end of the block."""
    results: list[JobResult] = []
    thread = threading.Thread(target=lambda: results.append(execute(job, host, stop=stop)))
    thread.start()
    yield results
    thread.join(30)


def until(condition: Any, seconds: float = 20) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_progress_is_told_often_and_stored_seldom(host: Host, store: FolderStorage) -> None:
    told: list[JobProgress] = []
    counting = CountingStore(store)
    job = request("slow:3")
    assert execute(job, replace(host, storage=lambda _: counting), report=told.append).status == "done"
    assert len(told) >= 10
    assert any(t.eta_s for t in told)
    assert [t.done for t in told if t.stage == "work"] == sorted(t.done for t in told if t.stage == "work")
    assert counting.puts[job.reserved.progress.key] == 1
    last = JobProgress.model_validate_json(store.get(job.reserved.progress.key, 10**5) or b"")
    assert (last.job_id, last.stage) == (job.job_id, "work")


def test_preview_is_stored(host: Host, store: FolderStorage) -> None:
    job = request("preview")
    execute(job, host)
    assert store.get(job.reserved.preview.key, 100) == b"picture"


class CountingStore:
    """A store that counts overwriting writes, and fails them on wish."""

    def __init__(self, inner: FolderStorage, *, broken: bool = False) -> None:
        self.inner, self.broken = inner, broken
        self.puts: dict[str, int] = {}
        self.get, self.fetch, self.create = inner.get, inner.fetch, inner.create

    def put(self, key: str, data: bytes | Path, content_type: str) -> None:
        self.puts[key] = self.puts.get(key, 0) + 1
        if self.broken:
            raise StorageError("no")
        self.inner.put(key, data, content_type)


def test_progress_that_cannot_be_stored_fails_nothing(host: Host, store: FolderStorage) -> None:
    broken = CountingStore(store, broken=True)
    assert execute(request("slow:2.3"), replace(host, storage=lambda _: broken)).status == "done"
    assert broken.puts


def test_output_that_another_execution_made_alike_is_kept(host: Host, store: FolderStorage) -> None:
    job = request("write:made")
    store.create(job.outputs[OUTPUT].key, b"made", "")
    assert execute(job, host).status == "done"


def test_output_of_another_execution_is_checked_before_it_is_adopted(host: Host, store: FolderStorage) -> None:
    empty, large = request("write:made"), request("write:made", max_bytes=10)
    store.create(empty.outputs[OUTPUT].key, b"", "")
    store.create(large.outputs[OUTPUT].key, b"x" * 11, "")
    codes = [result.error and result.error.code for result in (execute(empty, host), execute(large, host))]
    assert codes == ["output_refused", "bad_input"]


def test_full_disk_is_told(host: Host, store: FolderStorage) -> None:
    job = request("big:900000")
    with file_size_limit(500_000):
        result = execute(job, host)
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == ("disk_full", True)
    assert stored(store, job) == result


def test_store_that_is_gone_is_a_retryable_failure(host: Host, store: FolderStorage) -> None:
    store.root.rename(store.root.with_name("moved"))
    result = execute(request("write"), host)
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == ("storage_failed", True)


@pytest.mark.parametrize("there", [b"no json", b"{}", None])
def test_foreign_result_object_is_not_believed(there: bytes | None, host: Host, store: FolderStorage) -> None:
    job = request("write")
    foreign = JobResult(job_id=new_id(), fingerprint=job.fingerprint, status="done").model_dump_json().encode()
    store.create(job.reserved.result.key, there or foreign, "")
    result = execute(job, host)
    assert result.error is not None
    assert result.error.code == "storage_failed"


def test_first_result_counts(host: Host, store: FolderStorage) -> None:
    job = request("write")
    done = execute(job, host)
    assert settle(job, store, ended(job, Cancelled("too late"))) == done


def test_unknown_fields_of_results_are_kept(store: FolderStorage) -> None:
    job = request("write")
    result = {"job_id": job.job_id, "fingerprint": job.fingerprint, "status": "done", "novel": [1]}
    store.create(job.reserved.result.key, json.dumps(result).encode(), "")
    again = settle(job, store, ended(job, Cancelled("x")))
    assert again.model_dump()["novel"] == [1]


def test_noise_on_standard_output_is_not_an_answer(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    assert execute(request("noisy:x"), host).status == "done"
    assert "forged" in capfd.readouterr().out
