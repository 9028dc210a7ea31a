"""A Studio as a process, over a stand-in RunPod endpoint: `python -m tests.faults.studio DATA STORE URL RUN`.

It renders the film of run RUN until that is made, and prints `done` then. Whatever stays unknown though nothing else
moves is written off, as a person would.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from control.doors.client import Address, DoorClient, Manners
from control.doors.registry import Door
from control.graph.model import Recipe
from control.render.desk import wall_ms
from control.render.outcome import Terms
from control.render.service import Studio
from control.render.session import Place, opened
from control.render.views import RenderView
from control.store.folder import FolderStore
from control.storyboard.models import Storyboard
from tests.servers.graphs import CATALOG, Graphs, Node
from tests.servers.jobs import DOOR, STUDIO
from tests.servers.runpod_queue import KEY

PRICE_U = 760
"""Micro-dollars a second: the stand-in's A100."""
EXECUTIONS = 2
HURRY = 10
"""How much faster the Studio's clock goes, so that what it waits minutes for comes in seconds."""
PATIENCE = 100
"""Looks at a render that stands still, 50 ms apart, until a person accepts the risk of what is unknown."""


def nodes(run: str) -> Mapping[str, Node]:
    """Two shots of two steps and a cut; every step's text names the run, so that no two runs share one."""
    found = {}
    for n, shot in enumerate(("s1", "s2")):
        found[f"{shot}/key"] = Node(f"slow:0.{3 + n}0{run.rjust(9, '0')}")
        found[f"{shot}/clip"] = Node(f"write:{run} {shot} ", (f"{shot}/key",), after=f"{shot}/key")
    return {**found, "film": Node(f"write:{run} film ", ("s1/clip", "s2/clip"))}


def film(run: str) -> bytes:
    """What the film of a run is, by the words of the engine that makes it: a clip knows its key's size, which is 4."""
    return f"{run} film {run} s1 4slow{run} s2 4slow".encode()


def door(url: str) -> tuple[Door, DoorClient]:
    """The endpoint, as a Studio knows it that shares its folder with the workers."""
    terms = Terms(
        price_u=PRICE_U, start_allowance_s=600, forgets=True, increment_ms=1000, minimum_ms=1000, metered=True
    )
    known = Door(
        id=DOOR,
        engines=frozenset({"echo"}),
        concurrency=2,
        executions=EXECUTIONS,
        network="loopback",
        shares_folder=True,
        rerun_lost=True,
        poll_ms=(1000, 4000),
        terms=terms,
        kind="runpod",
    )
    manners = Manners(endpoints={"echo": url.rpartition("/")[2]}, policy=True)
    return known, DoorClient(lambda: Address(url.rpartition("/v2/")[0], KEY), "loopback", manners=manners)


def clock(data: Path) -> Callable[[], int]:
    """Milliseconds since the epoch, hurried since the first Studio over this folder began."""
    mark = data / "began"
    if not mark.exists():
        mark.write_text(str(wall_ms()))
    began = int(mark.read_text())
    return lambda: began + (wall_ms() - began) * HURRY


async def main(data: Path, store: Path, url: str, run: str) -> None:
    """Render until the film is made."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "signing.key").write_text(bytes(STUDIO).hex())
    place = Place(data, data / "studio.db", door=False, runner=False)
    async with opened(place, FolderStore(store), Graphs(nodes(run)), CATALOG, clock=clock(data)) as session:
        session.desk.doors.add(*door(url))
        advancing = asyncio.create_task(session.runner.run())
        print("ready", flush=True)
        await made(session.studio)
        print("done", flush=True)
        advancing.cancel()
        await asyncio.gather(advancing, return_exceptions=True)


async def made(studio: Studio[Storyboard]) -> None:
    """Render, again where a render failed, until all is made."""
    found = (await studio.renders()).items
    if found:
        film_id, render = found[0].film_id, found[0].id
    else:
        film_id = (await studio.create_film(Storyboard.model_validate({"title": "Killed"}))).id
        render = await studio.start_render(film_id, Recipe())
    while (view := await ended(studio, render)).state != "done":
        print("again:", view.state, view.reason, flush=True)
        render = await studio.start_render(film_id, Recipe())


async def ended(studio: Studio[Storyboard], render: str) -> RenderView:
    """The render, once it has ended; what stays unknown meanwhile is written off."""
    before, still = "", 0
    while (view := await studio.render(render)).state == "running":
        now = repr([(s.path, s.state) for s in view.steps])
        before, still = now, still + 1 if now == before else 0
        if still > PATIENCE:
            for step in view.steps:
                if step.state == "unknown":
                    print("risk:", step.path, flush=True)
                    await studio.accept_risk(render, step.path)
        await asyncio.sleep(0.05)
    return view


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
