"""Small films for the laboratory: graphs of one to six steps of one engine, planned once and looked up after that."""

from collections.abc import Mapping

from control.graph.model import Facts, OutputFacts, Plan, Recipe, Uploads
from control.storyboard.models import Storyboard
from functions.catalog import Catalog
from functions.contract.media import MediaFacts
from tests.servers.graphs import Graphs, Node
from tests.servers.jobs import ECHO

FILMS: Mapping[str, Mapping[str, Node]] = {
    "one": {"a": Node("write:a")},
    "two": {"a": Node("write:a"), "b": Node("write:b", ("a",))},
    "same": {"a": Node("write:a"), "a2": Node("write:a"), "c": Node("write:c", ("a2",))},
    "join": {"a": Node("write:a"), "c": Node("write:c"), "d": Node("write:d", ("a", "c"))},
    "late": {"a": Node("write:a"), "b": Node("write:b", after="a"), "e": Node("write:e", ("b",))},
    "wide": {
        "a": Node("write:a"),
        "c": Node("write:c"),
        "f": Node("write:f"),
        "g": Node("write:g"),
        "h": Node("write:h", ("a", "c", "f", "g")),
    },
}
"""By title. They share steps, so that renders of two films want the same ones."""


CATALOGS = tuple(Catalog({"echo": ECHO.model_copy(update={"recipe": n, "deadline_s": 120})}) for n in (1, 2))
"""Before and after an upgrade that makes every step anew."""


class Planner:
    """Plans what `Graphs` plans; each plan is made once a process."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, int, tuple[int, ...]], tuple[Plan, tuple[str, ...]]] = {}

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
        """As `control.graph.plan.plan_film`. Facts are asked for as the planner would ask for them."""
        title, version = board.title, catalog["echo"].recipe
        sizes: tuple[int, ...] = ()
        while True:
            key = (title, version, sizes)
            if key not in self._plans:
                self._plans[key] = self._plan(title, catalog, sizes)
            plan, waits = self._plans[key]
            found = [facts.get(fp) for fp in waits]
            now = tuple(next(iter(outputs.values())).size for outputs in found if outputs is not None)
            if now == sizes:
                return plan
            sizes = now

    def _plan(self, title: str, catalog: Catalog, sizes: tuple[int, ...]) -> tuple[Plan, tuple[str, ...]]:
        graphs, nodes = Graphs(FILMS[title]), FILMS[title]
        board = Storyboard.model_validate({"title": title})
        plan = graphs(board, Recipe(), catalog, facts={}, uploads={})
        waits = tuple(plan.step(node.after).fingerprint or "" for node in nodes.values() if node.after)
        if sizes:
            outputs = plan.steps[0].outputs
            known = {fp: {outputs[0]: _fact(size)} for fp, size in zip(waits, sizes, strict=True)}
            plan = graphs(board, Recipe(), catalog, facts=known, uploads={})
        return plan, waits


def _fact(size: int) -> OutputFacts:
    return OutputFacts(key="x", sha256="0" * 64, size=size, media=MediaFacts(type="data"))


PLANNER = Planner()
