"""How much a Studio carries: films in flight behind a door that works without working, as JSON on standard output.

`python -m tests.benchmarks.control [--films 10 200] [--shots 50] [--databases sqlite worker api] [--seconds 24]`.
Every film is rendered at once. First nobody asks the API; then it is asked 100 times a second. D1 gets fewer films
(`--d1-films`, `--api-films`), because its engine shares the two cores here. At the end the figures stand on standard
error as the table of docs/scale.md.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import hosted
from tests.benchmarks.load import RATE, load, spread
from tests.benchmarks.site import Site, begin, site

SETTLE_S = 5
"""Until the first jobs of the film that was planned last have ended."""
KINDS = ("sqlite", "worker", "api")


class Window:
    """A stretch of time: what the Studio did in it, and with how much of the processor."""

    def __init__(self, found: Site, ended: int) -> None:
        self._found, self._ended = found, ended
        self._cpu, self._began = found.cpu_s(), time.monotonic()

    async def close(self) -> dict[str, float]:
        """Steps a second, milliseconds of processor a step, cores in use."""
        seconds = time.monotonic() - self._began
        spent = {name: now - self._cpu[name] for name, now in self._found.cpu_s().items()}
        steps = await self._found.ended() - self._ended
        return {
            "seconds": round(seconds, 1),
            "steps_per_s": round(steps / seconds, 1),
            "cpu_ms_per_step": round(1000 * spent["runner"] / max(1, steps), 1),
            **{f"{name}_cores": round(used / seconds, 2) for name, used in spent.items()},
        }


async def measure(folder: Path, kind: str, films: int, shots: int, seconds: float) -> dict[str, Any]:
    """All figures of so many films over one kind of database."""
    async with site(folder, kind) as found:
        empty, began = found.size(), time.monotonic()
        renders = await begin(found, films, shots)
        await planned(found, films)
        started_s = time.monotonic() - began
        await asyncio.sleep(SETTLE_S)
        window = Window(found, await found.ended())
        await asyncio.sleep(seconds / 2)
        alone = await window.close()
        window, client = Window(found, await found.ended()), time.process_time()
        told = await load(found, renders, seconds)
        asked, client_s = await window.close(), time.process_time() - client
        every = [ms for values in told.took.values() for ms in values]
        size, jobs = found.size(), await found.count("SELECT COUNT(*) AS n FROM job")
        return {
            "database": kind,
            "films": films,
            "shots": shots,
            "steps": await found.count("SELECT COUNT(*) AS n FROM step"),
            "jobs": jobs,
            "start_s_per_film": round(started_s / films, 3),
            "alone": alone,
            "asked": asked,
            "api": {"per_s": RATE, "answered": len(every), "failed": int(seconds * RATE) - len(every), **spread(every)},
            "api_by_path": {name: spread(values) for name, values in sorted(told.took.items())},
            "client_late": spread(told.late),
            "client_cores": round(client_s / seconds, 2),
            "mb": {name: round(process.memory_info().rss / 2**20) for name, process in found.processes.items()},
            "database_mb": None if size is None else round(size / 2**20, 1),
            "database_bytes_per_job": None if size is None or empty is None else round((size - empty) / max(1, jobs)),
            "running": await found.count("SELECT COUNT(*) AS n FROM render WHERE state='running'"),
        }


async def planned(found: Site, films: int) -> None:
    """Wait until the runner has planned every film: from then on it only advances them."""
    while await found.count("SELECT COUNT(DISTINCT render_id) AS n FROM step") < films:
        await asyncio.sleep(0.2)


def growth(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """How a step's cost changes from the fewest films to the most; 1 is linear growth of the whole."""
    found = sorted((run for run in runs if run["database"] == "sqlite"), key=lambda run: run["films"])
    if len(found) < 2:
        return {}
    few, many = found[0], found[-1]
    return {
        "films": [few["films"], many["films"]],
        "cpu_ms_per_step": round(many["alone"]["cpu_ms_per_step"] / max(0.1, few["alone"]["cpu_ms_per_step"]), 2),
        "start_s_per_film": round(many["start_s_per_film"] / few["start_s_per_film"], 2),
    }


ROWS: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "steps a second, nobody asking": lambda r: r["alone"]["steps_per_s"],
    "the runner's processor time, a step": lambda r: f"{r['alone']['cpu_ms_per_step']} ms",
    "beginning a film, all at once": lambda r: f"{r['start_s_per_film']} s",
    "steps a second beside 100 requests a second": lambda r: r["asked"]["steps_per_s"],
    "API p50 / p99": lambda r: f"{r['api']['p50']} / {r['api']['p99']} ms",
    "of whole renders, p50 / p99": lambda r: " / ".join(map(str, r["api_by_path"]["whole render"].values())) + " ms",
    "the client itself late, p50 / p99": lambda r: " / ".join(map(str, r["client_late"].values())) + " ms",
    "requests that failed": lambda r: f"{r['api']['failed']} of {r['api']['answered'] + r['api']['failed']}",
    "the API's processor time, a request": lambda r: (
        f"{1000 * r['asked']['api_cores'] * r['asked']['seconds'] / r['api']['answered']:.1f} ms"
    ),
    "memory: API, runner": lambda r: f"{r['mb']['api']}, {r['mb']['runner']} MB",
    "database, a job": lambda r: f"{r['database_bytes_per_job'] / 1000:.0f} kB",
    "requests to the database, a step": lambda r: r["requests_per_step"],
    "rows written, a job": lambda r: r["rows_written_per_job"],
}
NAMES = {"sqlite": "SQLite", "worker": "D1, Worker", "api": "D1, HTTP API"}


def table(runs: list[dict[str, Any]]) -> str:
    """The figures as Markdown; what was not measured is left empty."""
    heads = [f"{NAMES[run['database']]}, {run['films']} films" for run in runs]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(runs) + 1) + "|"]
    for name, cell in ROWS.items():
        lines.append(f"| {name} | " + " | ".join(str(_cell(run, cell)) for run in runs) + " |")
    return "\n".join(lines)


def _cell(run: dict[str, Any], cell: Callable[[dict[str, Any]], object]) -> object:
    try:
        return cell(run)
    except (KeyError, TypeError):
        return run.get("steps_per_s", "") if cell is next(iter(ROWS.values())) else ""


def run(kind: str, films: int, given: argparse.Namespace) -> dict[str, Any]:
    """One measurement in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="vivijure-bench-") as name:
        before = os.getloadavg()[0]
        if kind == "api":
            found = asyncio.run(hosted.measure(Path(name), films, given.shots, given.api_seconds))
        else:
            found = asyncio.run(measure(Path(name), kind, films, given.shots, given.seconds))
        return {**found, "load_before": round(before, 1)}


def main() -> None:
    """Measure every combination and print JSON."""
    options = argparse.ArgumentParser()
    options.add_argument("--films", type=int, nargs="*", default=[10, 200])
    options.add_argument("--d1-films", type=int, nargs="*", default=[10])
    options.add_argument("--api-films", type=int, nargs="*", default=[1])
    options.add_argument("--shots", type=int, default=50)
    options.add_argument("--databases", nargs="*", default=list(KINDS), choices=KINDS)
    options.add_argument("--seconds", type=float, default=24)
    options.add_argument("--api-seconds", type=float, default=150, help="by the HTTP API, three requests a second")
    given = options.parse_args()
    counts = {"sqlite": given.films, "worker": given.d1_films, "api": given.api_films}
    began, runs = time.monotonic(), []
    for kind in given.databases:
        for films in counts[kind]:
            runs.append(run(kind, films, given))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    took = round(time.monotonic() - began)
    print(table(runs), file=sys.stderr)
    print(json.dumps({"cores": psutil.cpu_count(), "seconds": took, "growth": growth(runs), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
