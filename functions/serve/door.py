"""A door on this machine: `python -m functions.serve.door --data DIR --token-file F --keys-file F --door ID ...`.

Prints one JSON line, `{"url", "instance", "pid"}`, when it listens. SIGTERM or SIGINT drains, a second one ends at
once; with `--tied` the door also ends when its standard input closes, so that it cannot outlive who started it, and
prints `{"job": id}` when a job has ended, or has run for a second: whoever started it need not ask so often.
"""

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import httpx2
import uvicorn

from functions.runtime.verify import Trust
from functions.serve.api import DoorApi
from functions.serve.pool import Pool
from functions.serve.queue import Entry, JobQueue
from functions.serve.settings import DoorSettings

LOCK_WAIT_S = 10.0
"""How long to wait for an earlier door on the same data folder to go."""
BELL_TIMEOUT_S = 2.0
KEEP_ALIVE_S = 120
"""Longer than clients keep idle connections, so that none is closed under a request."""


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class DoorServer(uvicorn.Server):
    """Drains the pool before it closes; status is answered meanwhile."""

    def __init__(self, config: uvicorn.Config, pool: Pool) -> None:
        super().__init__(config)
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._leaving: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain. Second: end now."""
        del sig, frame
        self._loop.call_soon_threadsafe(self.leave)

    def leave(self) -> None:
        """Drain, then close; at once where it drains already."""
        if self._leaving is None:
            self._leaving = self._loop.create_task(self._drain())
        else:
            self.should_exit = True

    async def _drain(self) -> None:
        await self._pool.drain()
        self.should_exit = True


class Bell:
    """Rings the Studio's doorbell when a job has ended; nobody waits for it and nothing depends on it.

    `tied`: who started the door reads its standard output, where it hears of every job.
    """

    def __init__(self, *, tied: bool) -> None:
        self._client = httpx2.AsyncClient(timeout=BELL_TIMEOUT_S, follow_redirects=False)
        self._ringing: set[asyncio.Task[None]] = set()
        self._tied = tied

    def tell(self, entry: Entry) -> None:
        """Say to who started the door that something happened to this job; where the pipe is full, it goes unsaid."""
        if self._tied:
            with contextlib.suppress(OSError):
                os.write(sys.stdout.fileno(), json.dumps({"job": entry.id}).encode() + b"\n")

    async def ended(self, entry: Entry) -> None:
        """Tell of it, and ring for this job if its (signed) request names a callback."""
        self.tell(entry)
        if entry.request.callback is not None:
            task = asyncio.create_task(self._ring(entry.request.callback, entry))
            self._ringing.add(task)
            task.add_done_callback(self._ringing.discard)

    async def _ring(self, url: str, entry: Entry) -> None:
        with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL):
            await self._client.post(url, json={"id": entry.id, "status": entry.state})


async def serve(settings: DoorSettings, trust: Trust, token: str, listener: socket.socket, *, tied: bool) -> None:
    """Serve until told to stop."""
    queue, bell = JobQueue(settings.data / "queue.sqlite", now_ms), Bell(tied=tied)
    pool = Pool(settings, queue, bell.tell, bell.ended)
    app = DoorApi(queue, pool, trust, token, now_ms).app()
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,
    )
    server = DoorServer(config, pool)
    pool.start()
    if tied:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _watch, server)
    try:
        print(_hello(listener, queue.instance), flush=True)
        os.set_blocking(sys.stdout.fileno(), not tied)
        await server.serve(sockets=[listener])
    finally:
        await pool.close()
        queue.close()


def _hello(listener: socket.socket, instance: str) -> str:
    """The line that tells the starter where the door listens."""
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return json.dumps({"url": url, "instance": instance, "pid": os.getpid()})


def _watch(server: DoorServer) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        server.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Its protocol is named because asyncio turns Nagle's delay (40 ms) off only where it is."""
    (family, kind, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(128)
    return listener


@contextlib.contextmanager
def only_door(data: Path) -> Iterator[None]:
    """Hold the data folder. Raises `SystemExit` when another door keeps it."""
    with (data / "door.lock").open("w") as lock:
        until = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise SystemExit(f"another door runs on {data}; stop it or give this one a folder") from None
                time.sleep(0.05)
        yield


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m functions.serve.door", description="A door on this machine.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the queue and of scratch files")
    parser.add_argument(
        "--store", default="", help="folder of the object store, or s3://bucket; none: presigned jobs only"
    )
    parser.add_argument("--token-file", type=Path, required=True, help="file that holds the bearer token")
    parser.add_argument("--keys-file", type=Path, required=True, help="the Studio's public keys, hex, one or two lines")
    parser.add_argument("--door", required=True, help="id that grants name")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--engines", default="", help="names, separated by commas; none: all this release can run")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="jobs at a time")
    parser.add_argument("--catalog", type=Path, help="folder of engine manifests instead of the built-in ones")
    parser.add_argument("--origin", action="append", default=[], help="scheme://host[:port] presigned URLs may name")
    parser.add_argument("--grace", type=float, default=5.0, help="seconds from asking a job to stop to killing it")
    parser.add_argument("--drain", type=float, default=30.0, help="seconds running jobs may go on after SIGTERM")
    parser.add_argument("--tied", action="store_true", help="end when standard input closes")
    return parser.parse_args(argv)


def read_settings(args: argparse.Namespace) -> DoorSettings:
    """What the command line asks for."""
    return DoorSettings(
        door=args.door,
        data=args.data.resolve(),
        keys=tuple(args.keys_file.read_text("ascii").split()),
        engines=tuple(filter(None, args.engines.split(","))),
        store=args.store if args.store.startswith("s3://") or not args.store else str(Path(args.store).resolve()),
        origins=tuple(args.origin),
        catalog=args.catalog.resolve() if args.catalog else None,
        workers=max(1, args.workers),
        grace_s=args.grace,
        drain_s=args.drain,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run a door until it is told to stop."""
    args = parse_arguments(argv)
    try:
        settings = read_settings(args)
        trust = settings.trust()
    except (OSError, ValueError) as error:
        raise SystemExit(f"the door cannot start: {error}") from None
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = args.token_file.read_text("ascii").strip()
    if not token:
        raise SystemExit(f"{args.token_file} holds no token")
    with only_door(settings.data), listen(args.host, args.port) as listener:
        shutil.rmtree(settings.scratch, ignore_errors=True)
        settings.scratch.mkdir()
        asyncio.run(serve(settings, trust, token, listener, tied=args.tied))


if __name__ == "__main__":
    main()
