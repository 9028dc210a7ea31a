"""A whole Studio with its real built-in door, over a folder and over a real S3 server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from control.errors import StudioError
from control.graph.model import Recipe
from control.render.session import Place, Session, opened, signing_key
from control.render.views import RenderView
from control.store import ObjectStore
from control.store.folder import FolderStore
from functions.catalog import builtin
from tests.control.render.bench import BOARD
from tests.servers.engines import MANIFEST
from tests.servers.graphs import CATALOG, Graphs, Node
from tests.servers.s3 import seaweed
from tests.servers.stores import s3_store

pytestmark = pytest.mark.anyio
GRAPH = {
    "a/key": Node("write:a"),
    "a/line": Node("slow:0.1"),
    "a/clip": Node("write:c", ("a/key",), after="a/line"),
    "film": Node("write:f", ("a/clip", "a/line")),
}


@contextlib.asynccontextmanager
async def studio(
    folder: Path, store: ObjectStore, graph: Mapping[str, Node] = GRAPH, *, workers: int = 2
) -> AsyncIterator[Session]:
    """An open Studio whose door runs the echo engine."""
    (folder / "catalog").mkdir(parents=True, exist_ok=True)
    (folder / "catalog" / "echo.toml").write_text(MANIFEST)
    options = ["--catalog", str(folder / "catalog")]
    place = Place(folder, folder / "studio.db", workers=workers, door_options=options)
    async with opened(place, store, Graphs(graph), CATALOG) as session:
        yield session


async def ended(session: Session, render: str) -> RenderView:
    for _ in range(3000):
        view = await session.studio.render(render)
        if view.state not in ("running", "paused"):
            return view
        await asyncio.sleep(0.02)
    raise AssertionError(view)


async def rendered(session: Session) -> RenderView:
    film = await session.studio.create_film(BOARD)
    return await ended(session, await session.studio.start_render(film.id, Recipe()))


async def test_a_film_over_a_folder(tmp_path: Path) -> None:
    async with studio(tmp_path, FolderStore(tmp_path / "objects")) as session:
        view = await rendered(session)
        assert (view.state, view.made, view.reason) == ("done", 4, "")
        again = await ended(session, await session.studio.start_render(view.film_id, Recipe()))
        assert (again.state, again.made, again.reused) == ("done", 0, 4)
    async with studio(tmp_path, FolderStore(tmp_path / "objects")) as session:  # opened anew
        again = await ended(session, await session.studio.start_render(view.film_id, Recipe()))
        assert (again.made, again.reused) == (0, 4)
        film = (await session.studio.takes(view.film_id, shot="film")).items[0]
        served = await session.studio.artifact(film.id, "lora.safetensors")
        assert (await session.store.read(served.key)).startswith(b"f")


async def test_a_film_over_s3_whose_door_holds_no_credential(tmp_path: Path) -> None:
    (tmp_path / "weed").mkdir()
    with seaweed(tmp_path / "weed") as server:
        async with studio(tmp_path / "data", s3_store(server)) as session:
            view = await rendered(session)
            assert (view.state, view.made, view.reason) == ("done", 4, "")
            stored = (await session.db.fetch("SELECT request FROM job LIMIT 1"))[0]["request"]
            assert "http" not in stored
            assert "Signature" not in stored


async def test_a_typed_failure_of_an_engine_reaches_the_person(tmp_path: Path) -> None:
    graph = {"a": Node("fail:there is no such paint"), "b": Node("write:b")}
    async with studio(tmp_path, FolderStore(tmp_path / "objects"), graph) as session:
        view = await rendered(session)
        assert {s.path: s.state for s in view.steps} == {"a": "failed", "b": "done"}
        assert "there is no such paint" in view.reason


async def test_cancel_stops_what_runs(tmp_path: Path) -> None:
    graph = {f"s{i}": Node(f"slow:{60 + i}") for i in range(5)}
    async with studio(tmp_path, FolderStore(tmp_path / "objects"), graph) as session:
        film = await session.studio.create_film(BOARD)
        render = await session.studio.start_render(film.id, Recipe())
        while not any(s.state == "running" for s in (await session.studio.render(render)).steps):
            await asyncio.sleep(0.02)
        await session.studio.cancel(render)
        view = await ended(session, render)
        assert view.state == "cancelled"
        jobs = await session.db.fetch("SELECT state FROM job")
        assert {job["state"] for job in jobs} == {"cancelled"}


async def test_two_studios_over_one_folder_share_the_work(tmp_path: Path) -> None:
    graph = {f"s{i}": Node(f"slow:0.{i:02d}") for i in range(10, 18)}
    store = FolderStore(tmp_path / "objects")
    async with studio(tmp_path, store, graph) as first, studio(tmp_path, store, graph) as second:
        views = await asyncio.gather(rendered(first), rendered(second))
        assert [view.state for view in views] == ["done", "done"]
        assert sum(view.made for view in views) == 8
        jobs = await first.db.fetch("SELECT state FROM job")
        assert [job["state"] for job in jobs] == ["done"] * 8


def test_the_signing_key_is_made_once_and_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    first = signing_key(path)
    assert signing_key(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["signing.key"]
    path.write_text("not a key")
    with pytest.raises(StudioError, match="holds no signing key"):
        signing_key(path)


async def test_the_built_in_door_offers_no_engine_that_needs_a_gpu(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "studio.db", workers=1, lazy_door=True)
    async with opened(place, FolderStore(tmp_path / "objects"), Graphs(GRAPH), builtin()) as session:
        assert session.door is not None
        offered = session.door.door.engines
    assert "animatic" in offered
    assert not offered & {"keyframe-sdxl", "motion-wan", "train-lora-sdxl"}
