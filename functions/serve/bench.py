"""Warm processes that run the jobs which a provider hands to this worker. The provider keeps the queue, so unlike a
door's own pool a bench remembers nothing, and never takes itself for the only one that runs a job.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from functions.contract.errors import Cancelled, ContractError, ExecutionsSpent, JobError, WorkerDied
from functions.contract.job import JobProgress, JobRequest, JobResult, Metrics
from functions.runtime.begin import begin
from functions.runtime.call import Call
from functions.runtime.results import ended, found, settle
from functions.runtime.stores import Stores
from functions.runtime.verify import Trust, check
from functions.serve.bell import ring
from functions.serve.execution import Execution, lost_gpu
from functions.serve.processes import WorkerProcess
from functions.serve.settings import DoorSettings

Report = Callable[[JobProgress], None]


@dataclass
class _Job:
    request: JobRequest
    call: Call
    report: Report
    cancelled: bool = False
    running: Execution | None = None

    def cancel(self) -> None:
        self.cancelled = True
        if self.running is not None:
            self.running.cancel()


class Left(Exception):
    """The bench was closed while the job ran or waited: it has no result, and may run again elsewhere."""


class Bench:
    """Runs at most `settings.workers` jobs at a time, each in a process that keeps its engines."""

    def __init__(self, settings: DoorSettings, trust: Trust) -> None:
        self._settings, self._trust = settings, trust
        self._storage = Stores(settings.store)
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._places = asyncio.Semaphore(settings.workers)
        self._warming: asyncio.Task[WorkerProcess] | None = None
        self._left = False

    async def warm(self) -> None:
        """Have one process ready, so that the first job finds its engine loaded; a job that comes meanwhile waits for
        it, and does not load the engine a second time.
        """
        self._warming = asyncio.create_task(self._start())
        with contextlib.suppress(WorkerDied, Left):
            worker = await asyncio.shield(self._warming)
            if self._warming is not None:
                self._warming = None
                self._idle.append(worker)

    async def run(self, request: JobRequest, *, handle: str | None = None, report: Report | None = None) -> JobResult:
        """Run a job to its result. A request that must not run is refused before any storage is touched.

        Where the caller is cancelled the job is, and has ended, with a result, before `CancelledError` is raised
        again. Raises `Left` where the bench is closed, `ExecutionsSpent` where the job may not run once more: it may
        be running elsewhere at this moment, so then nothing is written.
        """
        begun = time.time_ns() // 1_000_000
        try:
            await asyncio.to_thread(check, request, self._trust, now_ms=begun)
        except ContractError as error:
            return ended(request, error)
        job = _Job(request, Call(handle, secrets.token_hex(8), begun), report or _ignore)
        work = asyncio.create_task(self._run(job))
        try:
            result = await asyncio.shield(work)
        except asyncio.CancelledError:
            job.cancel()
            await _outlast(work)
            raise
        await ring(request.callback, request.job_id, result.status)
        return result

    async def close(self) -> None:
        """Kill every process with all that it started; their jobs get no result."""
        self._left = True
        await asyncio.gather(*(worker.end() for worker in self._all))

    async def _run(self, job: _Job) -> JobResult:
        left = job.request.executions
        async with self._places:
            while True:
                left -= 1
                done = await self._once(job)
                if isinstance(done, JobResult):
                    return done
                if isinstance(done, WorkerDied) and job.cancelled:
                    done = Cancelled("the job was cancelled, and its worker died")
                if not left or not isinstance(done, WorkerDied):
                    return await self._settle(job, done)

    async def _once(self, job: _Job) -> JobResult | JobError:
        """One execution: its result, or what ended it without. It is counted before a process loads its engine."""
        begun = await asyncio.to_thread(self._begin, job)
        if isinstance(begun, JobResult):
            return begun
        worker = await self._take()
        job.running = Execution(worker, job.request, self._settings.grace_s, job.report)
        try:
            result = await job.running.result(call=begun, cancelled=job.cancelled)
            if self._left:
                raise Left
            if result is None:
                return job.running.reason or WorkerDied(await worker.why())
            if lost_gpu(result):
                await worker.end()
            return result
        finally:
            job.running.close()
            job.running = None
            await self._give(worker, job.request)

    def _begin(self, job: _Job) -> Call | JobResult:
        """The execution with its number; or the result that there is already, or why it may not begin. Raises
        `ExecutionsSpent`.
        """
        request, worker = job.request, f"{self._settings.host or self._settings.door}/{os.getpid()}"
        try:
            storage = self._storage(request)
            if (earlier := found(request, storage)) is not None:
                return earlier
            number = begin(request, storage, job.call, now=time.time_ns() // 1_000_000, worker=worker)
        except ExecutionsSpent:
            raise
        except JobError as error:
            return ended(request, error)
        return replace(job.call, number=number)

    async def _settle(self, job: _Job, reason: JobError) -> JobResult:
        took_s = round(time.time_ns() / 1e9 - job.call.since / 1000, 3)
        failed = ended(job.request, reason, Metrics(total_s=max(0.0, took_s), call_s=max(0.0, took_s)))
        return await asyncio.to_thread(settle, job.request, self._storage(job.request), failed)

    async def _take(self) -> WorkerProcess:
        if self._warming is not None:
            warming, self._warming = self._warming, None
            with contextlib.suppress(WorkerDied):
                return await warming
        while self._idle:
            if (worker := self._idle.pop()).alive():
                return worker
        return await self._start()

    async def _start(self) -> WorkerProcess:
        if self._left:
            raise Left
        try:
            worker = await WorkerProcess.start(self._settings)
        except WorkerDied as error:
            print(error, file=sys.stderr)
            raise
        self._all.add(worker)
        return worker

    async def _give(self, worker: WorkerProcess, request: JobRequest) -> None:
        """Keep the process for the next job where it can take one, and clear away what a dead one left."""
        if worker.alive() and not self._left:
            self._idle.append(worker)
            return
        await asyncio.shield(worker.end())
        self._all.discard(worker)
        for left in self._settings.scratch.glob(f"{request.job_id}.*"):
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)


async def _outlast(work: "asyncio.Task[JobResult]") -> None:
    """Wait for the end of a task, however often this one is cancelled meanwhile."""
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([work])
    if not work.cancelled():
        work.exception()


def _ignore(progress: JobProgress) -> None:
    del progress
