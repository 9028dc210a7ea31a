"""The built-in CPU door: a child process on loopback, started with the Studio and ended with it.

Of several Studio processes over one data folder one hosts the door and the others are its guests; when the host
goes, however it goes, a guest takes over. The child ends when its standard input closes, so it never outlives its
host, and takes up its queue when it is started again: jobs are not lost.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from control.doors.client import Address, DoorClient
from control.doors.registry import Door
from control.errors import DoorError, DoorUnreachable
from control.render.outcome import Terms

DOOR_ID = "builtin"
READY_S = 60.0
"""How long a door may take until it listens."""
START_TRIES = 3
"""How often the first start is tried."""
STOP_S = 10.0
RESTART_S = (0.2, 5.0)
"""First and longest wait before a door that ended is started again."""
GUEST_S = 0.25
"""How often a guest tries to become the host."""
POLL_MS = (2000, 4000)
"""First and longest time between two looks at a job: its door rings when it ends, this is for progress."""
EXECUTIONS = 3
"""How often a job is run until it counts as failed, where the door or its worker dies under it."""


class BuiltinDoor:
    """`async with` it, or `start` it when it is needed and `stop` it: the first request starts it too.

    `store` is the object store's folder (None: jobs bring signed URLs), `keys` the Studio's public keys in hex, `extra`
    are further arguments of the door's command line.
    """

    def __init__(
        self,
        folder: Path,
        store: Path | None,
        keys: Sequence[str],
        *,
        workers: int,
        engines: Sequence[str],
        extra: Sequence[str] = (),
    ) -> None:
        self.folder, self.store, self.keys = folder, store, tuple(keys)
        self.workers, self.engines, self.extra = workers, tuple(engines), tuple(extra)
        self._address: Address | None = None
        self._ready: asyncio.Future[None] = asyncio.Future()
        self._log = folder / "door.log"
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopped = False
        self.on_ring: Callable[[str], None] | None = None
        """Told of each job that something happened to, while this process hosts the door."""
        self.client: DoorClient = _Client(self)
        self.door = Door(
            id=DOOR_ID,
            kind="builtin",
            engines=frozenset(engines),
            concurrency=workers,
            ahead=workers,
            executions=EXECUTIONS,
            network="loopback",
            shares_folder=store is not None,
            rerun_lost=True,
            poll_ms=POLL_MS,
            terms=Terms(start_allowance_s=6 * 3600, repeatable=True),
        )

    async def __aenter__(self) -> "BuiltinDoor":
        self.start()
        try:
            await self.ready()
        except DoorError:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to start it, once; after `stop` never again."""
        if self._keeper is None and not self._stopped:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._keeper = asyncio.create_task(self._keep())

    async def ready(self) -> None:
        """Wait until it listens. Raises `DoorError` where it does not start."""
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), READY_S)
        except TimeoutError:
            raise DoorError(f"the built-in door did not start within {READY_S:g} s; {self._log} may say why") from None

    def check(self) -> None:
        """Raises `DoorError` where it was started and does not start."""
        if self._ready.done():
            self._ready.result()

    async def stop(self) -> None:
        """End the door and everything it runs."""
        self._stopped = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self.client.close()

    @property
    def address(self) -> Address | None:
        """Where it listens, None while it is starting."""
        return self._address

    async def reach(self) -> None:
        """Start it where nobody has, and wait for the first start. Raises `DoorUnreachable`."""
        self.start()
        if self._keeper is None or self._keeper.done():
            raise DoorUnreachable("the built-in door has been stopped")
        try:
            await self.ready()
        except DoorError as error:
            raise DoorUnreachable(error.detail) from error

    @property
    def pid(self) -> int | None:
        """The child's process id, None where another process hosts the door or it is starting."""
        return None if self._process is None else self._process.pid

    async def _keep(self) -> None:
        with (self.folder / "host.lock").open("a") as lock:
            await self._become_host(lock)
            failures = 0
            while True:
                failures = 0 if await self._run_child() else failures + 1
                if failures >= START_TRIES and not self._ready.done():
                    self._ready.set_exception(DoorError(f"the built-in door does not start; {self._log} says why"))
                await asyncio.sleep(min(RESTART_S[0] * 2**failures, RESTART_S[1]))

    async def _become_host(self, lock: IO[str]) -> None:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._address = None
                return
            except BlockingIOError:
                self._visit()
            await asyncio.sleep(GUEST_S)

    def _visit(self) -> None:
        """As a guest, use the door of the host."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            found = json.loads((self.folder / "address.json").read_text("utf-8"))
            self._address = Address(found["url"], found["token"])
            self._is_ready()

    async def _run_child(self) -> bool:
        """Run one child to its end. Whether it came to listen."""
        self._evict()
        token = secrets.token_urlsafe(32)
        _write_private(self.folder / "token", token)
        _write_private(self.folder / "keys", "\n".join(self.keys))
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        self._process = process
        _write_private(self.folder / "pid", str(process.pid))
        try:
            return await self._attend(process, token)
        finally:
            self._address = self._process = None
            await _end(process)

    def _evict(self) -> None:
        """End a door that an earlier host left behind: only the host may have one here, and its queue is on disk."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / "pid").read_text("ascii"))
            argv = (Path("/proc") / str(pid) / "cmdline").read_bytes().split(b"\0")
            if b"functions.serve.door" in argv and os.fsencode(self.folder) in argv:
                os.kill(pid, signal.SIGKILL)

    async def _attend(self, process: asyncio.subprocess.Process, token: str) -> bool:
        line = await process.stdout.readline() if process.stdout is not None else b""
        if not line:
            return False
        url = json.loads(line)["url"]
        self._address = Address(url, token)
        _write_private(self.folder / "address.json", json.dumps({"url": url, "token": token}))
        self._is_ready()
        await self._listen(process)
        await process.wait()
        return True

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Pass on what it says of jobs, until it ends."""
        while process.stdout is not None and (line := await process.stdout.readline()):
            with contextlib.suppress(ValueError, KeyError):
                job: str = json.loads(line)["job"]
                if self.on_ring is not None:
                    self.on_ring(job)

    def _is_ready(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "functions.serve.door", "--tied", "--door", DOOR_ID, "--port", "0"),
            *("--data", str(self.folder), "--workers", str(self.workers)),
            *(("--store", str(self.store)) if self.store is not None else ()),
            *("--token-file", str(self.folder / "token"), "--keys-file", str(self.folder / "keys")),
            *(("--engines", ",".join(self.engines)) if self.engines else ()),
            *self.extra,
        ]


class _Client(DoorClient):
    """Has its door started by the first request."""

    def __init__(self, door: BuiltinDoor) -> None:
        super().__init__(lambda: door.address, "loopback")
        self._door = door

    async def _prepare(self) -> None:
        await self._door.reach()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the child's standard input, by which it ends; kill it where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    scratch.replace(path)
