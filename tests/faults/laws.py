"""What must always hold, checked at every submission, at every change of a row, and at the end."""

import functools
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from control.render.advance import ATTEMPTS

if TYPE_CHECKING:
    from tests.faults.provider import Paid
    from tests.faults.world import World

Law = Literal[
    "bookkeeping",
    "intent",
    "double_paid",
    "ended_changed",
    "two_live",
    "over_budget",
    "cancel",
    "view",
    "lost",
    "bill",
    "bug",
]
ENDED = "('done','degraded','failed','cancelled','never_started','lost')"
OVER = "('done','failed','cancelled')"
LIVE = "('intent','submitted','running','unknown')"
GUARDS = (
    f"""CREATE TEMP TRIGGER job_changed AFTER UPDATE OF state, charge_u, progress, ended_at ON job
      WHEN (OLD.state IN {ENDED} OR OLD.state='written_off' AND NEW.state IN {LIVE})
      AND (NEW.state, NEW.charge_u, NEW.progress, NEW.ended_at)
        IS NOT (OLD.state, OLD.charge_u, OLD.progress, OLD.ended_at)
      BEGIN SELECT breach('ended_changed', 'the job '||OLD.id||' was '||OLD.state||' and became '||NEW.state); END""",
    f"""CREATE TEMP TRIGGER job_removed AFTER DELETE ON job WHEN OLD.state IN {ENDED} OR OLD.state='written_off'
      BEGIN SELECT breach('ended_changed', 'the job '||OLD.id||' was '||OLD.state||' and was removed'); END""",
    f"""CREATE TEMP TRIGGER render_changed AFTER UPDATE OF state ON render
      WHEN OLD.state IN {OVER} AND NEW.state<>OLD.state
      BEGIN SELECT breach('ended_changed', 'the render '||OLD.id||' was '||OLD.state||' and is '||NEW.state); END""",
    f"""CREATE TEMP TRIGGER render_removed AFTER DELETE ON render WHEN OLD.state IN {OVER}
      BEGIN SELECT breach('ended_changed', 'the render '||OLD.id||' was '||OLD.state||' and was removed'); END""",
)
"""What has ended stays as it is: seen at each change of a row, by the database itself."""
SLEEPS = frozenset({"pause", "run-nap", "db-slow", "clock"})
"""Faults that can make a job late enough to be refused: as many of them as a step has attempts may cost the film."""
_PRINTS = "SELECT render_id, path, fp FROM step WHERE fp IS NOT NULL"
_NEWEST = f"""
SELECT job.id, job.fp, budget_u, cancel_requested, state,
  (SELECT SUM(charge_u) FROM job j WHERE j.payer=job.payer) AS spent_u,
  (SELECT SUM(charge_u) FROM job j WHERE j.month=job.month) AS month_u,
  (SELECT COUNT(*) FROM job j WHERE j.fp=job.fp AND j.state IN {LIVE}) AS live_jobs
FROM (SELECT id, fp, payer, month FROM job ORDER BY rowid DESC LIMIT 1) job
JOIN (SELECT id AS render_id, budget_u, cancel_requested, state FROM render) ON render_id=payer"""
_UNWANTED = f"""
SELECT job.id FROM job WHERE state IN {LIVE} AND cancel_requested=0
  AND fp IN (SELECT fp FROM step JOIN render ON render.id=render_id WHERE cancel_requested=1)
  AND NOT EXISTS(SELECT 1 FROM step s JOIN render q ON q.id=s.render_id WHERE s.fp=job.fp
    AND q.cancel_requested=0 AND q.state IN ('running','paused'))"""


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that did not hold."""

    law: Law
    what: str


_CHECKS: tuple[tuple[str, str], ...] = (
    (r"INSERT INTO job\(", "submitted"),
    (r"(INSERT INTO step|UPDATE step SET .*\bfp\s*=)", "prints"),
    (r"UPDATE render SET cancel_requested=1", "cancelled"),
)


@functools.cache
def checks(sql: str) -> tuple[str, ...]:
    """Which laws a statement could break."""
    text = " ".join(sql.split())
    return tuple(name for pattern, name in _CHECKS if re.match(pattern, text))


class Laws:
    """Breaches found in one run."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.breaches: list[Breach] = []
        self._prints: dict[tuple[str, str], str] = {}

    def breach(self, law: Law, what: str) -> None:
        """Note one."""
        self.breaches.append(Breach(law, what))

    def accepted(self, job: "Paid", others: "list[Paid]") -> None:
        """A provider has taken a job: its intent is stored, and nothing else can be made of that step meanwhile."""
        world, request = self.world, job.request
        rows = world.fetch("SELECT attempt, door, charge_u, state FROM job WHERE id=:id", {"id": request.job_id})
        if not rows or rows[0]["attempt"] != request.attempt or rows[0]["door"] != request.door:
            self.breach("intent", f"job {request.job_id} was submitted and is not stored")
        elif rows[0]["charge_u"] < world.bound_u and rows[0]["state"] in ("intent", "submitted", "running", "unknown"):
            self.breach("intent", f"job {request.job_id} was submitted and its bound is not held")
        if not world.provider.potent(job):
            world.stats["too_late"] += 1
            return
        for other in others:
            if world.provider.potent(other):
                self._both(job, other)

    def _both(self, job: "Paid", other: "Paid") -> None:
        world = self.world
        rows = world.fetch("SELECT state FROM job WHERE id=:id", {"id": other.request.job_id})
        state = rows[0]["state"] if rows else "nothing"
        if state in ("written_off", "lost") or world.risked & {job.request.job_id, other.request.job_id}:
            world.stats["risked"] += 1
        elif other.twice or job.twice:
            world.stats["provider_twice"] += 1
        else:
            self.breach("double_paid", f"job {job.request.job_id} while {other.request.job_id} ({state}) may run")

    def asked(self, handle: str) -> None:
        """A door is asked only for what is stored."""
        if not self.world.fetch("SELECT 1 FROM job WHERE door='paid' AND handle=:handle", {"handle": handle}):
            self.breach("intent", f"the door was asked for {handle}, which is not stored")

    def batched(self, names: "set[str]") -> None:
        """A batch was committed that could break these laws."""
        for name in sorted(names):
            getattr(self, name)()

    def prints(self) -> None:
        """A step's fingerprint is set once."""
        for row in self.world.fetch(_PRINTS):
            if self._prints.setdefault((row["render_id"], row["path"]), row["fp"]) != row["fp"]:
                self.breach("ended_changed", f"the step {row['path']} changed its fingerprint")

    def submitted(self) -> None:
        """The newest job fits its budgets, is alone, and is for a render that runs."""
        row = self.world.fetch(_NEWEST)[0]
        if row["spent_u"] > row["budget_u"] or row["month_u"] > self.world.month_u:
            self.breach("over_budget", f"job {row['id']}: {row['spent_u']} of {row['budget_u']}, {row['month_u']}")
        if row["live_jobs"] > 1:
            self.breach("two_live", f"job {row['id']} of {row['fp']}")
        if row["cancel_requested"] or row["state"] != "running":
            self.breach("cancel", f"job {row['id']} was made for a render that had been stopped")

    def cancelled(self) -> None:
        """Right after a cancel: no live job is left that nobody wants and nobody cancels."""
        for row in self.world.fetch(_UNWANTED):
            self.breach("cancel", f"job {row['id']} is wanted by no render and was not cancelled")

    def finish(self) -> None:
        """At the end: everything has ended, and the ledger says what the provider billed."""
        world = self.world
        for row in world.fetch("SELECT id, state FROM render WHERE state IN ('running','paused')"):
            self.breach("lost", f"the render {row['id']} is {row['state']} for ever")
        for row in world.fetch("SELECT id, state FROM job WHERE open=1"):
            self.breach("lost", f"the job {row['id']} is {row['state']} for ever")
        if world.schedule.harmless:
            for row in world.fetch("SELECT id, state, reason FROM render WHERE state<>'done'"):
                slept = sum(fault.kind in SLEEPS for fault in world.schedule.faults)
                if slept >= ATTEMPTS and row["reason"].endswith(f"({ATTEMPTS} attempts)"):
                    world.stats["worn_out"] += 1
                    continue
                self.breach("lost", f"the render {row['id']} ended as {row['state']} ({row['reason']}) for no reason")
        self._bills()
        self._kept()

    def _kept(self) -> None:
        """No job failed that had left a good result, whatever went wrong on our side."""
        objects, world = self.world.objects, self.world
        failed = {row["id"]: row["error"] for row in world.fetch("SELECT id, error FROM job WHERE state='failed'")}
        for job in world.provider.jobs.values():
            name = job.request.job_id
            result = objects.get(job.request.reserved.result.key, b"") if name in failed else b""
            good = b'"status":"done"' in result or b'"status":"degraded"' in result
            if good and job.runs == 1 and all(ref.key in objects for ref in job.request.outputs.values()):
                self.breach("bookkeeping", f"job {name} left a good result and failed: {failed[name]}")

    def _bills(self) -> None:
        world, bills, told, odd = self.world, Counter[str](), Counter[str](), set[str]()
        for job in world.provider.jobs.values():
            name = job.request.job_id
            if job.twice or job.runs > 1 or name in bills:
                world.stats["ran_twice"] += 1
                odd.add(name)
            bills[name] += job.bill_u(world.price_u)
            told[name] += job.bill_u(world.price_u, told=True)
        for row in world.fetch("SELECT id, state, charge_u, cost_basis FROM job"):
            name, booked, bound = row["id"], row["charge_u"], row["cost_basis"] == "bound"
            billed = told[name] if name in odd else bills[name]
            if bound and name in odd:
                world.stats["outlived"] += booked < bills[name]
            wrong = booked < billed if bound or name in odd else booked != billed
            if wrong and row["cost_basis"] is not None:
                self.breach("bill", f"job {name} ({row['state']}) was booked at {booked} and billed {billed}")
