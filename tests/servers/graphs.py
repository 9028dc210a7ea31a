"""Planners for tests: a graph as a table instead of a film, made by the echo engine."""

from collections.abc import Mapping
from dataclasses import dataclass

from control.graph.model import Facts, Plan, Problem, Recipe, ShotPlan, Source, Step, Uploads
from control.storyboard.models import Storyboard
from functions.catalog import Catalog
from functions.contract.base import Rate, Size
from functions.contract.canonical import fingerprint
from functions.contract.params import TrainLora
from tests.servers.engines import OUTPUT
from tests.servers.jobs import ECHO

CATALOG = Catalog({ECHO.name: ECHO})


@dataclass(frozen=True)
class Node:
    """A step: what the echo engine is told, what it reads, and a step whose measured size decides its parameters."""

    trigger: str = "write:x"
    needs: tuple[str, ...] = ()
    after: str = ""


class Graphs:
    """A planner whose graph a test may change: plans `nodes`, whatever the storyboard, each as a step of the shot that
    its path begins with; or raises `broken`.
    """

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.problems: tuple[Problem, ...] = ()
        self.broken: Exception | None = None

    def __call__(
        self,
        board: Storyboard,
        recipe: Recipe,
        catalog: Catalog,
        *,
        facts: Facts,
        uploads: Uploads,
        takes: Mapping[str, str] | None = None,
    ) -> Plan:
        """As `control.graph.plan.plan_film`."""
        if self.broken is not None:
            raise self.broken
        steps: dict[str, Step] = {}
        for path, node in self.nodes.items():
            steps[path] = _step(path, node, steps, facts, catalog)
        shots = dict.fromkeys(path.split("/")[0] for path in self.nodes)
        return Plan(
            title=board.title,
            rate=Rate(num=24),
            size=Size(width=64, height=64),
            frames=24 * len(shots),
            shots=tuple(ShotPlan(id=s, label=s, scene="s", start=24 * i, frames=24) for i, s in enumerate(shots)),
            steps=tuple(steps.values()),
            problems=self.problems,
            catalog=catalog.sha256,
        )


def _step(path: str, node: Node, steps: Mapping[str, Step], facts: Facts, catalog: Catalog) -> Step:
    manifest, trigger, waits = catalog["echo"], node.trigger, False
    if node.after:
        found = facts.get(steps[node.after].fingerprint or "", {}).get(OUTPUT)
        waits = found is None
        trigger = f"{trigger}{found.size if found else ''}"
    params = TrainLora(trigger=trigger)
    inputs = {f"ref{i:02d}": Source(step=need, output=OUTPUT) for i, need in enumerate(node.needs)}
    prints = [steps[need].fingerprint for need in node.needs]
    own = None
    if not waits and None not in prints:
        own = fingerprint(
            kind=params.kind,
            engine=manifest.name,
            recipe=manifest.recipe,
            recipe_digest=manifest.tiers["standard"].recipe_digest,
            params=params,
            inputs={f"ref{i:02d}": f"fp:{fp}/{OUTPUT}" for i, fp in enumerate(prints)},
        )
    return Step(
        path=path,
        kind=params.kind,
        engine=manifest.name,
        params=params,
        inputs=inputs,
        outputs=(OUTPUT,),
        fingerprint=own,
        estimated=waits,
        shot=path.split("/", maxsplit=1)[0],
        label=path,
    )
