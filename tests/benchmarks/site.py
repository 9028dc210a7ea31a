"""A Studio as a process over an empty database, with a door beside it whose jobs are done without work."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from control.api.access import Access
from control.db import Database
from control.db.d1 import D1Database, worker
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.render.desk import wall_ms
from control.storyboard import text
from functions.catalog import builtin
from tests.benchmarks.film import board
from tests.servers.d1 import TOKEN, miniflare
from tests.servers.s3 import free_ports

ROOT = Path(__file__).parents[2]
JOB_S = 2.0
ROOM = 1000
"""Jobs in flight at the door."""
SECONDS = 6
"""Of a shot."""
TOGETHER = 2
"""Films that are sent at a time."""


@dataclass(frozen=True)
class Site:
    """A running Studio, its door, and how to read its database from outside."""

    url: str
    token: str
    studio: psutil.Process
    door: psutil.Process
    db: Database
    data: Path

    def client(self) -> httpx2.AsyncClient:
        """Of the API."""
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    def size(self) -> int | None:
        """Bytes of the database's files, None where it has none here."""
        files = list(self.data.glob("studio.db*"))
        return sum(f.stat().st_size for f in files) if files else None

    @property
    def runner(self) -> psutil.Process:
        """The process that advances renders, the Studio's only child here."""
        return self.studio.children()[0]

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds so far: of the process that answers, of the one that advances renders, and of the door."""
        return {name: float(sum(process.cpu_times()[:2])) for name, process in self.processes.items()}

    @property
    def processes(self) -> dict[str, psutil.Process]:
        """By name."""
        return {"api": self.studio, "runner": self.runner, "door": self.door}

    async def count(self, sql: str) -> int:
        """One number."""
        found: int = (await self.db.fetch(sql))[0]["n"]
        return found

    async def ended(self) -> int:
        """Jobs that have ended so far."""
        return await self.count("SELECT COUNT(*) AS n FROM job WHERE ended_at IS NOT NULL")


@contextlib.asynccontextmanager
async def site(folder: Path, kind: str) -> AsyncIterator[Site]:
    """A Studio over an empty database of this kind: `sqlite`, or `worker` for D1 behind the Worker that we ship."""
    data = folder / "data"
    (data / "objects").mkdir(parents=True)
    port, door_port = free_ports(2)
    with contextlib.ExitStack() as stack:
        env = {k: v for k, v in os.environ.items() if not k.startswith("VIVIJURE_")}
        env |= {"VIVIJURE_DATA": str(data), "VIVIJURE_PORT": str(port), "VIVIJURE_DOOR": "false"}
        env |= {"VIVIJURE_MONTH_BUDGET_USD": "1000000"}
        if kind == "worker":
            server = stack.enter_context(miniflare(folder))
            env |= {"VIVIJURE_DATABASE": f"d1+{server.url}", "VIVIJURE_D1_TOKEN": TOKEN}
            db: Database = D1Database(worker(server.url, TOKEN))
        else:
            db = SqliteDatabase(data / "studio.db")
        await migrate(db)
        token = await Access(db, wall_ms).issue("bearer", "benchmark", "owner")
        behind = stack.enter_context(await door(db, data, door_port))
        studio = stack.enter_context(running(["control.cli", "studio"], folder / "studio.log", env))
        found = Site(
            f"http://127.0.0.1:{port}", token, psutil.Process(studio.pid), psutil.Process(behind.pid), db, data
        )
        await answering(found, studio)
        yield found
        await db.close()


@contextlib.contextmanager
def running(module: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A module as a process until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def door(db: Database, data: Path, port: int) -> Any:
    """The door that runs every engine and costs a little: known to the database, and as a process to be entered."""
    engines = sorted(name for name, manifest in builtin().engines.items() if manifest.entry)
    terms = {"price_u": 1, "repeatable": True, "start_allowance_s": 600}
    caps = {"engines": engines, "concurrency": ROOM, "ahead": 0, "poll_ms": [1000, 10_000], "terms": terms}
    sql = """INSERT INTO door(id,base,network,caps,created_at,changed_at)
        VALUES('instant',:base,'loopback',:caps,:now,:now)"""
    await db.batch([(sql, {"base": f"http://127.0.0.1:{port}", "caps": json.dumps(caps), "now": wall_ms()})])
    (data / "doors").mkdir()
    (data / "doors" / "instant.token").write_text("none")
    module = ["tests.benchmarks.instant_door", str(data / "objects"), str(port), str(JOB_S)]
    return running(module, data.parent / "door.log")


async def answering(found: Site, studio: "subprocess.Popen[bytes]") -> None:
    """Wait until the Studio listens."""
    async with found.client() as client:
        until = time.monotonic() + 60
        while time.monotonic() < until and studio.poll() is None:
            with contextlib.suppress(httpx2.TransportError):
                (await client.get("/api/health")).raise_for_status()
                return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the Studio did not start; see {found.data.parent}/studio.log")


def films(count: int, shots: int) -> Iterator[dict[str, Any]]:
    """Storyboards, each with pictures of its own; spoken lines are the same in all."""
    body = text.read(board(shots, SECONDS)).board.model_dump_json(exclude_defaults=True)
    for n in range(count):
        yield json.loads(body.replace("Shot number", f"In film {n} shot number"))


async def begin(found: Site, count: int, shots: int) -> list[tuple[str, str]]:
    """Films, each rendering: (film, render)."""
    gate = asyncio.Semaphore(TOGETHER)

    async def one(storyboard: dict[str, Any]) -> tuple[str, str]:
        async with gate:
            made = (await client.post("/api/films", json={"storyboard": storyboard})).raise_for_status().json()
            path, order = f"/api/films/{made['id']}/renders", {"recipe": {"budget_u": 2**50}}
            return made["id"], (await client.post(path, json=order)).raise_for_status().json()["id"]

    async with found.client() as client:
        return list(await asyncio.gather(*map(one, films(count, shots))))
