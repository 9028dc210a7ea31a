"""The doors a Studio knows: what each runs, what it costs, whether it is open, and the client that speaks to it."""

import random
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, TypeAdapter

from control.db import Database, Row
from control.doors import breaker as breakers
from control.doors.breaker import Breaker
from control.doors.choice import Choice, candidates, choose
from control.doors.client import Address, DoorClient, Manners
from control.doors.limits import Gate
from control.doors.network import Network, reachable
from control.doors.providers import Kind, providers
from control.errors import NotFound, StudioError
from control.render.outcome import Terms
from control.store import ObjectStore

REFRESH_MS = 5000
"""How long a change that another process made may go unseen."""
_ROWS = (
    "SELECT id, base, network, caps, kind, secret, breaker, changed_at, removed_at FROM door ORDER BY created_at, id"
)
_REFUSED = """
SELECT door, engine FROM described d WHERE refused<>'' AND at=(
  SELECT MAX(at) FROM described WHERE door=d.door AND engine=d.engine)"""
_SAVE = "UPDATE door SET breaker=:breaker WHERE id=:id"
Secret = Callable[[str, str], str]
"""The secret of a door's id that lies at a place. Raises `StudioError`."""


@dataclass(frozen=True)
class Door:
    """A place where engines run. `concurrency` jobs run there at a time, `ahead` more may wait in its queue.

    `poll_ms`: first and longest time between two looks at a job. `shares_folder`: it holds the object store itself.
    `rerun_lost`: the stated policy that a lost job is made anew without asking. `provider` names what its account
    shares with other doors, which together hold `provider_jobs` live jobs at most. A `retired` one takes nothing new.
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
    kind: Literal["builtin", "runpod", "modal", "local"] = "local"
    provider: str = ""
    provider_jobs: int = 100
    retired: bool = False

    @property
    def capacity(self) -> int:
        """Live jobs it is given at most."""
        return self.concurrency + self.ahead

    def reaches(self, store: ObjectStore) -> bool:
        """Whether jobs here can read and write this store."""
        return self.shares_folder or (store.origin is not None and reachable(store.origin, self.network))


class Caps(BaseModel):
    """The column `caps`: what a door can do, and what it costs."""

    model_config = ConfigDict(extra="forbid")

    engines: frozenset[str]
    concurrency: int = 1
    ahead: int = 1
    executions: int = 1
    rerun_lost: bool = False
    poll_ms: tuple[int, int] = (1000, 10_000)
    terms: Terms = Terms()
    endpoints: dict[str, str] = {}
    management: str = ""

    def door(self, door_id: str, network: Network, **more: object) -> Door:
        """The door of these capabilities."""
        names = type(self).model_fields.keys() - {"endpoints", "management"}
        values = {name: getattr(self, name) for name in names}
        return Door(id=door_id, network=network, **{**values, **more})


CAPS = TypeAdapter(Caps)


class Guard:
    """Whether a door is open. What it learns is written down by `Doors.save`."""

    def __init__(self, breaker: Breaker, rng: random.Random) -> None:
        self.breaker, self.saved, self._rng = breaker, breaker, rng

    def allows(self, now: int, job: str = "") -> bool:
        """Whether a job may be sent now."""
        return self.breaker.allows(now, job)

    def tried(self, now: int, job: str) -> None:
        """A job is sent."""
        self.breaker = self.breaker.tried(now, job)

    def answered(self) -> None:
        """The door has answered as a door does."""
        self.breaker = Breaker()

    def failed(self, now: int, reason: str, *, at_once: bool = False) -> None:
        """It has not."""
        self.breaker = self.breaker.failed(now, reason, self._rng, at_once=at_once)


@dataclass
class _Entry:
    door: Door
    client: DoorClient
    guard: Guard
    version: tuple[int, int | None, frozenset[str]] | None = None


class Doors:
    """All doors, in the order of their making. `rng` spreads the times at which closed ones are tried again."""

    def __init__(self, doors: Iterable[tuple[Door, DoorClient]] = (), rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._entries: dict[str, _Entry] = {}
        self._gates: dict[str, Gate] = {}
        self._source: tuple[Secret, Callable[[], int]] | None = None
        self._refreshed = 0
        self._former: list[DoorClient] = []  # may still be waiting for an answer
        for door, client in doors:
            self.add(door, client)

    def add(self, door: Door, client: DoorClient, breaker: Breaker | None = None) -> None:
        """Know one more, or the same one anew."""
        self._entries[door.id] = _Entry(door, client, Guard(breaker or Breaker(), self._rng))

    def __iter__(self) -> Iterator[Door]:
        return iter([entry.door for entry in self._entries.values() if not entry.door.retired])

    def door(self, door_id: str) -> Door:
        """Raises `NotFound`. A retired door is found too, as long as it has jobs."""
        return self._of(door_id).door

    def knows(self, door_id: str) -> bool:
        """Whether it is there, retired or not."""
        return door_id in self._entries

    def client(self, door_id: str) -> DoorClient:
        """Raises `NotFound`."""
        return self._of(door_id).client

    def guard(self, door_id: str) -> Guard:
        """Raises `NotFound`."""
        return self._of(door_id).guard

    def of_engine(self, engine: str, named: Container[str] | None = None) -> Door | None:
        """The first door that runs this engine, among those that an accepted quote names as ENGINE@DOOR."""
        return next(iter(candidates(self, engine, named)), None)

    def choose(self, engine: str, named: Container[str] | None, busy: Mapping[str, int], now: int) -> Choice:
        """Where a job of this engine goes now. `busy` counts live jobs by door."""
        known = {door_id: entry.guard.breaker for door_id, entry in self._entries.items()}
        return choose(self, engine, named, known, busy, now)

    def _of(self, door_id: str) -> _Entry:
        if door_id not in self._entries:
            raise NotFound(f"there is no door {door_id!r} any more; add it again, or cancel what waits for it")
        return self._entries[door_id]

    # the database --------------------------------------------------------------------------------------------------

    async def load(self, db: Database, secret: Secret, clock: Callable[[], int]) -> None:
        """Know the doors that the database holds, from now on as they are there."""
        self._source = secret, clock
        await self._read(db, secret, clock)

    async def refresh(self, db: Database, now: int, *, at_once: bool = False) -> None:
        """See what other processes changed, at most every few seconds."""
        if self._source is not None and (at_once or now - self._refreshed >= REFRESH_MS):
            self._refreshed = now
            await self._read(db, *self._source)

    async def save(self, db: Database) -> None:
        """Write down which doors have closed or opened."""
        changed = [(e.door.id, e.guard) for e in self._entries.values() if e.guard.breaker != e.guard.saved]
        if changed:
            await db.batch([(_SAVE, {"id": door_id, "breaker": guard.breaker.text()}) for door_id, guard in changed])
        for _, guard in changed:
            guard.saved = guard.breaker

    async def _read(self, db: Database, secret: Secret, clock: Callable[[], int]) -> None:
        refused: dict[str, set[str]] = {}
        for row in await db.fetch(_REFUSED):
            refused.setdefault(row["door"], set()).add(row["engine"])
        rows = {row["id"]: row for row in await db.fetch(_ROWS)}
        for door_id, row in rows.items():
            self._update(row, frozenset(refused.get(door_id, ())), secret, clock)
        for door_id in [e.door.id for e in self._entries.values() if e.version is not None and e.door.id not in rows]:
            self._former.append(self._entries.pop(door_id).client)

    def _update(self, row: Row, refused: frozenset[str], secret: Secret, clock: Callable[[], int]) -> None:
        version = (row["changed_at"], row["removed_at"], refused)
        known = self._entries.get(row["id"])
        if known is not None and known.version == version:
            return
        kind: Kind = row["kind"]
        caps, account = CAPS.validate_json(row["caps"]), f"{kind}:{urlsplit(row['base']).hostname}"
        door = caps.door(
            row["id"],
            row["network"],
            engines=caps.engines - refused,
            kind=kind,
            provider=account,
            provider_jobs=providers()[kind].jobs,
            retired=row["removed_at"] is not None,
        )
        client = self._client(row, caps, account, secret, clock)
        if known is not None:
            self._former.append(known.client)
        self.add(door, client, breakers.parse(row["breaker"]))
        self._entries[door.id].version = version

    def _client(self, row: Row, caps: Caps, account: str, secret: Secret, clock: Callable[[], int]) -> DoorClient:
        kind: Kind = row["kind"]
        provider, token, broken = providers()[kind], "", ""
        try:
            token = secret(row["id"], row["secret"])
        except StudioError as error:
            broken = error.detail
        shared = self._gates.setdefault(account, Gate(provider.provider_rates))
        manners = Manners(caps.endpoints, provider.policy, caps.management, (Gate(provider.rates), shared), broken)
        key, _, rest = token.partition(":")
        address = Address(row["base"], rest, key) if provider.pair else Address(row["base"], token)
        return DoorClient(partial(_same, address), row["network"], manners=manners, clock=clock)

    async def close(self) -> None:
        """Close all clients."""
        for client in (*(entry.client for entry in self._entries.values()), *self._former):
            await client.close()


def _same(address: Address) -> Address:
    return address
