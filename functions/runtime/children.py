"""Child processes of an engine, and the one switch that ends a job: `Stop`.

A child leads a process group of its own inside the worker's session, so that the job can end it with all that it
started, and whoever started the worker can end the whole session.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, cast

from functions.contract.errors import DiskFull, EngineError, JobError, OutOfMemory

TAIL = 2000
"""Characters of a child's stderr that an error carries."""


class Stop:
    """Ends a job once, from any thread: remembers why and kills its children."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self.reason: JobError | None = None

    def set(self, reason: JobError) -> None:
        """Stop the job for this reason; the first reason stays."""
        with self._lock:
            self.reason = self.reason or reason
            for child in self._children:
                _kill(child)

    def check(self) -> None:
        """Raise the reason, if the job was stopped."""
        if self.reason is not None:
            raise self.reason

    def adopt(self, child: subprocess.Popen[bytes]) -> None:
        """Put a child under the switch."""
        with self._lock:
            self._children.add(child)
            if self.reason is not None:
                _kill(child)

    def abandon(self) -> None:
        """Kill the children and keep the lock: this process ends now, and whoever waits for a child must not go on to
        tell of its death as the job's own failure.
        """
        self._lock.acquire()
        for child in self._children:
            _kill(child)

    def release(self, child: subprocess.Popen[bytes]) -> None:
        """Forget a child that has ended, after ending what it left behind in its group."""
        with self._lock:
            self._children.discard(child)
        _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


class JobPipe:
    """A running child fed through `stdin`. Leaving its block waits for it, or kills it on an error."""

    def __init__(self, argv: Sequence[str], stop: Stop) -> None:
        self._stop, self._program = stop, argv[0]
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the block is left)
        self._child = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._stderr, process_group=0
        )
        stop.adopt(self._child)
        self.stdin = cast(IO[bytes], self._child.stdin)

    def __enter__(self) -> "JobPipe":
        return self

    def __exit__(self, *exc: object) -> None:
        error = exc[1]
        fed = error is None or isinstance(error, BrokenPipeError)
        if not fed:
            _kill(self._child)
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        code = self._child.wait()
        self._stop.release(self._child)
        complaint = self._complaint()
        if fed:
            self._stop.check()
            _judge(self._program, code, complaint, error if isinstance(error, BrokenPipeError) else None)

    def _complaint(self) -> bytes:
        with self._stderr as file:
            file.seek(0)
            return file.read()


class JobChildren:
    """Implements `engine.Children` under one `Stop`."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None) -> bytes:
        """See `engine.Children.run`."""
        self._stop.check()
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        self._stop.adopt(child)
        try:
            out, complaint = child.communicate(stdin)
        finally:
            self._stop.release(child)
        self._stop.check()
        _judge(argv[0], child.returncode, complaint, None)
        return out

    def pipe(self, argv: Sequence[str]) -> JobPipe:
        """See `engine.Children.pipe`."""
        self._stop.check()
        return JobPipe(argv, self._stop)


def _judge(program: str, code: int, complaint: bytes, cause: BaseException | None) -> None:
    """Raise what a failed child means."""
    if code == 0 and cause is None:
        return
    text = complaint.decode("utf-8", "replace")[-TAIL:].strip()
    if "No space left on device" in text:
        raise DiskFull(f"{program} found no space left on the disk; free some and try again") from cause
    if code == -signal.SIGKILL:
        raise OutOfMemory(f"{program} was killed, as the kernel does where memory runs out; free some and try again")
    raise EngineError(f"{program} ended with {code}: {text or 'it said nothing'}") from cause
