"""Doors added, tested and removed, over real doors."""

import json
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from control.db import Result, Row, Statement, Value
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.doors.book import DoorBook
from control.doors.registry import Doors
from control.doors.secrets import Secrets
from control.doors.spec import NewDoor
from control.doors.trial import Lab
from control.errors import Conflict, Invalid, NotFound
from control.render.desk import wall_ms
from control.store.folder import FolderStore
from control.store.served import ServedFolder
from functions.catalog import Catalog
from tests.servers.door import TOKEN, Door, door
from tests.servers.engines import MANIFEST
from tests.servers.jobs import DOOR, ECHO, STUDIO
from tests.servers.management import management
from tests.servers.runpod_queue import KEY, runpod_queue
from tests.servers.runpod_worker import runpod_worker
from tests.servers.stores import served_store

pytestmark = pytest.mark.anyio


@dataclass
class Desk:
    """A book and what it keeps."""

    book: DoorBook
    db: SqliteDatabase
    folder: Path
    clock: list[int]

    async def add(self, **values: Any) -> None:
        """Add a door of the echo engine, whose token is the test door's."""
        new = {"id": DOOR, "kind": "local", "engines": ("echo",), "secret": TOKEN, **values}
        await self.book.add(NewDoor.model_validate(new))

    async def job(self, state: str, **values: Any) -> None:
        """A job at the test door."""
        row = {
            **{"id": "j" * 24, "fp": "f" * 64, "attempt": 1, "kind": "motion", "engine": "echo", "film_id": "x"},
            **{"door": DOOR, "payer": "r", "month": "2027-01", "state": state, "request": "{}", "charge_u": 5},
            **{"start_by": 0, "deadline_s": 1, "executions": 1, "next_poll_at": 9**14, "created_at": 0, **values},
        }
        columns = ",".join(row)
        await self.db.batch([(f"INSERT INTO job({columns}) VALUES({','.join(':' + c for c in row)})", row)])


@dataclass
class Watched:
    """A database; who reads the doors' secrets after each change sees this."""

    db: SqliteDatabase
    secrets: Secrets
    seen: list[str] = field(default_factory=list)

    async def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        return await self.db.fetch(sql, params)

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        done = await self.db.batch(statements)
        for row in await self.db.fetch("SELECT id, secret FROM door"):
            self.seen.append(self.secrets.read(row["id"], row["secret"]))
        return done

    async def close(self) -> None:
        await self.db.close()


@asynccontextmanager
async def desk(
    folder: Path, store: FolderStore | ServedFolder | None = None, catalog: Catalog | None = None
) -> AsyncIterator[Desk]:
    db = SqliteDatabase(folder / "studio.db")
    await migrate(db)
    clock, ids = [1_800_000_000_000], random.Random(7)
    now: Callable[[], int] = lambda: clock[0]  # noqa: E731
    lab = Lab(store or FolderStore(folder / "objects"), STUDIO, now, lambda: f"{ids.getrandbits(96):024x}", 20.0)
    secrets, doors = Secrets(folder / "doors", {}), Doors()
    await doors.load(db, secrets.read, now)
    book = DoorBook(db, doors, secrets, catalog or Catalog({"echo": ECHO}), lab, now, lambda: None)
    yield Desk(book, db, folder, clock)
    await doors.close()
    await db.close()


@pytest.fixture
async def d(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk without doors."""
    async with desk(tmp_path) as found:
        yield found


@contextmanager
def own_door(folder: Path, *options: str, **more: Any) -> Iterator[Door]:
    with door(folder / "own", *options, store="", **more) as running:
        yield running


async def test_a_door_is_added_and_its_secret_is_in_no_database(d: Desk) -> None:
    await d.add(base="http://127.0.0.1:9", secret="s3cr3t-of-the-door")
    view = await d.book.view(DOOR)
    assert (view.kind, view.network, view.standing, view.secret) == (
        "local",
        "loopback",
        "open",
        "a file of the Studio",
    )
    assert "s3cr3t" not in view.model_dump_json()
    await d.db.close()
    assert b"s3cr3t" not in b"".join(path.read_bytes() for path in d.folder.glob("studio.db*"))


async def test_what_is_wrong_adds_nothing(d: Desk) -> None:
    for wrong in ({"base": "http://10.0.0.1"}, {"base": "http://127.0.0.1:9", "secret": "é"}, {"engines": ("other",)}):
        with pytest.raises(Invalid):
            await d.add(**wrong)
    assert not await d.book.views()
    assert not (d.folder / "doors").exists()


async def test_whoever_sees_a_door_finds_its_secret(d: Desk) -> None:
    """A process that reads the row at once, between all that adding does, would keep a client without a key."""
    db = Watched(d.db, d.book.secrets)
    for secret in ("first", "second"):
        new = NewDoor(id=DOOR, kind="local", engines=("echo",), base="http://127.0.0.1:9", secret=secret)
        await replace(d.book, db=db).add(new)
    assert db.seen == ["first", "second"]
    assert len(list((d.folder / "doors").iterdir())) == 1


async def test_a_door_in_the_way_keeps_its_secret(d: Desk) -> None:
    await d.add(base="http://127.0.0.1:9", secret="first")
    await d.job("unknown")
    with pytest.raises(Conflict):
        await d.add(base="http://127.0.0.1:10", secret="second")
    (row,) = await d.db.fetch("SELECT id, secret FROM door")
    assert d.book.secrets.read(row["id"], row["secret"]) == "first"
    assert len(list((d.folder / "doors").iterdir())) == 1


async def test_another_process_sees_a_door_and_a_missing_secret_closes_it(d: Desk) -> None:
    other = Doors()
    await other.load(d.db, Secrets(d.folder / "elsewhere", {}).read, lambda: d.clock[0])
    await d.add(base="http://127.0.0.1:9")
    assert not list(other)
    await other.refresh(d.db, d.clock[0])
    assert [found.id for found in other] == [DOOR]
    report = await DoorBook(d.db, other, d.book.secrets, d.book.catalog, d.book.lab, d.book.clock, d.book.wake).test(
        DOOR
    )
    assert not report.ok
    assert "secret of the door test-door cannot be read" in report.checks[0].said
    await other.close()


async def test_a_door_of_ones_own_is_tested_with_a_tiny_job(tmp_path: Path) -> None:
    with (
        served_store(tmp_path / "objects") as store,
        own_door(tmp_path, "--origin", store.origin or "") as running,
    ):
        async with desk(tmp_path, store) as d:
            d.clock[0] = wall_ms()
            await d.add(base=running.url)
            report = await d.book.test(DOOR)
            assert [(c.name, c.ok) for c in report.checks] == [
                ("echo: health", True),
                ("echo: what it is", True),
                ("echo: a tiny job", True),
            ], report
            assert not list((tmp_path / "objects").rglob("*.safetensors"))
            (engine,) = (await d.book.view(DOOR)).engines
            assert (engine.version, engine.refused, engine.tested_at) == ("1.2.3", "", d.clock[0])


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"catalog": MANIFEST.replace("recipe = 1", "recipe = 2")}, "it has recipe 2 of echo"),
        ({"id": "another-name"}, "it calls itself 'test-door'"),
    ],
)
async def test_a_door_that_lies_about_its_engine_is_not_used_until_it_is_mended(
    tmp_path: Path, what: dict[str, str], said: str
) -> None:
    with door(tmp_path / "own", catalog=what.get("catalog", MANIFEST)) as running:
        async with desk(tmp_path) as d:
            name = what.get("id", DOOR)
            await d.add(id=name, base=running.url)
            assert d.book.doors.of_engine("echo") is not None
            report = await d.book.test(name)
            assert said in report.checks[1].said
            assert not report.ok
            assert d.book.doors.of_engine("echo") is None
            assert said in (await d.book.view(name)).engines[0].refused
    if "catalog" in what:
        with door(tmp_path / "mended") as running:
            async with desk(tmp_path) as d:
                await d.add(base=running.url)
                await d.book.test(DOOR, job=False)
                assert d.book.doors.of_engine("echo") is not None


@pytest.mark.parametrize("secret", ["wrong", "x" * 500])
async def test_a_wrong_token_is_said_and_not_shown(tmp_path: Path, secret: str) -> None:
    with door(tmp_path / "own") as running:
        async with desk(tmp_path) as d:
            await d.add(base=running.url, secret=secret)
            report = await d.book.test(DOOR)
            assert not report.ok
            assert "token" in report.checks[0].said
            assert secret not in report.model_dump_json()


async def test_a_door_that_is_nowhere_is_said(d: Desk) -> None:
    await d.add(base="http://127.0.0.1:9")
    (check,) = (await d.book.test(DOOR)).checks
    assert "the door at http://127.0.0.1:9 gives no answer" in check.said
    with pytest.raises(NotFound, match="no door 'nowhere'"):
        await d.book.test("nowhere")


async def test_runpod_is_described_by_a_job_once_for_each_image(tmp_path: Path) -> None:
    image = "registry.example.org/vivijure/echo@sha256:" + "b" * 64
    with (
        runpod_queue() as queue,
        management("ep-test", KEY) as managed,
        runpod_worker(queue, tmp_path / "worker", VIVIJURE_IMAGE=image),
    ):
        managed.image = image
        async with desk(tmp_path) as d:
            rented = {"kind": "runpod", "engines": (), "endpoints": {"echo": "ep-test"}, "price_u": 310}
            base = queue.url.removesuffix("/v2/ep-test")
            await d.add(base=base, network="loopback", secret=KEY, management=managed.url, **rented)
            report = await d.book.test(DOOR)
            assert [c.ok for c in report.checks] == [True, True, None], report
            assert "costs money" in report.checks[2].said
            assert (await d.book.view(DOOR)).engines[0].image == image
            assert len(queue.jobs.accepted) == 1
            assert "this cost $" in report.checks[1].said
            (asked,) = await d.db.fetch("SELECT kind, door, state, charge_u, cost_basis, live FROM job")
            assert asked["charge_u"] == queue.jobs.bill_u() * 310 // queue.jobs.rules.price_u > 0
            assert (asked["kind"], asked["door"], asked["cost_basis"], asked["live"]) == (
                "describe",
                DOOR,
                "provider",
                0,
            )
            again = await d.book.test(DOOR)
            assert again.ok
            assert "as described before" in again.checks[1].said
            assert len(queue.jobs.accepted) == 1
            managed.workers = {"min": 0, "max": 0}
            d.clock[0] += 120_000
            report = await d.book.test(DOOR)
            assert "may start no worker" in report.checks[0].said


async def test_what_asking_may_cost_is_held_before_anything_is_sent(tmp_path: Path) -> None:
    with runpod_queue() as queue, management("ep-test", KEY) as managed:
        async with desk(tmp_path) as d:
            rented = {"kind": "runpod", "engines": (), "endpoints": {"echo": "ep-test"}, "price_u": 310}
            base = queue.url.removesuffix("/v2/ep-test")
            await d.add(base=base, network="loopback", secret=KEY, management=managed.url, **rented)
            bound = 310 * (120 + 600) * 2
            book = replace(d.book, month_limit_u=bound - 1)
            report = await book.test(DOOR)
            assert report.checks[1].ok is None
            assert "not asked: its upper bound of $0.45 does not fit" in report.checks[1].said
            assert not queue.jobs.accepted
            silent = replace(d.book, month_limit_u=bound).patient(1.0)
            report = await silent.test(DOOR)
            assert "booked at most $0.45" in report.checks[1].said
            assert len(queue.jobs.accepted) == 1
            (asked,) = await d.db.fetch("SELECT charge_u, cost_basis FROM job")
            assert tuple(asked.values()) == (bound, "bound")
            assert "not asked" in (await silent.test(DOOR)).checks[1].said


async def test_a_removed_door_gets_nothing_and_is_known_until_its_jobs_have_ended(d: Desk) -> None:
    await d.add(base="http://127.0.0.1:9")
    await d.job("unknown")
    assert not await d.book.remove(DOOR)
    assert d.book.doors.of_engine("echo") is None
    assert d.book.doors.door(DOOR).retired
    (view,) = await d.book.views()
    assert (view.retired, view.unknown) == (True, 1)
    with pytest.raises(Conflict, match="jobs are open at http"):
        await d.add(base="http://127.0.0.1:10")
    await d.db.batch([("UPDATE job SET state='lost'", {})])
    assert not await d.book.views()
    assert not list((d.folder / "doors").iterdir())
    with pytest.raises(NotFound):
        d.book.doors.door(DOOR)


async def test_unknown_outcomes_are_told_and_decided(d: Desk) -> None:
    await d.add(base="http://127.0.0.1:9")
    note = {"note": "the door gave no answer"}
    await d.job("unknown", known=json.dumps(note), start_by=d.clock[0] + 60_000)
    (job,) = await d.book.unknowns()
    assert (job.sent, job.held_u, job.written_off) == (note["note"], 5, False)
    assert "It has not begun anywhere." in job.known
    await d.db.batch([("UPDATE job SET known=:k", {"k": json.dumps({**note, "started": "1", "worker": "w-7"})})])
    (job,) = await d.book.unknowns()
    assert "It began on w-7" in job.known
    await d.book.keep_waiting(job.job)
    assert (await d.db.fetch("SELECT next_poll_at FROM job"))[0]["next_poll_at"] == 0
    await d.book.accept_risk(job.job)
    (job,) = await d.book.unknowns()
    assert job.written_off
    await d.db.batch([("UPDATE job SET state='done'", {})])
    with pytest.raises(Conflict, match="is not unknown"):
        await d.book.accept_risk(job.job)
    with pytest.raises(NotFound):
        await d.book.accept_risk("nothing")
