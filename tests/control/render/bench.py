"""A Studio on a bench: everything real but the door, the clock and the planner."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from control.db import Database
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.doors.client import Address, DoorClient
from control.doors.registry import Door, Doors
from control.graph.model import Recipe
from control.render.desk import Desk
from control.render.outcome import Terms
from control.render.planning import Planning
from control.render.runner import Runner
from control.render.service import Studio
from control.render.views import RenderView
from control.store.folder import FolderStore
from control.storyboard.models import Storyboard
from tests.servers.graphs import CATALOG, Graphs, Node
from tests.servers.paid_door import TOKEN, PaidDoor, PaidJob, State, paid_door

BOARD = Storyboard.model_validate({"title": "Tiny"})
DOOR = Door(
    id="paid",
    engines=frozenset({"echo"}),
    concurrency=4,
    ahead=0,
    shares_folder=True,
    poll_ms=(100, 1000),
    terms=Terms(price_u=10, start_allowance_s=60),
)

ONE = {"a": Node()}
FAN = {
    "a/key": Node("write:a"),
    "a/clip": Node("write:b", ("a/key",)),
    "b/key": Node("write:c"),
    "film": Node("write:f", ("a/clip", "b/key")),
}
"""Two shots and a film: four steps, of which one waits for one and one for two."""


@dataclass
class Clock:
    """Stands until it is moved."""

    now: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


@dataclass
class Bench:
    """The parts, and how a test moves them."""

    db: Database
    store: FolderStore
    server: PaidDoor
    graphs: Graphs
    desk: Desk
    runner: Runner
    studio: Studio[Storyboard]
    clock: Clock

    @property
    def file(self) -> Path:
        """The database, where it is a file."""
        return self.store.root.parent / "studio.db"

    @property
    def door(self) -> State:
        """What the door has seen and will do."""
        return self.server.state

    async def start(self, nodes: Mapping[str, Node] | None = None, recipe: Recipe | None = None) -> str:
        """A render of a new film; `nodes` replace the graph."""
        if nodes is not None:
            self.graphs.nodes = nodes
        film = await self.studio.create_film(BOARD)
        return await self.studio.start_render(film.id, recipe or Recipe())

    async def turn(self, *, ms: int = 1100, times: int = 1, runner: Runner | None = None) -> None:
        """Let time pass, tick, and wait for every look."""
        for _ in range(times):
            self.clock.now += ms
            await (runner or self.runner).tick()
            await (runner or self.runner).settle_looks()

    async def view(self, render: str) -> RenderView:
        """What a person sees."""
        return await self.studio.render(render)

    async def states(self, render: str) -> dict[str, str]:
        """Step states by path."""
        return {s.path: s.state for s in (await self.view(render)).steps}

    async def jobs(self) -> list[dict[str, Any]]:
        """All job rows in the order of their making."""
        return await self.db.fetch("SELECT * FROM job ORDER BY created_at, attempt")

    async def live(self) -> list[PaidJob]:
        """The door's jobs that have not ended."""
        return [job for job in self.door.jobs.values() if job.status in ("IN_QUEUE", "IN_PROGRESS")]

    async def finish_all(self, status: str = "done") -> None:
        """Let every job at the door end well."""
        for job in await self.live():
            self.door.finish(job.request.job_id, status)

    async def run_out(self, render: str, turns: int = 20) -> RenderView:
        """Finish whatever comes until the render has ended."""
        for _ in range(turns):
            await self.turn()
            await self.finish_all()
            view = await self.view(render)
            if view.state not in ("running", "paused"):
                return view
        raise AssertionError(await self.states(render))

    def another_runner(self) -> Runner:
        """As another process has it."""
        return Runner(self.desk)


@contextlib.asynccontextmanager
async def bench(
    folder: Path,
    door: Door = DOOR,
    *,
    month_limit_u: int = 10**12,
    address: Callable[[], Address | None] | None = None,
    database: Database | None = None,
) -> AsyncIterator[Bench]:
    """A bench in `folder`; its `database`, a file there without one, is closed with it."""
    clock = Clock()
    store = FolderStore(folder / "objects")
    with paid_door(store.root) as server:
        server.state.repeatable = door.terms.repeatable
        db = database or SqliteDatabase(folder / "studio.db", busy_ms=200)
        await migrate(db)
        client = DoorClient(address or (lambda: Address(server.url, TOKEN)), "loopback")
        doors = Doors([(door, client)])
        graphs = Graphs({"a": Node()})
        planning = Planning(db, store, graphs)
        desk = Desk(db, store, doors, planning, SigningKey(b"k" * 32), month_limit_u, clock)
        runner = Runner(desk)
        yield Bench(db, store, server, graphs, desk, runner, Studio(desk, CATALOG), clock)
        await runner.settle_looks()
        await doors.close()
        await db.close()


def cheaper(door: Door = DOOR, **changes: Any) -> Door:
    """The door with other terms."""
    return replace(door, terms=replace(door.terms, **changes))
