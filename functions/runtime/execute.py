"""One job from start to end.

    parse and verify (no storage touched) -> a result that is there already? -> started -> count the execution
    -> fetch inputs -> engine, under one deadline -> check and measure -> put outputs -> put result -> report

`execute` never raises a `JobError`: whatever goes wrong becomes a `JobResult`. The result object is written before
anything is reported, except where the request was refused, the execution was one too many, or storage is gone.
"""

import contextlib
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from functions.contract.errors import (
    DeadlineExceeded,
    EngineError,
    GpuBroken,
    InputError,
    JobError,
    OutOfMemory,
    StorageError,
)
from functions.contract.job import (
    JobProgress,
    JobRequest,
    JobResult,
    Metrics,
    OutputFact,
    Provenance,
)
from functions.contract.manifest import EngineManifest
from functions.media.checks import check_outputs
from functions.runtime.begin import begin
from functions.runtime.call import Call
from functions.runtime.children import Stop
from functions.runtime.context import ProgressLog, Report, RunningJob, input_path
from functions.runtime.engine import Outcome
from functions.runtime.engines import Engines
from functions.runtime.gpu import lost
from functions.runtime.results import ended, found, settle
from functions.runtime.storage import Digest, Storage, disk_error, file_digest
from functions.runtime.verify import Trust, check

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of `ru_maxrss`."""


@dataclass(frozen=True)
class Host:
    """What a worker process holds for its life. `now_ms` is milliseconds since the epoch.

    `discard` removes the folder of an execution; it may put that off until the result is told. `cache` is a folder that
    engines keep what they made ready in, between jobs and processes; it is made with mode 0700 where it is missing.
    """

    trust: Trust
    engines: Engines
    storage: Callable[[JobRequest], Storage]
    scratch: Path
    now_ms: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    discard: Callable[[Path], None] = field(default=lambda folder: shutil.rmtree(folder, ignore_errors=True))
    worker: str = ""
    cache: Path | None = None


def execute(
    request: JobRequest,
    host: Host,
    *,
    stop: Stop | None = None,
    report: Report | None = None,
    call: Call | None = None,
) -> JobResult:
    """Run one execution of a job to its result. `stop` ends it from another thread."""
    execution = _Execution(request, host, stop or Stop(), report or _ignore, call or Call())
    try:
        with typed_errors(execution.stop):
            return execution.run()
    except JobError as error:
        failed = ended(request, error, execution.metrics()).model_copy(update={"execution": execution.number})
        return settle(request, host.storage(request), failed) if execution.number else failed


class _Execution:
    def __init__(self, request: JobRequest, host: Host, stop: Stop, report: Report, call: Call) -> None:
        self.request, self.host, self.stop, self.report, self.call = request, host, stop, report, call
        self.since = time.monotonic()
        self.number = 0
        """Which execution this is, 0 until it counts: from then on the job has a result, whatever happens."""
        self.adopted = False
        """Whether an output is another execution's, because it was there first and is not the same."""
        self.seconds = {"load": 0.0, "compute": 0.0, "encode": 0.0}
        self.peak_vram: int | None = None

    def run(self) -> JobResult:
        request, host = self.request, self.host
        manifest = check(request, host.trust, now_ms=host.now_ms())
        storage = host.storage(request)
        if (earlier := found(request, storage)) is not None:
            return earlier
        self.number = self.call.number or begin(request, storage, self.call, now=host.now_ms(), worker=host.worker)
        with deadline(self.stop, request.deadline_s), workspace(host, request.job_id) as folder:
            result = self.make(manifest, storage, folder)
        return settle(request, storage, result)

    def make(self, manifest: EngineManifest, storage: Storage, folder: Path) -> JobResult:
        for part in ("inputs", "outputs", "scratch"):
            (folder / part).mkdir()
        fetch_inputs(self.request, storage, folder, self.stop)
        log = ProgressLog(self.request, storage, self.report, folder / "scratch")
        try:
            job = RunningJob(self.request, manifest, folder, self.stop, log, storage, self.host.cache)
            outcome = self.engine(job, manifest)
            job.progress("check")
            limits = {name: ref.max_bytes for name, ref in self.request.outputs.items()}
            facts, notes = check_outputs(job, outcome, limits)
            outputs = {name: self.put(storage, name, job.output(name)) for name in self.request.outputs}
            if self.adopted:
                facts, notes = check_outputs(job, outcome, limits)
        finally:
            log.close()
        made = {
            n: OutputFact(key=self.request.outputs[n].key, sha256=d.sha256, size=d.size, media=facts[n])
            for n, d in outputs.items()
        }
        result = JobResult(
            job_id=self.request.job_id,
            attempt=self.request.attempt,
            fingerprint=self.request.fingerprint,
            status="degraded" if outcome.degraded else "done",
            outputs=made,
            degraded=tuple(outcome.degraded),
            notes=(*outcome.notes, *notes),
            metrics=self.metrics(sum(f.frames or 0 for f in facts.values()) or None),
            provenance=_provenance(outcome.provenance, manifest),
            execution=self.number,
        )
        # What an engine says may hold numbers that JSON has not.
        return JobResult.model_validate_json(result.model_dump_json())

    def engine(self, job: RunningJob, manifest: EngineManifest) -> Outcome:
        """Load and run the engine; whatever it raises becomes a `JobError`."""
        begun = time.monotonic()
        engine, loaded = self.host.engines.get(manifest.name), time.monotonic()
        outcome = engine.run(job)
        self.stop.check()
        compute = time.monotonic() - loaded - outcome.load_s - outcome.encode_s
        self.seconds = {"load": loaded - begun + outcome.load_s, "compute": compute, "encode": outcome.encode_s}
        self.peak_vram = outcome.peak_vram_bytes
        return outcome

    def put(self, storage: Storage, name: str, path: Path) -> Digest:
        """Create one output. Where another execution has done so, take what is there: `path` holds it afterwards."""
        ref = self.request.outputs[name]
        self.stop.check()
        made = file_digest(path)
        if storage.create(ref.key, path, ref.content_type):
            return made
        other = path.with_name(f"{name}.there")
        there = storage.fetch(ref.key, other, ref.max_bytes)
        if there is None:
            raise StorageError(f"{ref.key} came and went")
        if there != made:
            other.replace(path)
            self.adopted = True
        return there

    def metrics(self, frames: int | None = None) -> Metrics:
        """Seconds and memory so far."""
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        total_s = round(time.monotonic() - self.since, 3)
        call_s = round((self.host.now_ms() - self.call.since) / 1000, 3) if self.call.since else 0.0
        return Metrics(
            load_s=round(self.seconds["load"], 3),
            compute_s=round(self.seconds["compute"], 3),
            encode_s=round(self.seconds["encode"], 3),
            total_s=total_s,
            call_s=max(total_s, call_s),
            peak_vram_bytes=self.peak_vram,
            peak_rss_bytes=peak * RSS_UNIT,
            frames=frames,
        )


def fetch_inputs(request: JobRequest, storage: Storage, folder: Path, stop: Stop) -> None:
    """Fetch every input and compare digest and size. Raises `InputError`."""
    for name, ref in request.inputs.items():
        stop.check()
        got = storage.fetch(ref.key, input_path(folder, name, ref.key), ref.size)
        if got is None:
            raise InputError(f"input {name}: there is no object {ref.key}")
        if got != Digest(ref.sha256, ref.size):
            raise InputError(f"input {name}: {ref.key} is not the object that the request names")


@contextlib.contextmanager
def deadline(stop: Stop, seconds: float) -> Iterator[None]:
    """Stop the job after this many seconds."""
    timer = threading.Timer(seconds, stop.set, [DeadlineExceeded(f"the job ran past its {seconds} s")])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def workspace(host: Host, job_id: str) -> Iterator[Path]:
    """A folder for one execution, discarded afterwards. Raises `StorageError`."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{job_id}.", dir=host.scratch))
    except OSError as error:
        raise disk_error(error, f"a folder in {host.scratch}") from error
    try:
        yield folder
    finally:
        host.discard(folder)


@contextlib.contextmanager
def typed_errors(stop: Stop) -> Iterator[None]:
    """The edge of the runtime: every exception becomes a `JobError`, the reason of the stop where there is one."""
    try:
        yield
    except JobError:
        stop.check()
        raise
    except MemoryError as error:
        raise OutOfMemory("the engine ran out of memory") from error
    except OSError as error:
        stop.check()
        raise _os_error(error) from error
    except Exception as error:
        stop.check()
        traceback.print_exc(file=sys.stderr)
        if lost(error):
            raise GpuBroken(f"the GPU failed under the engine: {error}; submit the step again") from error
        raise EngineError(f"{type(error).__name__}: {error} (the door's log has the traceback)") from error


def _os_error(error: OSError) -> JobError:
    failed = disk_error(error, error.filename or "a scratch file")
    return failed if failed.code == "disk_full" else EngineError(str(error))


def _provenance(told: Provenance, manifest: EngineManifest) -> Provenance:
    image = told.image or os.environ.get("VIVIJURE_IMAGE")
    return told.model_copy(update={"engine_version": manifest.version, "image": image})


def _ignore(progress: JobProgress) -> None:
    del progress
