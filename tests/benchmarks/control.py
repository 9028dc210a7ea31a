"""How much a Studio carries: films in flight behind a door that works without working, as JSON on standard output.

`python -m tests.benchmarks.control [--films 10 50 200] [--shots 50] [--databases sqlite worker] [--seconds 60]`. Every
film is rendered at once. For so many seconds the API is asked 100 times a second, at fixed moments whether or not it
has answered before; the latency of an answer counts from its moment.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
from functions.catalog import builtin
from tests.benchmarks.film import board
from tests.servers.d1 import TOKEN, miniflare
from tests.servers.s3 import free_ports

ROOT = Path(__file__).parents[2]
RATE = 100
"""Requests of the API a second."""
JOB_S = 2.0
ROOM = 500
"""Jobs in flight at the door."""
SECONDS = 6
"""Of a shot."""


@dataclass(frozen=True)
class Site:
    """A running Studio, its door, and how to read its database from outside."""

    url: str
    token: str
    studio: psutil.Process
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

    async def count(self, sql: str) -> int:
        """One number."""
        found: int = (await self.db.fetch(sql))[0]["n"]
        return found


@contextlib.asynccontextmanager
async def site(folder: Path, kind: str) -> Any:
    """A Studio over an empty database of this kind."""
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
        await add_door(db, data, door_port)
        module = ["tests.benchmarks.instant_door", str(data / "objects"), str(door_port), str(JOB_S)]
        stack.enter_context(running(module, env, folder / "door.log"))
        studio = stack.enter_context(running(["control.cli", "studio"], env, folder / "studio.log"))
        found = Site(f"http://127.0.0.1:{port}", token, psutil.Process(studio.pid), db, data)
        await answering(found, studio)
        yield found
        await db.close()


@contextlib.contextmanager
def running(module: list[str], env: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A module as a process until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def add_door(db: Database, data: Path, port: int) -> None:
    """The door that runs every engine and costs a little."""
    engines = sorted(name for name, manifest in builtin().engines.items() if manifest.entry)
    terms = {"price_u": 1, "repeatable": True, "start_allowance_s": 600}
    caps = {"engines": engines, "concurrency": ROOM, "ahead": 0, "poll_ms": [1000, 10_000], "terms": terms}
    sql = """INSERT INTO door(id,base,network,caps,created_at,changed_at)
        VALUES('instant',:base,'loopback',:caps,:now,:now)"""
    await db.batch([(sql, {"base": f"http://127.0.0.1:{port}", "caps": json.dumps(caps), "now": wall_ms()})])
    (data / "doors").mkdir()
    (data / "doors" / "instant.token").write_text("none")


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


async def begin(found: Site, films: int, shots: int) -> list[tuple[str, str]]:
    """Films, each rendering: (film, render). Each has pictures of its own; spoken lines are the same in all."""
    text, began = board(shots, SECONDS), []
    async with found.client() as client:
        for n in range(films):
            own = text.replace("Shot number", f"In film {n} shot number")
            kind = {"content-type": "application/yaml"}
            made = (await client.post("/api/films", content=own.encode(), headers=kind)).raise_for_status().json()
            path = f"/api/films/{made['id']}/renders"
            answer = await client.post(path, json={"recipe": {"budget_u": 2**50}})
            began.append((made["id"], answer.raise_for_status().json()["id"]))
    return began


async def load(found: Site, renders: list[tuple[str, str]], seconds: float) -> dict[str, list[float]]:
    """Milliseconds of every answer by path, of requests at fixed moments."""
    rng, took = random.Random(1), dict[str, list[float]]()
    async with found.client() as client:
        begun, tasks = time.perf_counter(), []
        for n in range(int(seconds * RATE)):
            due = begun + n / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            film, render = rng.choice(renders)
            tasks.append(asyncio.create_task(ask(client, due, took, *chosen(rng, film, render))))
        await asyncio.gather(*tasks)
    return took


def chosen(rng: random.Random, film: str, render: str) -> tuple[str, str]:
    """What a page asks for: mostly small things, one in ten a whole render with all its steps."""
    paths = (
        ("film", f"/api/films/{film}"),
        ("films", "/api/films?limit=20"),
        ("film's renders", f"/api/films/{film}/renders"),
        ("takes", f"/api/films/{film}/takes?limit=20"),
        ("whole render", f"/api/renders/{render}"),
    )
    return rng.choices(paths, (30, 20, 20, 20, 10))[0]


async def ask(client: httpx2.AsyncClient, due: float, took: dict[str, list[float]], name: str, path: str) -> None:
    """One request."""
    (await client.get(path)).raise_for_status()
    took.setdefault(name, []).append((time.perf_counter() - due) * 1000)


def spread(values: list[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    if len(values) < 2:
        return {}
    return {"p50": round(statistics.median(values), 1), "p99": round(statistics.quantiles(values, n=100)[98], 1)}


async def measure(folder: Path, kind: str, films: int, shots: int, seconds: float) -> dict[str, Any]:
    """All figures of so many films over one kind of database."""
    async with site(folder, kind) as found:
        empty, began = found.size(), time.monotonic()
        renders = await begin(found, films, shots)
        started_s = time.monotonic() - began
        before, cpu = await ended(found), sum(found.studio.cpu_times()[:2])
        began = time.monotonic()
        took = await load(found, renders, seconds)
        window = time.monotonic() - began
        after, spent = await ended(found), sum(found.studio.cpu_times()[:2]) - cpu
        every = [ms for values in took.values() for ms in values]
        size, jobs = found.size(), await found.count("SELECT COUNT(*) AS n FROM job")
        return {
            "database": kind,
            "films": films,
            "shots": shots,
            "steps": await found.count("SELECT COUNT(*) AS n FROM step"),
            "start_s_per_film": round(started_s / films, 3),
            "steps_per_s": round((after - before) / window, 1),
            "studio_cpu_ms_per_step": round(1000 * spent / max(1, after - before), 1),
            "studio_cores": round(spent / window, 2),
            "api": {"per_s": RATE, "requests": len(every), **spread(every)},
            "api_by_path": {name: spread(values) for name, values in sorted(took.items())},
            "studio_mb": round(found.studio.memory_info().rss / 2**20),
            "database_mb": None if size is None else round(size / 2**20, 1),
            "database_bytes_per_job": None if size is None or empty is None else round((size - empty) / max(1, jobs)),
            "running": await found.count("SELECT COUNT(*) AS n FROM render WHERE state='running'"),
        }


async def ended(found: Site) -> int:
    """Jobs that have ended so far."""
    return await found.count("SELECT COUNT(*) AS n FROM job WHERE ended_at IS NOT NULL")


def main() -> None:
    """Measure every combination and print JSON."""
    options = argparse.ArgumentParser()
    options.add_argument("--films", type=int, nargs="*", default=[10, 50, 200])
    options.add_argument("--shots", type=int, default=50)
    options.add_argument("--databases", nargs="*", default=["sqlite", "worker"], choices=["sqlite", "worker"])
    options.add_argument("--seconds", type=float, default=60)
    given = options.parse_args()
    runs = []
    with tempfile.TemporaryDirectory(prefix="vivijure-bench-") as name:
        for kind in given.databases:
            for films in given.films:
                folder = Path(name) / f"{kind}-{films}"
                folder.mkdir()
                runs.append(asyncio.run(measure(folder, kind, films, given.shots, given.seconds)))
                print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"cores": psutil.cpu_count(), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
