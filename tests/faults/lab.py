"""Many schedules, one after the other or on all cores: `python -m tests.faults.lab --n 1000000 --seed 0`.

The last line is JSON; a schedule that breaks a law is printed with its seed, and again as small as it still breaks it.
With `--log FILE` what each 500 schedules showed is kept there, and a run that was stopped goes on from it.
"""

import argparse
import functools
import gc
import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.core import REAL, Core
from tests.faults.laws import Breach
from tests.faults.schedule import Schedule, draw
from tests.faults.shrink import shrink
from tests.faults.world import World

CHUNK = 500
"""Schedules that a worker runs at a time."""
WORKERS = len(os.sched_getaffinity(0))
SHOWN = 3
"""Broken schedules that are shrunk and shown; the others are counted."""
TOLD_S = 60
"""Seconds between two lines of progress."""
LOST = ("lost", "cancel", "intent", "ended_changed", "two_live", "bill", "view", "bookkeeping", "bug")


@dataclass
class Found:
    """What many schedules showed: broken laws by name, how often each fault struck, the seeds that broke one, and all
    traces, exclusive-or. `spans` are when they ran: begin and end, in seconds since the epoch.
    """

    schedules: int = 0
    laws: Counter[str] = field(default_factory=Counter)
    stats: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, Breach]] = field(default_factory=list)
    trace: int = 0
    cpu_s: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        """Take another's in."""
        self.schedules += other.schedules
        self.laws.update(other.laws)
        self.stats.update(other.stats)
        self.broken += other.broken
        self.trace ^= other.trace
        self.cpu_s += other.cpu_s
        self.spans += other.spans

    @property
    def wall_s(self) -> float:
        """Seconds in which at least one of them ran."""
        passed, until = 0.0, 0.0
        for begin, end in sorted(self.spans):
            passed += max(0.0, end - max(begin, until))
            until = max(until, end)
        return passed


def explore(seeds: range, core: Core = REAL, *, stop: str = "") -> Found:
    """Run the schedules of these seeds; with `stop` only to the first that breaks this law, or `any`."""
    found, began, wall = Found(), time.process_time(), time.time()
    gc.disable()
    try:
        for seed in seeds:
            report = World(draw(seed), core).run()
            found.schedules += 1
            found.trace ^= report.trace
            found.stats.update(report.stats)
            found.laws.update({breach.law for breach in report.breaches})
            found.broken += [(seed, breach) for breach in report.breaches[:1]]
            if found.laws[stop] or (found.broken and stop == "any"):
                break
            if found.schedules % 50 == 0:
                gc.collect(1)
    finally:
        gc.enable()
    found.cpu_s, found.spans = time.process_time() - began, [(wall, time.time())]
    return found


def tell(seed: int, breach: Breach) -> str:
    """A broken schedule, as small as it still breaks the law."""
    schedule = shrink(draw(seed), breach.law)
    return f"seed {seed}: {breach.law}: {breach.what}\n  shrunk to {show(schedule)}"


def show(schedule: Schedule) -> str:
    """A schedule in a line."""
    faults = ", ".join(f"{f.kind}@{f.at}({f.arg})" for f in schedule.faults) or "no faults"
    starts = ", ".join(f"{s.film}@{s.at}" + (f" budget {s.budget}" if s.budget else "") for s in schedule.starts)
    return f"{schedule!r}\n  {starts}; {faults}; {schedule.runners} runner(s), door {schedule.door}"


class Log:
    """What was found so far, a line of JSON a chunk; lines of other code than this are passed over."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> dict[tuple[int, int], Found]:
        """By first seed and the one after the last."""
        if self._path is None or not self._path.exists():
            return {}
        lines = [line for text in self._path.read_text().splitlines() if (line := _whole(text)) is not None]
        return {(line["from"], line["to"]): _found(line) for line in lines if line["code"] == code()}

    def write(self, seeds: range, found: Found) -> None:
        """Append a chunk."""
        if self._path is None:
            return
        line = {
            "code": code(),
            "from": seeds.start,
            "to": seeds.stop,
            "laws": found.laws,
            "stats": found.stats,
            "broken": [(seed, breach.law, breach.what) for seed, breach in found.broken],
            "trace": found.trace,
            "cpu_s": round(found.cpu_s, 2),
            "spans": [(round(begin, 2), round(end, 2)) for begin, end in found.spans],
        }
        with self._path.open("a") as file:
            file.write("\n" + json.dumps(line))  # what was cut off stays a line of its own


@functools.cache
def code() -> str:
    """Digest of all that a schedule runs, as it is on the disk now: our modules that are loaded, and their data."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    loaded = [Path(found) for module in sys.modules.values() if (found := getattr(module, "__file__", None))]
    data = [path for path in (root / "control").rglob("*") if path.suffix in (".sql", ".toml")]
    rooms = [root / room for room in ("control", "functions", "tests")]
    for path in sorted({p for p in loaded if any(p.is_relative_to(room) for room in rooms)} | set(data)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _whole(text: str) -> dict[str, Any] | None:
    """None for an empty line, and one that was cut off."""
    try:
        line: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError:
        return None
    return line


def _found(line: dict[str, Any]) -> Found:
    return Found(
        schedules=line["to"] - line["from"],
        laws=Counter(line["laws"]),
        stats=Counter(line["stats"]),
        broken=[(seed, Breach(law, what)) for seed, law, what in line["broken"]],
        trace=line["trace"],
        cpu_s=line["cpu_s"],
        spans=[(begin, end) for begin, end in line["spans"]],
    )


def everywhere(chunks: Sequence[range]) -> Iterator[tuple[range, Found]]:
    """`explore` on all cores."""
    gc.freeze()
    with multiprocessing.Pool(WORKERS) as pool:
        yield from pool.imap_unordered(_chunk, chunks)


def _chunk(seeds: range) -> tuple[range, Found]:
    return seeds, explore(seeds)


def main() -> int:
    """Print what was found; 1 where a law was broken."""
    options = argparse.ArgumentParser()
    options.add_argument("--n", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--log", type=Path)
    given, began = options.parse_args(), time.time()
    total = run(range(given.seed, given.seed + given.n), Log(given.log))
    total.spans.append((began, time.time()))
    print("faults:", json.dumps(dict(sorted(total.stats.items()))))
    print("broken laws:", json.dumps(dict(total.laws)), "seeds:", [seed for seed, _ in total.broken[:20]])
    print(f"traces: {total.trace:016x}; CPU seconds: {total.cpu_s:.0f}; code: {code()}")
    print(json.dumps(summary(total, total.wall_s)))
    return 1 if total.broken else 0


def run(seeds: range, log: Log) -> Found:
    """All these, but for what the log has already; progress on stderr."""
    total, known, shown = Found(), log.read(), 0
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    for chunk in chunks:
        total.add(known.get((chunk.start, chunk.stop), Found()))
    began = told = time.monotonic()
    before = total.schedules
    for chunk, found in everywhere([c for c in chunks if (c.start, c.stop) not in known]):
        log.write(chunk, found)
        total.add(found)
        for seed, breach in found.broken[: max(0, SHOWN - shown)]:
            print(tell(seed, breach), flush=True)
            shown += 1
        if time.monotonic() - told > TOLD_S:
            told = time.monotonic()
            print(progress(total, len(seeds), (total.schedules - before) / (told - began)), file=sys.stderr, flush=True)
    return total


def progress(found: Found, of: int, pace: float) -> str:
    """A line; `pace` is schedules a second."""
    left = (of - found.schedules) / pace / 60
    return f"{found.schedules} of {of} schedules, {len(found.broken)} broken, {pace:.0f}/s, {left:.0f} min left"


def summary(found: Found, seconds: float) -> dict[str, float]:
    """The last line."""
    return {
        "schedules": found.schedules,
        "double_paid": found.laws["double_paid"],
        "lost": sum(found.laws[law] for law in LOST),
        "over_budget": found.laws["over_budget"],
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
