"""The jobs that wait for a worker, and which of them a free worker takes."""

import asyncio
from dataclasses import dataclass, field

from functions.serve.queue import Entry

PASSES = 3
"""How often a job may be passed over before it is taken whatever it needs."""


@dataclass(eq=False)
class Place:
    """A worker, and the engines that it has loaded."""

    loaded: set[str] = field(default_factory=set)


class Waiting:
    """Jobs in the order of their coming. A worker takes first what it has loaded, then what no other has: fewer load
    the same model where jobs of other engines wait too, and nobody stands idle while a job waits.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._passed: dict[str, int] = {}
        self._places: list[Place] = []
        self._idle: dict[Place, asyncio.Future[Entry]] = {}

    def join(self) -> Place:
        """A fresh worker is there."""
        place = Place()
        self._places.append(place)
        return place

    def leave(self, place: Place) -> None:
        """It is gone."""
        self._places.remove(place)

    def put(self, entry: Entry) -> None:
        """One more job: for an idle worker that has its engine loaded, for any idle one, or to wait."""
        engine = entry.request.engine
        place = next((p for p in self._idle if engine in p.loaded), next(iter(self._idle), None))
        if place is None:
            self._entries.append(entry)
        else:
            place.loaded.add(engine)
            self._idle.pop(place).set_result(entry)

    async def take(self, place: Place) -> Entry:
        """The next job of this worker, when there is one."""
        if self._entries:
            entry = self._entries.pop(self._choice(place))
            self._passed.pop(entry.id, None)
            place.loaded.add(entry.request.engine)
            return entry
        given: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._idle[place] = given
        try:
            return await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self._entries.insert(0, given.result())
            raise
        finally:
            self._idle.pop(place, None)

    def _choice(self, place: Place) -> int:
        """Which of the waiting jobs, the ones before it being passed over."""
        engines = [entry.request.engine for entry in self._entries]
        if self._passed.get(self._entries[0].id, 0) >= PASSES:
            return 0
        elsewhere = {engine for other in self._places if other is not place for engine in other.loaded}
        mine = (n for n, engine in enumerate(engines) if engine in place.loaded)
        fresh = (n for n, engine in enumerate(engines) if engine not in elsewhere)
        chosen = next(mine, next(fresh, 0))
        for entry in self._entries[:chosen]:
            self._passed[entry.id] = self._passed.get(entry.id, 0) + 1
        return chosen
