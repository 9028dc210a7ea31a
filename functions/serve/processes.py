"""One worker process of the door, and how to end it with everything it started."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

from functions.contract.errors import WorkerDied
from functions.serve.session import kill_session
from functions.serve.settings import DoorSettings

LINE_LIMIT = 16_000_000
"""Bytes of the longest line a worker may send."""


POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""How the libraries that engines use are told their number of threads."""


def threads(workers: int) -> dict[str, str]:
    """Each worker's share of the processor's cores, so that together they do not fight over them."""
    return dict.fromkeys(POOLS, str(max(1, (os.cpu_count() or 1) // workers)))


class WorkerProcess:
    """A running `functions.serve.worker` in a session of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stdin = cast(asyncio.StreamWriter, process.stdin)
        self._stdout = cast(asyncio.StreamReader, process.stdout)

    @classmethod
    async def start(cls, settings: DoorSettings) -> "WorkerProcess":
        """Start a worker and wait until it can take a job. Raises `WorkerDied`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "functions.serve.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE_LIMIT,
            env={**threads(settings.workers), **os.environ},
        )
        worker = cls(process)
        worker.tell(json.loads(settings.model_dump_json()))
        try:
            async for answer in worker.answers():
                if "ready" in answer:
                    return worker
        except asyncio.CancelledError:
            worker.kill()
            raise
        raise WorkerDied(f"a worker ended with {await worker.end()} before it could take a job")

    @property
    def pid(self) -> int:
        """Process, group and session id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it can take a job."""
        return self._process.returncode is None

    def tell(self, message: dict[str, Any]) -> None:
        """Send one line; a worker that is gone is noticed by its answers ending."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._stdin.write(json.dumps(message).encode() + b"\n")

    async def answers(self) -> AsyncIterator[dict[str, Any]]:
        """What it says, until it ends."""
        while line := await self._stdout.readline():
            with contextlib.suppress(json.JSONDecodeError):
                yield json.loads(line)

    def kill(self) -> None:
        """End its whole session at once."""
        kill_session(self.pid)

    async def end(self) -> int:
        """Kill what is left and return how the process ended (negative: by that signal)."""
        self.kill()
        code = await self._process.wait()
        self.kill()
        return code

    async def why(self) -> str:
        """End it, and say how it ended."""
        code = await self.end()
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return f"the process that ran the job ended {how}; submit the step again"
