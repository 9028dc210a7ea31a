"""The eight laws of paid work, each broken on purpose: what a laboratory that is worth its name finds."""

from collections.abc import Mapping
from dataclasses import dataclass

from control.errors import StoreError
from control.render.service import Studio
from control.render.views import RenderView
from control.storyboard.models import Storyboard
from tests.faults.core import Core
from tests.faults.laws import Law
from tests.faults.ports import LabStore


@dataclass(frozen=True)
class Mutant:
    """A broken core, and the law that the laboratory must find broken."""

    core: Core
    law: Law


class BlindStore(LabStore):
    """A store that cannot be read looks empty."""

    def _check(self) -> None:
        try:
            super()._check()
        except StoreError:
            self.blind = True

    def _find(self, key: str) -> bytes | None:
        found, self.blind = None if self.blind else super()._find(key), False
        return found


class HazyStore(LabStore):
    """A store that shows no marks of executions."""

    def _find(self, key: str) -> bytes | None:
        return None if "/execution-" in key else super()._find(key)


class EagerStudio(Studio[Storyboard]):
    """A view of a render has its jobs looked at."""

    async def render(self, render_id: str) -> RenderView:
        """As the service's."""
        view = await super().render(render_id)
        for row in await self._desk.db.fetch("SELECT id FROM job WHERE live=1"):
            await self.ring(row["id"])
        return view


def _rewritten(begins: str, old: str, new: str) -> Core:
    """A core with one statement changed: the one that begins so."""
    return Core(rewrites=((begins, old, new),))


MUTANTS: Mapping[str, Mutant] = {
    "1 a POST is not noted before it is sent": Mutant(
        _rewritten("UPDATE job SET posts=posts+1", "posts=posts+1", "posts=posts"), "double_paid"
    ),
    "2 an unknown job counts as never started": Mutant(
        _rewritten(
            "UPDATE job SET state='unknown'",
            "state='unknown'",
            "state='never_started', retryable=1, cost_basis='bound', ended_at=start_by",
        ),
        "double_paid",
    ),
    "3 late progress reopens an ended job": Mutant(
        _rewritten("UPDATE job SET progress=", " AND state IN ('submitted','running')", ""), "ended_changed"
    ),
    "4 a fingerprint may have two live jobs": Mutant(Core(schema=("DROP INDEX job_live",)), "two_live"),
    "5 budgets are not asked": Mutant(_rewritten("INSERT INTO job(", ":bound_u=0 OR", "1 OR"), "over_budget"),
    "5 runs of a job are not counted": Mutant(Core(store=HazyStore), "bill"),
    "6 a store that cannot be read fails the job": Mutant(Core(store=BlindStore), "bookkeeping"),
    "7 a cancel reaches running jobs only": Mutant(
        _rewritten("UPDATE job SET cancel_requested=1", "live=1", "state='running'"), "cancel"
    ),
    "8 a view has jobs looked at": Mutant(Core(studio=EagerStudio), "view"),
}
