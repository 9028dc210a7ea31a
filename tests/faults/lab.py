"""Many schedules, one after the other or on all cores: `python -m tests.faults.lab --n 1000000 --seed 0`.

The last line is JSON; a schedule that breaks a law is printed with its seed, and again as small as it still breaks it.
"""

import argparse
import gc
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.core import REAL, Core
from tests.faults.laws import Breach
from tests.faults.schedule import Schedule, draw
from tests.faults.shrink import shrink
from tests.faults.world import World

CHUNK = 500
"""Schedules that a worker runs at a time."""
SHOWN = 3
"""Broken schedules of a chunk that are shrunk and shown; the others are counted."""
LOST = ("lost", "cancel", "intent", "ended_changed", "two_live", "bill", "view", "bookkeeping", "bug")


@dataclass
class Found:
    """What many schedules showed: broken laws by name, how often each fault struck, and the seeds that broke one."""

    schedules: int = 0
    laws: Counter[str] = field(default_factory=Counter)
    stats: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, Breach]] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        """Take another's in."""
        self.schedules += other.schedules
        self.laws.update(other.laws)
        self.stats.update(other.stats)
        self.broken += other.broken


def explore(seeds: range, core: Core = REAL, *, stop: str = "") -> Found:
    """Run the schedules of these seeds; with `stop` only to the first that breaks this law, or `any`."""
    found = Found()
    gc.disable()
    try:
        for seed in seeds:
            report = World(draw(seed), core).run()
            found.schedules += 1
            found.stats.update(report.stats)
            found.laws.update({breach.law for breach in report.breaches})
            found.broken += [(seed, breach) for breach in report.breaches[:1]]
            if found.laws[stop] or (found.broken and stop == "any"):
                break
            if found.schedules % 50 == 0:
                gc.collect(1)
    finally:
        gc.enable()
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


def everywhere(seeds: range) -> Iterator[Found]:
    """`explore` on all cores."""
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        yield from pool.imap_unordered(explore, chunks)


def main() -> int:
    """Print what was found; 1 where a law was broken."""
    options = argparse.ArgumentParser()
    options.add_argument("--n", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    began, total, shown = time.monotonic(), Found(), 0
    for found in everywhere(range(given.seed, given.seed + given.n)):
        total.add(found)
        for seed, breach in found.broken[: max(0, SHOWN - shown)]:
            print(tell(seed, breach), flush=True)
            shown += 1
        if total.schedules % 50_000 < CHUNK:
            print(f"{total.schedules} schedules, {len(total.broken)} broken", file=sys.stderr, flush=True)
    print("faults:", json.dumps(dict(sorted(total.stats.items()))))
    print("broken laws:", json.dumps(dict(total.laws)), "seeds:", [seed for seed, _ in total.broken[:20]])
    print(json.dumps(summary(total, time.monotonic() - began)))
    return 1 if total.broken else 0


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
