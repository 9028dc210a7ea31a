"""kill -9 at random moments, of real processes: a Studio, and RunPod's own worker loop before a stand-in endpoint.

`RUNS=200 pytest -m slow tests/faults/test_kills.py` runs as many as wanted, `FROM=` begins at another seed.
"""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.studio import PRICE_U, film
from tests.servers.door import ROOT, environment
from tests.servers.runpod_jobs import Rules
from tests.servers.runpod_queue import RunpodQueue, runpod_queue
from tests.servers.runpod_worker import RunpodWorker, runpod_worker

FEW = 5
FROM, RUNS = int(os.environ.get("FROM", "5")), int(os.environ.get("RUNS", "200"))
LIMIT_S = 300
CENT_U = 10_000
SILENCE_S = 2.0


class Pod:
    """The platform's side of one worker: a dead one is replaced."""

    def __init__(self, queue: RunpodQueue, folder: Path) -> None:
        self.queue, self.folder, self.count = queue, folder, 0
        self.worker = self.start()

    def start(self) -> RunpodWorker:
        """Another worker."""
        self.count += 1
        self._running = contextlib.ExitStack()
        name = f"worker-{self.count}"
        return self._running.enter_context(runpod_worker(self.queue, self.folder, name=name))

    def kill(self, *, child: bool) -> None:
        """Kill the worker, or only the warm process that runs the job: then the worker lives on."""
        children = self.worker.children
        if child and children:
            os.kill(children[0], signal.SIGKILL)
            return
        self.close()
        self.queue.jobs.died(self.worker.name)
        self.worker = self.start()

    def close(self) -> None:
        """End it as a platform does."""
        self._running.close()


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """An endpoint with one worker."""
    folder = tmp_path_factory.mktemp("pod")
    with runpod_queue("echo", Rules(price_u=PRICE_U, silence_s=SILENCE_S, poll_s=1)) as queue:
        found = Pod(queue, folder)
        yield found
        found.close()


@dataclass(frozen=True)
class Killed:
    """A run: its seed names its film, `data` is the Studio's folder."""

    pod: Pod
    data: Path
    seed: int

    def play(self) -> str:
        """Kill what chance says as often as it says, then let it end. What the Studio printed last."""
        chance = random.Random(self.seed)
        for _ in range(chance.randint(1, 3)):
            studio = self.studio()
            time.sleep(chance.uniform(0.05, 2.5))
            if (what := chance.choice(("studio", "studio", "worker", "child"))) != "studio":
                self.pod.kill(child=what == "child")
                time.sleep(chance.uniform(0.0, 2.0))
            studio.kill()
            studio.communicate()
        last = self.studio()
        try:
            return last.communicate(timeout=LIMIT_S)[0].decode() or f"it ended with {last.returncode}"
        except subprocess.TimeoutExpired:
            return f"the film is not made after {LIMIT_S} s\n{self.explain()}"
        finally:
            last.kill()
            last.communicate()

    def studio(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it works."""
        argv = [sys.executable, "-m", "tests.faults.studio", self.data, self.pod.folder / "store", self.pod.queue.url]
        studio = subprocess.Popen(
            [*map(str, argv), str(self.seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment(),
        )
        assert studio.stdout is not None
        first = studio.stdout.readline()
        assert first == b"ready\n", (first + studio.stdout.read()).decode() or f"it ended with {studio.wait()}"
        return studio

    def explain(self) -> str:
        """Where everything stands."""
        jobs = self.pod.queue.jobs.jobs.values()
        told = [f"{j.input['job_id']} is {j.state} at {j.worker}, given out again {j.retried} times" for j in jobs]
        ours = [str(dict(row)) for row in self.rows("SELECT id, state, posts, handle, known, error FROM job")]
        steps = [str(dict(row)) for row in self.rows("SELECT path, state, reason, fp FROM step")]
        return "\n".join([*ours, *told, *steps, self.pod.worker.log.read_text()[-2000:]])

    def tally(self) -> str:
        """How many jobs there were, by basis and state."""
        sql = "SELECT COUNT(*) || ' ' || state || ' ' || cost_basis AS told FROM job GROUP BY state, cost_basis"
        return ", ".join(row["told"] for row in self.rows(sql))

    def rows(self, sql: str) -> list[sqlite3.Row]:
        """Of the Studio's database."""
        with contextlib.closing(sqlite3.connect(self.data / "studio.db")) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql).fetchall()


def survive(run: Killed) -> tuple[int, int]:
    """Play a run, and hold its film, its jobs and its ledger to what the provider knows."""
    print(f"seed {run.seed}")
    said = run.play()
    assert said.rstrip().endswith("done"), said
    (last,) = run.rows("SELECT facts FROM artifact JOIN step USING(fp) WHERE path='film' GROUP BY fp")
    (fact,) = json.loads(last["facts"]).values()
    assert (run.pod.folder / "store" / fact["key"]).read_bytes() == film(str(run.seed))
    once(run)
    return books(run)


def once(run: Killed) -> None:
    """No fingerprint was made to its end twice."""
    twice = run.rows("SELECT fp FROM job WHERE state IN ('done','degraded') GROUP BY fp HAVING COUNT(*)>1")
    assert not twice


def books(run: Killed) -> tuple[int, int]:
    """What was billed and what was booked, in micro-dollars, of the jobs whose cost is known: of each the same to the
    cent, and to the micro-dollar where it ran once and its provider told its time. What was given up or ran more than
    once is booked at an upper bound: never below its bill.
    """
    jobs = {row["id"]: row for row in run.rows("SELECT id, state, charge_u, cost_basis, error FROM job")}
    ran: dict[str, list[int]] = {name: [] for name in jobs}
    for owner, cost_u in bill(run.pod.queue):
        if owner in ran:
            ran[owner].append(cost_u)
    known = [name for name, row in jobs.items() if row["cost_basis"] in ("measured", "provider")]
    for name in jobs.keys() - known:
        assert sum(ran[name]) <= jobs[name]["charge_u"], dict(jobs[name])
    for name in known:
        apart = 1 if len(ran[name]) == 1 and jobs[name]["cost_basis"] == "provider" else CENT_U
        assert abs(sum(ran[name]) - jobs[name]["charge_u"]) < apart, (dict(jobs[name]), ran[name])
    return sum(sum(ran[name]) for name in known), sum(jobs[name]["charge_u"] for name in known)


def bill(queue: RunpodQueue) -> list[tuple[str, int]]:
    """The stand-in's ledger: whose job each execution was, and its micro-dollars."""
    now = queue.jobs.rules.now_ms()
    return [(queue.jobs.jobs[c.job].input["job_id"], c.cost_u(now)) for c in list(queue.jobs.ledger)]


def check(pod: Pod, folder: Path, seed: int) -> None:
    """One run, and its figures."""
    run = Killed(pod, folder / "data", seed)
    billed, booked = survive(run)
    print(f"billed {billed}, booked {booked}: {run.tally()}")
    assert abs(billed - booked) < CENT_U


@pytest.mark.parametrize("seed", range(FEW))
def test_a_few_kills_change_no_film_and_no_bill(pod: Pod, tmp_path: Path, seed: int) -> None:
    check(pod, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FROM, RUNS))
def test_many_kills_change_no_film_and_no_bill(pod: Pod, tmp_path: Path, seed: int) -> None:
    check(pod, tmp_path, seed)
