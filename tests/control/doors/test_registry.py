"""The doors of the database."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.doors.client import Address, DoorClient
from control.doors.registry import Door, Doors
from control.errors import NotFound
from control.render.outcome import Terms
from control.store.folder import FolderStore

pytestmark = pytest.mark.anyio


async def database(folder: Path, caps: dict[str, object]) -> SqliteDatabase:
    db = SqliteDatabase(folder / "studio.db")
    await migrate(db)
    sql = "INSERT INTO door(id,base,network,caps,created_at) VALUES('gpu','https://gpu.example','public',:caps,0)"
    await db.batch([(sql, {"caps": json.dumps(caps)})])
    return db


async def test_doors_are_read_with_their_terms(tmp_path: Path) -> None:
    caps = {"engines": ["motion-wan"], "concurrency": 3, "terms": {"price_u": 700, "forgets": True}}
    db = await database(tmp_path, caps)
    doors = Doors()
    await doors.load(db, lambda door_id: f"token of {door_id}")
    door = doors.door("gpu")
    assert door.terms == Terms(price_u=700, forgets=True)
    assert (door.network, door.capacity, door.shares_folder) == ("public", 4, False)
    assert doors.of_engine("motion-wan") == door
    assert doors.of_engine("other") is None
    assert doors.client("gpu").base == "https://gpu.example"
    assert [d.id for d in doors] == ["gpu"]
    with pytest.raises(NotFound, match="no door 'cpu'"):
        doors.door("cpu")
    await doors.close()
    await db.close()


async def test_unknown_capabilities_are_refused(tmp_path: Path) -> None:
    db = await database(tmp_path, {"engines": [], "speed": "fast"})
    with pytest.raises(ValidationError, match="speed"):
        await Doors().load(db, str)
    await db.close()


async def test_the_first_door_that_runs_an_engine_is_taken(tmp_path: Path) -> None:
    client = DoorClient(lambda: Address("http://127.0.0.1:9", "x"), "loopback")
    first = Door("a", frozenset({"x"}))
    doors = Doors([(first, client), (Door("b", frozenset({"x", "y"})), client)])
    assert [doors.of_engine(name).id for name in ("x", "y")] == ["a", "b"]  # type: ignore[union-attr]
    store = FolderStore(tmp_path)
    assert not first.reaches(store)
    assert replace(first, shares_folder=True).reaches(store)
    await doors.close()
