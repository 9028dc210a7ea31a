"""The laboratory itself: the same seed is the same run, and a broken schedule becomes small."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.faults.lab import Found, Log, explore, summary
from tests.faults.laws import Breach
from tests.faults.mutants import MUTANTS
from tests.faults.schedule import CALLS, MOMENTS, draw
from tests.faults.shrink import breaks, shrink
from tests.faults.table import Table
from tests.faults.world import World

BUDGETS = MUTANTS["5 budgets are not asked"]


def test_a_seed_is_always_the_same_run() -> None:
    for seed in range(20):
        first, second = World(draw(seed)), World(draw(seed))
        assert first.run() == second.run()
        assert (first.calls, first.now, first.objects) == (second.calls, second.now, second.objects)


def test_a_seed_is_the_same_run_in_every_process() -> None:
    """Nothing depends on the order of a set, or on what ran before."""
    command = [sys.executable, "-c", "from tests.faults.lab import explore; print(explore(range(30, 60)).trace)"]
    root = Path(__file__).parents[2]
    told = {
        subprocess.run(
            command, env=os.environ | {"PYTHONHASHSEED": seed}, cwd=root, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {f"{explore(range(30, 60)).trace}\n".encode()}


def test_other_seeds_are_other_runs() -> None:
    assert len({World(draw(seed)).run().trace for seed in range(20)}) == 20


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    whole = explore(range(6))
    log.write(range(3), explore(range(3)))
    text = (tmp_path / "log").read_text()
    (tmp_path / "log").write_text(text + text[: text.index("}") + 1])  # the next line was cut off
    log.write(range(3, 6), explore(range(3, 6)))
    found = Found()
    for part in log.read().values():
        found.add(part)
    assert (found.schedules, found.stats, found.trace) == (6, whole.stats, whole.trace)


def test_a_broken_schedule_is_shrunk_until_nothing_can_be_left_out() -> None:
    found = explore(range(1000), BUDGETS.core, stop="over_budget")
    seed = next(seed for seed, breach in found.broken if breach.law == "over_budget")
    small = shrink(draw(seed), "over_budget", BUDGETS.core)
    assert breaks(small, "over_budget", BUDGETS.core)
    assert not any(breaks(s, "over_budget", BUDGETS.core) for s in small.smaller())
    assert len(small.faults) <= 1 < len(draw(seed).faults)


def test_a_database_is_empty_for_the_next_run_and_made_anew_after_a_failure() -> None:
    table, heard = Table(), list[str]()
    before = table.fetch("SELECT * FROM film JOIN revision ON film_id=film.id", {})
    for sql in ("INSERT INTO month_budget VALUES('2027-01', 1)", "nonsense"):
        table.begin(lambda law, what: heard.append(law))
        with contextlib.suppress(sqlite3.Error):
            table.batch([(sql, {})])
        table.empty()
        assert table.fetch("SELECT * FROM month_budget", {}) == []
        assert table.fetch("SELECT * FROM film JOIN revision ON film_id=film.id", {}) == before
    assert heard == []


def test_every_fault_strikes() -> None:
    struck = Counter[str]()
    for seed in range(300):
        struck.update(World(draw(seed)).run().stats)
    print(dict(struck))
    assert {*CALLS, *MOMENTS} <= struck.keys()


def test_the_last_line_counts_what_was_found() -> None:
    found = explore(range(3))
    found.laws.update(["double_paid", "over_budget", "cancel", "lost"])
    found.broken.append((0, Breach("lost", "")))
    told = {"schedules": 3, "double_paid": 1, "lost": 2, "over_budget": 1, "seconds": 1.2}
    assert summary(found, 1.23) == told


def test_a_schedule_without_faults_makes_every_film() -> None:
    for seed in range(40):
        schedule = replace(draw(seed), faults=(), month=0)
        calm = replace(schedule, starts=tuple(replace(start, budget=0) for start in schedule.starts))
        assert calm.harmless
        assert World(calm).run().breaches == ()
