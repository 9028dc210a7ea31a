"""Requests at fixed moments, whether or not earlier ones have been answered; a latency counts from its moment.

The client is as little as HTTP/1.1 allows, so that the processor it takes is not what is measured.
"""

import asyncio
import random
import re
import statistics
import time
from dataclasses import dataclass, field

from tests.benchmarks.site import Site

RATE = 100
"""Requests of the API a second."""
TIMEOUT_S = 120
STATUS, LENGTH = re.compile(rb"HTTP/1\.1 (\d{3})"), re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Client:
    """Kept connections to one Studio."""

    def __init__(self, found: Site) -> None:
        host, _, port = found.url.removeprefix("http://").partition(":")
        self._host, self._port = host, int(port)
        self._head = f"Host: {host}:{port}\r\nAuthorization: Bearer {found.token}\r\n\r\n"
        self._idle: list[Connection] = []

    async def get(self, path: str) -> int:
        """The status of the whole answer. Raises `OSError`, `TimeoutError` or `EOFError` where there is none."""
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await self._connection()
            writer.write(f"GET {path} HTTP/1.1\r\n{self._head}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            status, length = STATUS.match(head), LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
        self._idle.append((reader, writer))
        return int(status[1]) if status else 0

    async def _connection(self) -> Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port, limit=2**20)

    async def close(self) -> None:
        """Let go of what is kept."""
        for _, writer in self._idle:
            writer.close()
            await writer.wait_closed()


@dataclass
class Load:
    """Milliseconds of every answer by what was asked for, and how late each request left."""

    took: dict[str, list[float]] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)


async def load(found: Site, renders: list[tuple[str, str]], seconds: float) -> Load:
    """Ask for so long."""
    rng, told = random.Random(1), Load()
    client = Client(found)
    begun, tasks = time.perf_counter(), []
    for n in range(int(seconds * RATE)):
        due = begun + n / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        told.late.append((time.perf_counter() - due) * 1000)
        film, render = rng.choice(renders)
        tasks.append(asyncio.create_task(ask(client, due, told.took, *chosen(rng, film, render))))
    await asyncio.gather(*tasks)
    await client.close()
    return told


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


async def ask(client: Client, due: float, took: dict[str, list[float]], name: str, path: str) -> None:
    """One request; one that fails is none of those that were answered."""
    try:
        status = await client.get(path)
    except (OSError, EOFError, ValueError):
        return
    if status == 200:
        took.setdefault(name, []).append((time.perf_counter() - due) * 1000)


def spread(values: list[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    if len(values) < 2:
        return {}
    return {"p50": round(statistics.median(values), 1), "p99": round(statistics.quantiles(values, n=100)[98], 1)}
