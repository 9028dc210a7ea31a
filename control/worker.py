"""The process beside a Studio that advances its renders, so that who is asked a question need not wait for what is
planned and booked: started, watched, rung and ended by the Studio.

Between the two there is a pipe and nothing else. A line on it says that there is news, or of which job; the database
alone says what is so, and a line that is lost costs a moment. When the pipe closes, the process ends.
"""

import asyncio
import contextlib
import os
import sys

from control.errors import StudioError
from control.settings import PREFIX, Settings

READY = b"ready\n"
"""What the process prints when it advances renders."""
READY_S = 120.0
"""How long it may take for that: its built-in door must listen first."""
START_TRIES = 3
"""How often the first start is tried."""
STOP_S = 20.0
RESTART_S = (0.2, 5.0)
"""First and longest wait before a process that ended is started again."""


class Worker:
    """`async with` it: once the block begins, renders are advanced. Raises `StudioError` where it does not start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[None] = asyncio.Future()
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Worker":
        self._keeper = asyncio.create_task(self._keep())
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), READY_S)
        except TimeoutError:
            await self.stop()
            raise StudioError(f"the process that advances renders was not ready within {READY_S:g} s") from None
        except StudioError:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """Its process id, None while there is none."""
        return None if self._process is None else self._process.pid

    def wake(self) -> None:
        """Something changed: look soon."""
        self._say(b"\n")

    def ring(self, job_id: str) -> None:
        """Something happened to this job."""
        self._say(job_id.encode() + b"\n")

    async def stop(self) -> None:
        """End it; what runs behind doors goes on there."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def _say(self, line: bytes) -> None:
        """Where it has not read what was said before, one more line would tell it nothing new."""
        pipe = None if self._process is None else self._process.stdin
        if pipe is not None and not pipe.is_closing() and not pipe.transport.get_write_buffer_size():
            pipe.write(line)

    async def _keep(self) -> None:
        failures = 0
        while True:
            failures = 0 if await self._run() else failures + 1
            if failures >= START_TRIES and not self._ready.done():
                self._ready.set_exception(StudioError("the process that advances renders does not start; see above"))
            await asyncio.sleep(min(RESTART_S[0] * 2**failures, RESTART_S[1]))

    async def _run(self) -> bool:
        """Run one process to its end. Whether it came to advance renders."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "control.cli", "worker", "--tied"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment(self._settings),
        )
        try:
            if process.stdout is None or await process.stdout.readline() != READY:
                await process.wait()
                return False
            self._process = process
            if not self._ready.done():
                self._ready.set_result(None)
            self.wake()  # what changed meanwhile was said to nobody
            await process.wait()
            return True
        finally:
            self._process = None
            await _end(process)


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings."""
    own = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return own | settings.environ()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close its standard input, by which it ends; kill it where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
