"""The doors a Studio knows: what each runs, what it costs, and the client that speaks to it."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pydantic import BaseModel, ConfigDict, TypeAdapter

from control.db import Database
from control.doors.client import Address, DoorClient
from control.doors.network import Network, reachable
from control.errors import NotFound
from control.render.outcome import Terms
from control.store import ObjectStore


@dataclass(frozen=True)
class Door:
    """A place where engines run. `concurrency` jobs run there at a time, `ahead` more may wait in its queue.

    `poll_ms`: first and longest time between two looks at a job. `shares_folder`: it holds the object store itself.
    `rerun_lost`: the stated policy that a lost job is made anew without asking.
    """

    id: str
    engines: frozenset[str]
    concurrency: int = 1
    ahead: int = 1
    executions: int = 1
    network: Network = "public"
    shares_folder: bool = False
    rerun_lost: bool = False
    poll_ms: tuple[int, int] = (1000, 10_000)
    terms: Terms = field(default_factory=Terms)

    @property
    def capacity(self) -> int:
        """Live jobs it is given at most."""
        return self.concurrency + self.ahead

    def reaches(self, store: ObjectStore) -> bool:
        """Whether jobs here can read and write this store: itself, or by URLs that lead to it from here."""
        if self.shares_folder and store.folder is not None:
            return True
        return store.origin is not None and reachable(store.origin, self.network)


class Doors:
    """All doors, in the order in which they are tried for an engine."""

    def __init__(self, doors: Iterable[tuple[Door, DoorClient]] = ()) -> None:
        self._doors = {door.id: (door, client) for door, client in doors}

    def add(self, door: Door, client: DoorClient) -> None:
        """Know one more, or the same one anew."""
        self._doors[door.id] = (door, client)

    def __iter__(self) -> Iterator[Door]:
        return iter([door for door, _ in self._doors.values()])

    def door(self, door_id: str) -> Door:
        """Raises `NotFound`."""
        return self._of(door_id)[0]

    def client(self, door_id: str) -> DoorClient:
        """Raises `NotFound`."""
        return self._of(door_id)[1]

    def of_engine(self, engine: str, named: Container[str] | None = None) -> Door | None:
        """The first door that runs this engine, among those that an accepted quote names as ENGINE@DOOR."""
        found = (door for door, _ in self._doors.values() if engine in door.engines)
        return next((door for door in found if named is None or f"{engine}@{door.id}" in named), None)

    def _of(self, door_id: str) -> tuple[Door, DoorClient]:
        if door_id not in self._doors:
            raise NotFound(f"there is no door {door_id!r} any more; add it again, or cancel what waits for it")
        return self._doors[door_id]

    async def load(self, db: Database, token: Callable[[str], str]) -> None:
        """Add the doors that the database holds; `token` gives the secret of a door's id."""
        for row in await db.fetch("SELECT id, base, network, caps FROM door ORDER BY created_at, id"):
            door = _CAPS.validate_json(row["caps"]).door(row["id"], row["network"])
            address = Address(row["base"], token(door.id))
            self.add(door, DoorClient(partial(_same, address), door.network))

    async def close(self) -> None:
        """Close all clients."""
        for _, client in self._doors.values():
            await client.close()


class _Caps(BaseModel):
    """The column `caps`: what a door can do, and what it costs."""

    model_config = ConfigDict(extra="forbid")

    engines: frozenset[str]
    concurrency: int = 1
    ahead: int = 1
    executions: int = 1
    rerun_lost: bool = False
    poll_ms: tuple[int, int] = (1000, 10_000)
    terms: Terms = Terms()

    def door(self, door_id: str, network: Network) -> Door:
        """The door of these capabilities."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return Door(id=door_id, network=network, **values)


_CAPS = TypeAdapter(_Caps)


def _same(address: Address) -> Address:
    return address
