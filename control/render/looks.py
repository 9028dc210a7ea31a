"""The looks that are being taken at jobs: one at a time at each, begun when it is due, or when something rang."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from control.errors import DatabaseError, NotFound, StudioError
from control.render.advance import LIVE
from control.render.attend import Look, Tools, interval, post_ms
from control.render.rows import JobRow

WATCH_S = 0.25
"""How often a folder is looked at for results of running jobs; a door that this Studio hosts rings sooner."""
RETIRED_MS = 60_000
"""A job whose door is not there is looked at this often."""
log = logging.getLogger("vivijure.runner")


class Looks:
    """`ended` is told of every job that ended in a look of ours; `wake` is called where a door has closed or opened."""

    def __init__(self, tools: Tools, ended: Callable[[JobRow], None], wake: Callable[[], None]) -> None:
        self._tools, self._ended, self._wake = tools, ended, wake
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._rung: set[asyncio.Task[None]] = set()
        self._watched: dict[str, Path] = {}

    async def begin(self, due: Sequence[JobRow], now: int) -> None:
        """Take the looks that are due, but those that another runner takes."""
        ours = await self._tools.ledger.hold({job.id: (job.next_poll_at, self._until(job, now)) for job in due})
        for job in due:
            if job.id in ours and self._tools.doors.knows(job.door):
                self.take(job, rung=job.next_poll_at == 0)

    def _until(self, job: JobRow, now: int) -> int:
        """When the look after this one is due, where this one says nothing else."""
        try:
            door = self._tools.doors.door(job.door)
        except NotFound as error:
            log.warning("job %s: %s", job.id, error)
            return now + RETIRED_MS
        return now + (post_ms(door) if job.state == "intent" else interval(job, door, now, self._tools.rng))

    def take(self, job: JobRow, *, rung: bool = False) -> None:
        """Look now; a look put off is taken up when it is due again."""
        if job.id not in self._tasks:
            self._tasks[job.id] = asyncio.create_task(self._guarded(job, rung))

    def ring(self, job_id: str) -> None:
        """A door in our own folder says that something happened to this job."""
        task = asyncio.create_task(self._look_at(job_id))
        self._rung.add(task)
        task.add_done_callback(self._rung.discard)

    async def settle(self, *, cancel: bool = False) -> None:
        """Wait for every look that is being taken."""
        tasks = [*self._rung, *self._tasks.values()]
        for task in tasks:
            if cancel:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def watch(self) -> None:
        """A doorbell without a door: in a folder, a result is seen as soon as it lies there."""
        while True:
            for job_id, path in list(self._watched.items()):
                if job_id not in self._tasks and path.exists():
                    await self._look_at(job_id)
            await asyncio.sleep(WATCH_S)

    async def _guarded(self, job: JobRow, rung: bool) -> None:
        try:
            look = Look(self._tools, job, rung=rung)
            if await look.take():
                self._watched.pop(job.id, None)
                self._ended(job)
            elif (folder := self._tools.store.folder) is not None and look.door.shares_folder:
                self._watched[job.id] = folder / look.request.reserved.result.key
            if look.guard.breaker != look.guard.saved:
                self._wake()
        except StudioError as error:
            log.warning("job %s: %s", job.id, error)
        except Exception:
            log.exception("job %s", job.id)
        finally:
            del self._tasks[job.id]

    async def _look_at(self, job_id: str) -> None:
        with contextlib.suppress(DatabaseError):  # the next look of the usual kind finds it
            job = await self._tools.ledger.job(job_id)
            if job is None or job.state not in LIVE or job.handle is None:
                self._watched.pop(job_id, None)
            else:
                self.take(job, rung=True)
