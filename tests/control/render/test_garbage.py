"""What nothing refers to goes after a day, and nothing else ever does."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from control.db import Database, Value
from control.errors import Busy, StoreError
from control.graph.model import Recipe
from control.render.garbage import DAY_MS, Collected, Garbage
from control.render.ledger import Adopted, Ledger
from control.render.outcome import End
from control.render.renders import Renders, taking
from control.render.rows import job_of, render_of
from control.store.folder import FolderStore
from functions.contract.errors import WireError
from tests.control.render.bench import Bench, bench
from tests.servers.graphs import Node

pytestmark = pytest.mark.anyio
ONE = {"a": Node("write:a")}
TWO = {"a": Node("write:a"), "b": Node("write:b", ("a",))}


@pytest.fixture(params=["sqlite", "worker"])
def database(request: pytest.FixtureRequest) -> Database | None:
    """A file, or D1."""
    if request.param == "sqlite":
        return None
    server = request.getfixturevalue("d1")
    server.reset()
    found: Database = server.database("worker")
    return found


@pytest.fixture
async def b(tmp_path: Path, database: Database | None) -> AsyncIterator[Bench]:
    """A bench with a paid door."""
    async with bench(tmp_path, database=database) as found:
        yield found


async def unwanted(b: Bench) -> str:
    """An artifact that nothing refers to, as a job leaves it whose render was cancelled. Its fingerprint."""
    await b.run_out(await b.start(ONE))
    await b.db.batch([("DELETE FROM take", {})])
    (job,) = await b.jobs()
    return str(job["fp"])


async def prints(b: Bench) -> list[str]:
    return [row["fp"] for row in await b.db.fetch("SELECT fp FROM artifact ORDER BY fp")]


async def objects(b: Bench) -> list[str]:
    return [head.key async for head in b.store.list("artifacts/")]


async def pass_by(b: Bench, days: float = 0) -> Collected:
    b.clock.now += int(days * DAY_MS)
    return await Garbage(b.db, b.store).collect(b.clock())


async def test_what_nothing_refers_to_goes_after_a_day_row_first(b: Bench) -> None:
    fp = await unwanted(b)
    assert await pass_by(b) == Collected(0, 0, 0)
    await pass_by(b, 0.9)
    assert await prints(b) == [fp]
    lying = await objects(b)
    assert lying
    assert await pass_by(b, 0.2) == Collected(1, 0, len(lying))
    assert (await prints(b), await objects(b)) == ([], [])
    assert len(await b.jobs()) == 1  # what was paid stays on the books
    assert await pass_by(b, 3) == Collected(0, 0, 0)


async def test_what_a_film_shows_stays(b: Bench) -> None:
    await b.run_out(await b.start(TWO))
    lying = await objects(b)
    for _ in range(3):
        assert await pass_by(b, 10) == Collected(0, 0, 0)
    assert len(await prints(b)) == 2
    assert await objects(b) == lying


async def test_what_an_active_render_wants_stays_and_what_it_adopts_loses_its_mark(b: Bench) -> None:
    fp = await unwanted(b)
    await pass_by(b)
    b.clock.now += DAY_MS + 1
    render = await b.start(TWO)
    await b.turn()  # planned, and b is on its way; a is found made
    assert (await b.states(render))["a"] == "done"
    assert await b.db.fetch("SELECT fp FROM artifact WHERE condemned_at IS NOT NULL") == []
    await pass_by(b, 2)
    assert fp in await prints(b)
    assert (await b.run_out(render)).state == "done"


async def test_a_step_of_an_active_render_is_enough(b: Bench) -> None:
    fp = await unwanted(b)
    render = await b.start({"a": Node("write:a"), "c": Node("write:c")})
    await b.turn()
    await b.db.batch([("DELETE FROM take", {})])
    for state in ("running", "paused"):
        await b.db.batch([("UPDATE render SET state=:state WHERE id=:id", {"state": state, "id": render})])
        await pass_by(b, 2)
        await pass_by(b, 2)
        assert fp in await prints(b)


@pytest.mark.parametrize("by", ["steps", "take"])
async def test_who_adopts_clears_the_mark_in_the_same_batch(b: Bench, by: str) -> None:
    fp = await unwanted(b)
    (row,) = await b.db.fetch("SELECT * FROM render")
    await b.db.batch([("UPDATE artifact SET condemned_at=1", {}), ("DELETE FROM take", {})])
    if by == "steps":
        (step,) = await b.db.fetch("SELECT * FROM step")
        await Renders(b.db).save_steps(row["id"], [step], "{}")
    else:
        take = {"id": "t", "shot": "a", "kind": "keyframe", "path": "a", "label": "a", "fp": fp}
        await b.db.batch(taking(render_of(row), [take], b.clock()))
    assert await b.db.fetch("SELECT condemned_at FROM artifact") == [{"condemned_at": None}]


async def test_what_is_read_of_has_a_whole_day_again(b: Bench) -> None:
    fp = await unwanted(b)
    await pass_by(b)
    b.clock.now += DAY_MS - 1
    film = (await b.studio.films()).items[0]
    await b.studio.plan(film.id, Recipe())  # what a render does before it writes its steps
    await pass_by(b, 0.5)
    assert await prints(b) == [fp]
    await pass_by(b, 0.9)
    assert await prints(b) == [fp]
    await pass_by(b, 0.2)
    assert await prints(b) == []


async def test_the_input_of_an_open_job_stays(b: Bench) -> None:
    first = await unwanted(b)
    render = await b.start(TWO)
    await b.turn()
    await b.studio.cancel(render)
    await b.db.batch([("UPDATE render SET state='cancelled'", {}), ("DELETE FROM take", {})])
    await pass_by(b)
    await pass_by(b, 2)
    assert await prints(b) == [first]
    await b.finish_all()
    await b.turn(times=3)
    assert [job["state"] for job in await b.jobs()] == ["done", "done"]
    await pass_by(b)
    await pass_by(b, 2)
    assert await prints(b) == []


async def test_objects_of_jobs_that_left_nothing_go_too(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    job = b.door.accepted[0]
    b.door.begin(job)
    b.door.finish(job, "failed", error=WireError(code="broken", message="broken"))
    await b.turn(times=3)
    assert (await b.jobs())[0]["state"] == "failed"
    await b.studio.cancel(render)
    await b.turn(times=2)
    lying = await objects(b)
    assert lying
    await pass_by(b, 0.9)
    assert await objects(b) == lying
    await pass_by(b, 0.2)
    assert await objects(b) == []


async def test_a_pass_that_broke_off_is_finished_by_the_next(b: Bench) -> None:
    await unwanted(b)
    await pass_by(b)

    class Failing(FolderStore):
        async def delete(self, key: str) -> None:
            raise StoreError("the store is away")

    b.clock.now += DAY_MS + 1
    with pytest.raises(StoreError):
        await Garbage(b.db, Failing(b.store.root)).collect(b.clock())
    assert await prints(b) == []
    assert await objects(b)
    await pass_by(b)
    assert await objects(b) == []


async def test_a_settlement_that_comes_a_day_late_brings_nothing_back(b: Bench) -> None:
    fp = await unwanted(b)
    (row,) = await b.jobs()
    kept = (await b.db.fetch("SELECT facts, bytes FROM artifact"))[0]
    await pass_by(b)
    await pass_by(b, 2)
    late = Adopted(kept["facts"], kept["bytes"], "{}")
    await Ledger(b.db).settle(job_of(row), End("done", 0, "measured"), late, b.clock())
    assert fp not in await prints(b)


async def test_what_was_collected_is_made_again(b: Bench) -> None:
    await unwanted(b)
    await pass_by(b)
    await pass_by(b, 2)
    view = await b.run_out(await b.start(ONE))
    assert (view.state, view.made, view.reused) == ("done", 1, 0)
    assert len(b.door.accepted) == 2


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)


async def uploaded(b: Bench, tmp_path: Path) -> str:
    (tmp_path / "face.png").write_bytes(PNG)
    return (await b.studio.put_upload(tmp_path / "face.png")).sha256


async def uploads(b: Bench) -> tuple[int, int]:
    rows = await b.db.fetch("SELECT COUNT(*) AS n FROM upload")
    return rows[0]["n"], len([head async for head in b.store.list("uploads/")])


async def test_an_upload_that_no_film_names_goes_after_a_day(b: Bench, tmp_path: Path) -> None:
    await uploaded(b, tmp_path)
    await pass_by(b)
    await pass_by(b, 0.9)
    assert await uploads(b) == (1, 1)
    assert await pass_by(b, 0.2) == Collected(0, 1, 1)
    assert await uploads(b) == (0, 0)
    await uploaded(b, tmp_path)
    assert await uploads(b) == (1, 1)


async def test_an_upload_that_a_film_names_stays(b: Bench, tmp_path: Path) -> None:
    sha = await uploaded(b, tmp_path)
    await pass_by(b)
    render = await b.start(ONE)
    film = (await b.studio.films()).items[0]
    b.clock.now += DAY_MS + 1
    await b.studio.name_file(film.id, "face.png", sha)
    await pass_by(b)
    await pass_by(b, 5)
    assert await uploads(b) == (1, 1)
    await b.run_out(render)
    # Named by a render that is under way, and by nothing else.
    values: dict[str, Value] = {"files": json.dumps({"face.png": sha})}
    await b.db.batch([("DELETE FROM film_file", {}), ("UPDATE render SET state='paused', files=:files", values)])
    await pass_by(b, 5)
    await pass_by(b, 5)
    assert await uploads(b) == (1, 1)
    await b.db.batch([("UPDATE render SET state='done'", {})])
    await pass_by(b)
    await pass_by(b, 2)
    assert await uploads(b) == (0, 0)


async def test_an_upload_sent_again_loses_its_mark(b: Bench, tmp_path: Path) -> None:
    await uploaded(b, tmp_path)
    await pass_by(b)
    b.clock.now += DAY_MS + 1
    await uploaded(b, tmp_path)
    await pass_by(b)
    assert await uploads(b) == (1, 1)


async def test_an_upload_that_is_being_removed_is_not_taken(b: Bench, tmp_path: Path) -> None:
    sha = await uploaded(b, tmp_path)
    values: dict[str, Any] = {"sha": sha}
    await b.db.batch([("INSERT INTO dropped_upload VALUES(:sha,'png',0)", values), ("DELETE FROM upload", {})])
    with pytest.raises(Busy, match="send it again"):
        await uploaded(b, tmp_path)
    await pass_by(b)
    await uploaded(b, tmp_path)
    assert await uploads(b) == (1, 1)
