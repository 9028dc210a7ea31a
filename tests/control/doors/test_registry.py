"""The doors of the database."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.doors.client import Address, DoorClient
from control.doors.network import Network
from control.doors.registry import Door, Doors
from control.errors import NotFound
from control.render.outcome import Terms
from control.store.folder import FolderStore
from control.store.served import ServedFolder, Signer

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
    await doors.load(db, lambda door_id, place: f"token of {door_id} in {place}", lambda: 0)
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
        await Doors().load(db, lambda door_id, place: "", lambda: 0)
    await db.close()


async def test_the_first_door_that_runs_an_engine_is_taken(tmp_path: Path) -> None:
    client = DoorClient(lambda: Address("http://127.0.0.1:9", "x"), "loopback")
    first = Door("a", frozenset({"x"}))
    doors = Doors([(first, client), (Door("b", frozenset({"x", "y"})), client)])
    assert [doors.of_engine(name).id for name in ("x", "y")] == ["a", "b"]  # type: ignore[union-attr]
    await doors.close()


@pytest.mark.parametrize(
    ("base", "networks"),
    [
        ("https://studio.example.org", {"public", "private", "loopback"}),
        ("https://93.184.216.34", {"public", "private", "loopback"}),
        ("http://192.168.1.20:8420", {"private", "loopback"}),
        ("http://100.64.1.2:8420", {"private", "loopback"}),
        ("http://127.0.0.1:8420", {"loopback"}),
        ("http://localhost:8420", {"loopback"}),
        ("http://[::1]:8420", {"loopback"}),
        ("http://0.0.0.0:8420", set[str]()),
    ],
)
def test_a_store_is_reached_as_far_as_its_address_tells(tmp_path: Path, base: str, networks: set[str]) -> None:
    store = ServedFolder(tmp_path, Signer(b"k", base, lambda: 0))
    door = Door("a", frozenset({"x"}))
    every: tuple[Network, ...] = ("public", "private", "loopback")
    assert {network for network in every if replace(door, network=network).reaches(store)} == networks
    assert replace(door, shares_folder=True).reaches(store)


def test_a_folder_that_nobody_serves_is_reached_by_those_that_hold_it(tmp_path: Path) -> None:
    door = Door("a", frozenset({"x"}), network="loopback")
    assert not door.reaches(FolderStore(tmp_path))
    assert replace(door, shares_folder=True).reaches(FolderStore(tmp_path))
