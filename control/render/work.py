"""A render as one runner holds it in memory: its plan, what is made of it, and where its steps stand."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from control.db import Row
from control.doors.registry import Door, Doors
from control.graph.model import Plan, Step
from control.graph.quote import amounts
from control.graph.urgency import urgency
from control.render import estimate
from control.render.advance import UNTRIED, Attempt, Node, Situation, Standing
from control.render.planning import Known, Subject
from control.render.rows import RenderRow


@dataclass
class Work:
    """Rebuilt from the database by any runner at any time; only saves looking everything up again."""

    render: RenderRow
    subject: Subject
    plan: Plan
    known: Known
    standings: dict[str, Standing] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    """Steps that no door takes for now, and why."""
    hungry: bool = False
    """Whether steps are ready for which no door had room."""
    served_at: int = 0
    """When a job was last submitted for it, in milliseconds since the epoch."""
    _charted: tuple[Plan, "_Chart"] | None = None

    @property
    def steps(self) -> Mapping[str, Step]:
        """Steps by path."""
        return self._chart.steps

    def by_urgency(self, paths: Iterable[str]) -> list[str]:
        """These paths, those with the longest chain of work behind them first."""
        ranks = self._chart.ranks
        return sorted(paths, key=lambda path: -ranks[path])

    def open_prints(self) -> set[str]:
        """Fingerprints of steps that are not made as far as is known."""
        return self._chart.prints - self.known.facts.keys()

    @property
    def _chart(self) -> "_Chart":
        if self._charted is None or self._charted[0] is not self.plan:
            self._charted = self.plan, _Chart(self.plan, self.subject)
        return self._charted[1]

    def situation(self, render: RenderRow, attempts: Iterable[Row], doors: Doors) -> Situation:
        """What a decision rests on now."""
        rerun = {engine: self._reruns(engine, doors) for engine in {step.engine for step in self.plan.steps}}
        found: dict[str, tuple[Attempt, ...]] = {}
        for row in attempts:
            found[row["fp"]] = (*found.get(row["fp"], ()), _attempt(row))
        return Situation(
            render=render.id,
            nodes=self._chart.nodes(rerun),
            made=self.known.made,
            attempts=found,
            refused=self.refused,
            held=dict(self.held),
            cancelled=render.cancel_requested,
            paused=render.state == "paused",
        )

    def rows(self, doors: Doors) -> list[dict[str, Any]]:
        """The steps as the database keeps them."""
        # Never behind a door that the accepted quote does not name.
        at = {engine: doors.of_engine(engine, self.render.named) for engine in {s.engine for s in self.plan.steps}}
        chart = self._chart
        costs = {key: self._cost(step, at[step.engine]) for key, step in chart.alike.items()}
        own = (costs[key] for key in chart.amounts.values())
        return [self._row(n, step, cost) for n, (step, cost) in enumerate(zip(self.plan.steps, own, strict=True))]

    def _cost(self, step: Step, door: Door | None) -> tuple[str, int, int]:
        """The door's name, and median and upper bound in micro-dollars."""
        if door is None:
            return "", 0, 0
        manifest = self.subject.catalog[step.engine]
        median = estimate.median_u(step, manifest, door.terms)
        return door.id, median, estimate.bound_u(step, manifest, door.terms, door.executions)

    def outline(self) -> str:
        """What views need of the plan, as JSON."""
        return self.plan.model_dump_json(include={"title", "shots", "problems", "frames", "rate", "size"})

    def changed(self, standings: Mapping[str, Standing]) -> dict[str, Standing]:
        """Those that differ from what was written last."""
        return {path: now for path, now in standings.items() if self.standings.get(path) != now}

    def _reruns(self, engine: str, doors: Doors) -> bool:
        """Whether a lost job of this engine is made anew without asking."""
        door = doors.of_engine(engine, self.render.named)
        return door is not None and door.rerun_lost

    def _row(self, n: int, step: Step, cost: tuple[str, int, int]) -> dict[str, Any]:
        door, median_u, bound_u = cost
        made = step.fingerprint in self.known.facts
        return {
            "path": step.path,
            "n": n,
            "kind": step.kind,
            "engine": step.engine,
            "door": door,
            "fp": step.fingerprint,
            "shot": step.shot,
            "label": step.label,
            "estimated": int(step.estimated),
            "quote_u": 0 if made else median_u,
            "bound_u": 0 if made else bound_u,
            "expect_s": self._chart.seconds[step.path],
        }


class _Chart:
    """What follows from a plan alone, found once for each."""

    def __init__(self, plan: Plan, subject: Subject) -> None:
        self.steps = {step.path: step for step in plan.steps}
        self.prints = {step.fingerprint for step in plan.steps if step.fingerprint is not None}
        self.amounts = {step.path: amounts(step) for step in plan.steps}
        self.alike = {self.amounts[step.path]: step for step in plan.steps}
        """One step of each amount of work."""
        took = {key: estimate.seconds(step, subject.catalog[step.engine]) for key, step in self.alike.items()}
        self.seconds = {path: took[key] for path, key in self.amounts.items()}
        self.ranks = urgency(plan.steps, self.seconds)
        self._nodes: tuple[Mapping[str, bool], tuple[Node, ...]] | None = None

    def nodes(self, rerun: Mapping[str, bool]) -> tuple[Node, ...]:
        """The steps as a decision sees them; `rerun` says of each engine whether a lost job is made anew."""
        if self._nodes is None or self._nodes[0] != rerun:
            found = tuple(Node(s.path, s.fingerprint, s.needs, rerun_lost=rerun[s.engine]) for s in self.steps.values())
            self._nodes = rerun, found
        return self._nodes[1]


def _attempt(row: Row) -> Attempt:
    error: dict[str, str] = json.loads(row["error"] or "{}")
    return Attempt(
        number=row["attempt"],
        state=row["state"],
        payer=row["payer"],
        cancel_requested=bool(row["cancel_requested"]),
        retryable=bool(row["retryable"]),
        reason=error.get("message", ""),
        untried=error.get("code") == UNTRIED,
    )


def newly_made(before: Mapping[str, Standing], now: Mapping[str, Standing]) -> list[str]:
    """Paths that became done or degraded."""
    made = ("done", "degraded")
    return [p for p, s in now.items() if s.state in made and (p not in before or before[p].state not in made)]
