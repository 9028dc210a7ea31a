"""A Studio before RunPod's own worker loop: the job API, presigned URLs and management over loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from control.doors.spec import NewDoor
from control.graph.model import Recipe
from control.render.session import Place, Session, opened, signing_key
from control.render.views import RenderView
from tests.control.render.bench import BOARD
from tests.servers.graphs import CATALOG, Graphs, Node
from tests.servers.jobs import DOOR
from tests.servers.management import Management, management
from tests.servers.runpod_queue import KEY, RunpodQueue, runpod_queue
from tests.servers.runpod_worker import runpod_worker
from tests.servers.stores import served_store

pytestmark = pytest.mark.anyio
WAIT_S = 60.0


@dataclass
class Rented:
    """The parts."""

    session: Session
    queue: RunpodQueue
    managed: Management

    async def until(self, render: str, reached: Callable[[RenderView], bool]) -> RenderView:
        """The view once it is as wanted."""
        loop = asyncio.get_running_loop()
        end = loop.time() + WAIT_S
        while not reached(view := await self.session.studio.render(render)):
            assert loop.time() < end, (view, await self.session.db.fetch("SELECT state, known, error FROM job"))
            await asyncio.sleep(0.1)
        return view

    async def start(self) -> str:
        """A render of one step, bound by what it may cost."""
        film = await self.session.studio.create_film(BOARD)
        return await self.session.studio.start_render(film.id, Recipe(budget_u=10**9))


@contextlib.asynccontextmanager
async def rented(folder: Path) -> AsyncIterator[Rented]:
    place = Place(folder / "data", folder / "data" / "studio.db", door=False, month_limit_u=10**10)
    place.data.mkdir()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(served_store(folder / "objects"))
        queue, managed = stack.enter_context(runpod_queue()), stack.enter_context(management("ep-test", KEY))
        keys = bytes(signing_key(place.data / "signing.key").verify_key).hex()
        worker = {"VIVIJURE_DOOR_KEYS": keys, "VIVIJURE_DOOR_ORIGINS": store.origin or ""}
        stack.enter_context(runpod_worker(queue, folder / "worker", store="", **worker))
        graphs = Graphs({"a": Node("write:hello")})
        async with opened(place, store, graphs, CATALOG) as session:
            door = {
                **{"id": DOOR, "kind": "runpod", "endpoints": {"echo": "ep-test"}, "price_u": 310, "secret": KEY},
                **{"base": queue.url.removesuffix("/v2/ep-test"), "network": "loopback", "management": managed.url},
            }
            await session.doors.add(NewDoor.model_validate(door))
            yield Rented(session, queue, managed)


async def test_a_step_is_made_once_behind_runpod(tmp_path: Path) -> None:
    async with rented(tmp_path) as r:
        view = await r.until(await r.start(), lambda v: v.state != "running")
        assert (view.state, view.made) == ("done", 1), view.reason
        (handle,) = r.queue.jobs.accepted
        body = r.queue.jobs.jobs[handle].body
        assert body["policy"]["ttl"] >= body["policy"]["executionTimeout"]
        assert KEY not in str(body)
        again = await r.until(await r.start(), lambda v: v.state != "running")
        assert (again.state, again.reused, len(r.queue.jobs.accepted)) == ("done", 1, 1)


@pytest.mark.parametrize("what", ["reset", "break", "html"])
async def test_a_job_whose_answer_was_lost_is_found_by_what_it_left(tmp_path: Path, what: str) -> None:
    async with rented(tmp_path) as r:
        r.queue.jobs.faults.run.append(what)
        view = await r.until(await r.start(), lambda v: v.state != "running")
        assert (view.state, len(r.queue.jobs.accepted)) == ("done", 1), view.reason


async def test_an_endpoint_that_was_scaled_to_nothing_gets_no_job_until_it_is_raised(tmp_path: Path) -> None:
    async with rented(tmp_path) as r:
        r.managed.workers = {"min": 0, "max": 0}
        render = await r.start()
        doors = r.session.doors
        await r.until(render, lambda v: r.session.desk.doors.guard(DOOR).breaker.tripped)
        await asyncio.sleep(0.5)
        (view,) = await doors.views()
        assert view.standing == "closed"
        assert "may start no worker" in view.reason
        assert not r.queue.jobs.accepted
        r.managed.workers = {"min": 0, "max": 1}
        assert (await doors.test(DOOR, describe=False)).ok  # as a person does who has raised it
        await r.until(render, lambda v: v.state == "done")
        assert (await doors.view(DOOR)).standing == "open"
