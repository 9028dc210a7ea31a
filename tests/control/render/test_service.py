"""What the faces of the Studio call."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from control.db import Database
from control.db.documents import ROW_BYTES
from control.errors import BadRequest, Conflict, NotFound, PlanError, StaleRevision, UnsupportedMedia
from control.graph.model import Problem, Recipe
from control.storyboard.models import Storyboard
from tests.control.render.bench import BOARD, DOOR, Bench, bench
from tests.servers.graphs import Node

pytestmark = pytest.mark.anyio
FAN = {"a/key": Node("write:a"), "a/clip": Node("write:b", ("a/key",)), "b/key": Node("write:c")}


@pytest.fixture
async def b(tmp_path: Path, database: Database | None) -> AsyncIterator[Bench]:
    """A bench with a paid door."""
    async with bench(tmp_path, database=database) as found:
        yield found


def board(title: str, **values: object) -> Storyboard:
    return Storyboard.model_validate_json(json.dumps({"title": title, **values}))


async def test_a_film_and_its_revisions(b: Bench) -> None:
    film = await b.studio.create_film(board("One"), author="ann")
    assert (film.title, film.revision) == ("One", 1)
    b.clock.now += 1
    saved = await b.studio.save_revision(film.id, 1, board("Two"), author="bob", reason="better", ops=[{"op": "x"}])
    assert (saved.n, saved.author, saved.reason, saved.ops) == (2, "bob", "better", ({"op": "x"},))
    info, now = await b.studio.revision(film.id)
    assert (info.n, now.title) == (2, "Two")
    _, before = await b.studio.revision(film.id, 1)
    assert before == board("One")
    assert (await b.studio.film(film.id)).title == "Two"
    assert [r.n for r in (await b.studio.revisions(film.id)).items] == [2, 1]


async def test_a_stale_base_is_refused_and_says_which_is_current(b: Bench) -> None:
    film = await b.studio.create_film(board("One"))
    b.clock.now += 1
    await b.studio.save_revision(film.id, 1, board("Two"))
    b.clock.now += 1
    with pytest.raises(StaleRevision) as caught:
        await b.studio.save_revision(film.id, 1, board("Three"))
    assert caught.value.fields["current"] == 2
    with pytest.raises(StaleRevision):
        await b.studio.save_revision(film.id, 5, board("Three"))
    with pytest.raises(NotFound):
        await b.studio.save_revision("nobody", 1, board("Three"))
    assert (await b.studio.film(film.id)).title == "Two"


async def test_a_storyboard_too_large_for_a_row_lies_in_the_store(b: Bench) -> None:
    shots = [
        {"id": f"s{i}", "action": "word " * 60, "notes": [{"id": f"n{i}", "text": "x" * 1900}]} for i in range(200)
    ]
    large = board("Large", scenes=[{"id": "a", "shots": shots}])
    film = await b.studio.create_film(large)
    assert len(large.model_dump_json(exclude_defaults=True)) > ROW_BYTES
    assert (await b.db.fetch("SELECT body FROM revision"))[0]["body"] is None
    assert (await b.studio.revision(film.id))[1] == large


async def test_lists_come_in_pages(b: Bench) -> None:
    made = []
    for i in range(7):
        b.clock.now += i % 2  # some in the same millisecond
        made.append((await b.studio.create_film(board(f"F{i}"))).id)
    seen: list[str] = []
    cursor = None
    while True:
        page = await b.studio.films(limit=3, cursor=cursor)
        seen += [film.id for film in page.items]
        if (cursor := page.cursor) is None:
            break
    assert sorted(seen) == sorted(made)
    assert seen[0] in made[-2:]
    with pytest.raises(BadRequest, match="not a cursor"):
        await b.studio.films(cursor="'; DROP TABLE film")


async def test_what_is_not_there(b: Bench) -> None:
    studio = b.studio
    calls: list[Callable[[str], Awaitable[object]]] = [studio.film, studio.revision, studio.render, studio.take]
    calls += [studio.artifact, studio.upload_file, studio.cancel, studio.pause, studio.resume, studio.choose_take]
    for call in calls:
        with pytest.raises(NotFound):
            await call("nobody")
    with pytest.raises(NotFound):
        await studio.start_render("nobody", Recipe())
    assert (await studio.takes("nobody")).items == ()


async def test_files_of_a_film_reach_its_plan(b: Bench, tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "art.png")
    film = await b.studio.create_film(BOARD)
    sent = await b.studio.put_upload(tmp_path / "art.png", name="art.png")
    assert (sent.width, sent.height, sent.content_type) == (64, 48, "image/png")
    await b.studio.name_file(film.id, "art.png", sent.sha256)
    assert await b.studio.files(film.id) == {"art.png": sent}
    served = await b.studio.upload_file(sent.sha256)
    assert (served.key, served.name, served.size) == (sent.key, "art.png", (tmp_path / "art.png").stat().st_size)
    uploads = await b.desk.planning.uploads(await b.desk.planning.files(film.id))
    assert (uploads["art.png"].sha256, uploads["art.png"].media.width) == (sent.sha256, 64)
    with pytest.raises(NotFound):
        await b.studio.name_file(film.id, "x", "0" * 64)
    (tmp_path / "page.png").write_text("<html>")
    with pytest.raises(UnsupportedMedia):
        await b.studio.put_upload(tmp_path / "page.png")


async def test_a_render_keeps_the_files_it_was_started_with(b: Bench, tmp_path: Path) -> None:
    film = await b.studio.create_film(BOARD)
    shas = []
    for width in (10, 20):
        Image.new("RGB", (width, 10)).save(tmp_path / "art.png")
        shas.append((await b.studio.put_upload(tmp_path / "art.png")).sha256)
        await b.studio.name_file(film.id, "art.png", shas[-1])
        await b.studio.start_render(film.id, Recipe())
    rows = await b.db.fetch("SELECT files FROM render ORDER BY created_at, rowid")
    assert [sha in row["files"] for sha, row in zip(shas, rows, strict=True)] == [True, True]


async def test_a_quote_says_what_exists_and_what_the_rest_costs(b: Bench) -> None:
    b.graphs.nodes = FAN
    film = await b.studio.create_film(BOARD)
    quote = await b.studio.quote(film.id, Recipe())
    assert (quote.made, quote.to_make, quote.bound_u) == (0, 3, 3 * 36_600)
    assert quote.lines[0].door == "paid"
    assert 0 < quote.median_u < quote.bound_u
    await b.run_out(await b.studio.start_render(film.id, Recipe()))
    quote = await b.studio.quote(film.id, Recipe())
    assert (quote.made, quote.to_make, quote.bound_u) == (3, 0, 0)


async def test_a_plan_with_errors_is_not_rendered(b: Bench) -> None:
    wrong = Problem(severity="error", path="scenes[0]", message="nothing to see")
    b.graphs.nodes, b.graphs.problems = FAN, (wrong,)
    film = await b.studio.create_film(BOARD)
    with pytest.raises(PlanError) as caught:
        await b.studio.start_render(film.id, Recipe())
    assert caught.value.problems == (wrong,)
    assert (await b.studio.quote(film.id, Recipe())).problems == (wrong,)
    assert (await b.studio.renders()).items == ()


async def test_an_engine_without_a_door_is_refused_before_anything_runs(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(DOOR, engines=frozenset({"other"}))) as b:
        film = await b.studio.create_film(BOARD)
        with pytest.raises(PlanError, match="no door runs echo"):
            await b.studio.start_render(film.id, Recipe())


async def test_a_door_that_cannot_reach_the_store_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(DOOR, shares_folder=False)) as b:
        film = await b.studio.create_film(BOARD)
        for act in (b.studio.quote, b.studio.start_render):
            with pytest.raises(PlanError, match=r"the door paid cannot reach .* a folder"):
                await act(film.id, Recipe())


async def test_a_view_tells_of_every_step_and_shot(b: Bench) -> None:
    render = await b.start(FAN)
    await b.turn()
    key = next(j for j in b.door.jobs.values() if j.request.params.trigger == "write:a")  # type: ignore[union-attr]
    b.door.begin(key.request.job_id)
    await b.turn(times=3)
    view, early = await b.view(render), await b.studio.render_json(render)
    assert {s.path: s.state for s in view.steps} == {"a/key": "running", "a/clip": "waiting", "b/key": "queued"}
    assert (view.steps[1].reason, view.total, view.made) == ("for a/key", 3, 0)
    shots = {s.id: s for s in view.shots}
    assert (shots["a"].state, shots["a"].doing, shots["a"].fraction) == ("running", "train_lora", 0.25)
    assert shots["b"].state == "queued"
    assert view.eta_s is not None
    assert view.eta_s > 0
    assert view.cost_u == 2 * 36_600  # held
    ended = await b.run_out(render)
    for found, seen in ((view, early), (ended, await b.studio.render_json(render))):
        assert seen.decode() == found.model_dump_json()
    assert {s.state for s in ended.shots} == {"done"}
    assert (ended.eta_s, ended.cost_u, ended.steps[0].seconds) == (0.0, 45, 1.5)


async def test_takes_are_what_the_steps_left(b: Bench) -> None:
    render = await b.start(FAN)
    view = await b.run_out(render)
    takes = (await b.studio.takes(view.film_id)).items
    assert {t.path for t in takes} == set(FAN)
    assert {t.path for t in (await b.studio.takes(view.film_id, shot="b")).items} == {"b/key"}
    assert {s.take_id for s in view.steps} == {t.id for t in takes}
    take = takes[0]
    served = await b.studio.artifact(take.id, "lora.safetensors")
    assert served.content_type == "application/octet-stream"
    assert await b.store.read(served.key) == f"{take.fingerprint} lora.safetensors".encode()
    with pytest.raises(NotFound, match=r"has no film\.mp4"):
        await b.studio.artifact(take.id, "film.mp4")
    await b.studio.fetch(served.key, b.store.root.parent / "copy")
    assert (b.store.root.parent / "copy").stat().st_size == served.size


async def test_choosing_a_take_unmarks_the_other(b: Bench) -> None:
    first = await b.run_out(await b.start({"a/key": Node("write:1")}))
    b.graphs.nodes = {"a/key": Node("write:2")}
    await b.run_out(await b.studio.start_render(first.film_id, Recipe()))
    one, two = (await b.studio.takes(first.film_id, shot="a")).items
    assert (await b.studio.choose_take(one.id)).chosen
    assert (await b.studio.choose_take(two.id)).chosen
    assert not (await b.studio.take(one.id)).chosen


async def test_events_tell_what_happened_in_order(b: Bench) -> None:
    start = (await b.studio.events(-1)).last
    assert start == 0
    render = await b.start({"a/key": Node()})
    view = await b.run_out(render)
    found = await b.studio.events(0)
    assert [e.kind for e in found.events] == ["revision", "render", "job", "take", "render"]
    assert found.events[-1].data == {"state": "done", "reason": ""}
    assert found.last == found.events[-1].seq
    assert (await b.studio.events(found.last)).events == ()
    assert [e.seq for e in (await b.studio.events(1, film_id=view.film_id, limit=2)).events] == [2, 3]
    assert (await b.studio.events(1, film_id="other")).events == ()
    assert (await b.studio.events(found.last + 5)).reset
    await b.db.batch([("DELETE FROM event WHERE seq<3", {})])
    assert (await b.studio.events(1)).reset
    assert not (await b.studio.events(2)).reset


async def test_an_ended_render_can_neither_be_paused_nor_go_on(b: Bench) -> None:
    render = await b.start({"a": Node()})
    await b.run_out(render)
    with pytest.raises(Conflict, match="is done"):
        await b.studio.pause(render)
    with pytest.raises(Conflict, match="start a new one"):
        await b.studio.resume(render)
    await b.studio.cancel(render)
    assert (await b.view(render)).state == "done"


async def test_costs_of_a_month(b: Bench) -> None:
    await b.start({"a": Node()})
    await b.turn()
    costs = await b.studio.costs()
    assert (costs.month, costs.spent_u, costs.held_u, costs.by_engine) == ("2027-01", 0, 36_600, {"echo": 36_600})
    assert costs.limit_u == 10**12
    assert (await b.studio.costs("2026-12")).jobs == 0


async def test_a_render_keeps_its_catalog(b: Bench) -> None:
    render = await b.start({"a": Node()})
    row = (await b.db.fetch("SELECT catalog_sha FROM render WHERE id=:id", {"id": render}))[0]
    kept = await b.desk.planning.catalog(row["catalog_sha"])
    assert kept.sha256 == row["catalog_sha"]
    assert list(kept["echo"].tiers) == ["draft", "standard"]
