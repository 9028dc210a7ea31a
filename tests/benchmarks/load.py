"""Requests at fixed moments, whether or not earlier ones have been answered; a latency counts from its moment."""

import asyncio
import random
import statistics
import time

import httpx2

from tests.benchmarks.site import Site

RATE = 100
"""Requests of the API a second."""


async def load(found: Site, renders: list[tuple[str, str]], seconds: float) -> dict[str, list[float]]:
    """Milliseconds of every answer by what was asked for."""
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
    """One request; one that fails is none of those that were answered."""
    try:
        (await client.get(path)).raise_for_status()
    except httpx2.HTTPError:
        return
    took.setdefault(name, []).append((time.perf_counter() - due) * 1000)


def spread(values: list[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    if len(values) < 2:
        return {}
    return {"p50": round(statistics.median(values), 1), "p99": round(statistics.quantiles(values, n=100)[98], 1)}
