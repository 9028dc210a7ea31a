"""A Studio on a real socket, in a thread of the test's process."""

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import uvicorn

from control.api.access import Access, TokenScope
from control.api.login import issue_link
from control.app import build_app
from control.db.migrate import migrate
from control.render.desk import wall_ms
from control.settings import Settings, load
from control.studio import open_database

START_S = 60.0
T = TypeVar("T")


@dataclass(frozen=True)
class RunningStudio:
    """Where it listens and how it was set up."""

    url: str
    settings: Settings

    def link(self) -> str:
        """A one-time login link."""
        return _apart(issue_link(self.settings))

    def token(self, scope: TokenScope = "owner", name: str = "test") -> str:
        """A bearer token."""
        return _apart(_issue(self.settings, name, scope))

    def client(self, scope: TokenScope | None = "owner", **options: Any) -> httpx2.Client:
        """An HTTP client, with a token of this scope."""
        headers = {} if scope is None else {"authorization": f"Bearer {self.token(scope)}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30, **options)


@contextmanager
def studio(data: Path, apart: bool = False, /, **settings: object) -> Iterator[RunningStudio]:
    """A Studio over the folder `data` until the block ends; without door and runner unless `settings` say so. `apart`:
    another process advances renders, as beside `vivijure studio`.
    """
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        chosen = load({}, **{"data": data, "port": port, "door": False, "runner": False, **settings})
        app = build_app(chosen, apart=apart)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])))
        thread.start()
        try:
            _await_start(server, thread)
            yield RunningStudio(f"http://127.0.0.1:{port}", chosen)
        finally:
            server.should_exit = True
            thread.join()


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    end = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise RuntimeError("the Studio did not start")
        time.sleep(0.02)


def _apart(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: a browser driver may hold an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _issue(settings: Settings, name: str, scope: TokenScope) -> str:
    db = open_database(settings)
    try:
        await migrate(db)
        return await Access(db, wall_ms).issue("bearer", name, scope)
    finally:
        await db.close()
