"""One worker process of the door, and how to end it with everything it started."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from functions.serve.settings import DoorSettings

LINE_LIMIT = 16_000_000
"""Bytes of the longest line a worker may send."""


class WorkerProcess:
    """A running `functions.serve.worker` in a session of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stdin = cast(asyncio.StreamWriter, process.stdin)
        self._stdout = cast(asyncio.StreamReader, process.stdout)

    @classmethod
    async def start(cls, settings: DoorSettings) -> "WorkerProcess":
        """Start a worker and hand it its settings."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "functions.serve.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE_LIMIT,
        )
        worker = cls(process)
        worker.tell(json.loads(settings.model_dump_json()))
        return worker

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


def kill_session(session: int) -> None:
    """SIGKILL to every process of a session, again until none is found (they may fork meanwhile)."""
    for _ in range(10):
        found = [pid for pid in _processes() if _session_of(pid) == session]
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _session_of(pid: int) -> int | None:
    """The session of a process, None for one that ended (zombies count as ended)."""
    try:
        state, _, _, session = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[:4]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(session)
