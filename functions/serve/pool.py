"""The door's workers: takes jobs from the queue, runs each in a warm process, and sees to it that each ends."""

import asyncio
import os
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Awaitable, Callable

from functions.contract.errors import Cancelled, ExecutionsSpent, JobError, WorkerDied
from functions.contract.job import JobProgress, JobResult
from functions.runtime.results import ended, settle
from functions.runtime.stores import Stores
from functions.serve.execution import Execution, lost_gpu
from functions.serve.processes import WorkerProcess
from functions.serve.queue import Entry, JobQueue
from functions.serve.settings import DoorSettings
from functions.serve.waiting import Place, Waiting

STARTS = 5
"""How often a worker may fail to start before the door gives up."""
START_PAUSE_S = 0.5
LASTS_S = 1.0
"""A job that runs for so long is told of while it runs."""
Ended = Callable[[Entry], Awaitable[None]]


class Pool:
    """Runs at most `settings.workers` jobs at a time. `on_last` is told of a job that lasts, `on_end` of each end."""

    def __init__(
        self, settings: DoorSettings, queue: JobQueue, on_last: Callable[[Entry], None], on_end: Ended
    ) -> None:
        self._settings, self._queue, self._on_last, self._on_end = settings, queue, on_last, on_end
        self._waiting = Waiting()
        self._running: dict[str, Execution] = {}
        self._slots: list[asyncio.Task[None]] = []
        self._storage = Stores(settings.store)
        self.retried = 0
        self.draining = False

    def start(self) -> None:
        """Start the workers, and take up what was left by an earlier process."""
        left = self._queue.live()
        work = [self._recover(left), *(self._slot() for _ in range(self._settings.workers))]
        self._slots = [asyncio.create_task(each) for each in work]
        for slot in self._slots:
            slot.add_done_callback(_crash)

    def submit(self, entry: Entry) -> None:
        """Have an accepted job run."""
        self._waiting.put(entry)

    async def cancel(self, entry: Entry) -> None:
        """Cancel a job: at once while it waits, otherwise by asking its worker and then killing it."""
        if not entry.live or entry.cancel:
            return
        await self._db(self._queue.cancel, entry)
        if (run := self._running.get(entry.id)) is not None:
            run.cancel()
        elif entry.state == "IN_QUEUE":
            await self._end(entry, ended(entry.request, Cancelled("the job was cancelled while it waited")))

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._settings.workers

    @property
    def busy(self) -> int:
        """Workers that run a job now."""
        return len(self._running)

    async def drain(self) -> None:
        """Take no new jobs; let running ones end within `drain_s`, then kill. Killed jobs stay in the queue."""
        self.draining = True
        until = asyncio.get_running_loop().time() + self._settings.drain_s
        while self._running and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Kill every worker with all that it started."""
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)

    async def _db(self, work: Callable[..., object], *args: object) -> None:
        """Keep a change. Where the disk refuses it stays in memory: `work` and the result object say the rest."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._queue.thread, work, *args)
        except sqlite3.Error as error:
            print(f"the queue could not be written: {error}", file=sys.stderr)

    async def _recover(self, left: list[Entry]) -> None:
        for entry in left:
            if entry.cancel or entry.state == "IN_PROGRESS":
                await self._died(entry, WorkerDied("the door was stopped while the job ran; submit the step again"))
            else:
                self.submit(entry)

    async def _slot(self) -> None:
        while True:
            worker = await self._start()
            place = self._waiting.join()
            try:
                while worker.alive():
                    entry = await self._next(place)
                    if not worker.alive():
                        self.submit(entry)
                        break
                    await self._run(worker, entry)
            finally:
                self._waiting.leave(place)
                await asyncio.shield(worker.end())

    async def _start(self) -> WorkerProcess:
        for _ in range(STARTS - 1):
            try:
                return await WorkerProcess.start(self._settings)
            except WorkerDied as error:
                print(error, file=sys.stderr)
                await asyncio.sleep(START_PAUSE_S)
        return await WorkerProcess.start(self._settings)

    async def _next(self, place: Place) -> Entry:
        while True:
            entry = await self._waiting.take(place)
            if entry.state == "IN_QUEUE" and not entry.cancel and not self.draining:
                return entry

    async def _run(self, worker: WorkerProcess, entry: Entry) -> None:
        def report(progress: JobProgress) -> None:
            entry.progress = progress

        run = Execution(worker, entry.request, self._settings.grace_s, report)
        self._running[entry.id] = run
        lasts = asyncio.get_running_loop().call_later(LASTS_S, self._on_last, entry)
        try:
            await self._db(self._queue.begin, entry, str(worker.pid))
            result = await run.result(cancelled=entry.cancel)
            if lost_gpu(result):
                await worker.end()
            if result is None:
                await self._died(entry, run.reason or WorkerDied(await worker.why()))
            elif result.error is not None and result.error.code == ExecutionsSpent.code:
                await self._settle(entry, ExecutionsSpent(result.error.message))
            else:
                await self._end(entry, result)
        finally:
            lasts.cancel()
            run.close()
            del self._running[entry.id]

    async def _died(self, entry: Entry, reason: JobError) -> None:
        for left in self._settings.scratch.glob(f"{entry.id}.*"):
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
        if isinstance(reason, WorkerDied) and entry.cancel:
            reason = Cancelled("the job was cancelled, and its worker died")
        if isinstance(reason, WorkerDied) and entry.executions < entry.request.executions:
            self.retried += 1
            await self._db(self._queue.again, entry)
            self.submit(entry)
        else:
            await self._settle(entry, reason)

    async def _settle(self, entry: Entry, reason: JobError) -> None:
        storage = self._storage(entry.request)
        result = await asyncio.to_thread(settle, entry.request, storage, ended(entry.request, reason))
        await self._end(entry, result)

    async def _end(self, entry: Entry, result: JobResult) -> None:
        metrics = result.metrics.model_copy(
            update={"queue_s": round(((entry.started or entry.accepted) - entry.accepted) / 1000, 3)}
        )
        await self._db(self._queue.end, entry, result.model_copy(update={"metrics": metrics}))
        await self._on_end(entry)


def _crash(slot: asyncio.Task[None]) -> None:
    """A fault of the door's own ends it at once: whoever started it starts it again, and the queue is on disk."""
    if not slot.cancelled() and (error := slot.exception()) is not None:
        traceback.print_exception(error)
        os._exit(70)
