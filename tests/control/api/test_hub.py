"""Live events: fan-out, coming back, and rest while nobody listens."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from control.api.hub import PENDING, Hub, Signal
from control.db import Database
from control.render.service import Studio
from control.render.views import Events
from control.settings import load
from control.storyboard import text
from control.storyboard.models import Storyboard
from control.studio import open_session
from tests.control.api.conftest import BOARD

WAIT_S = 20


@asynccontextmanager
async def parts(data: Path) -> AsyncIterator[tuple[Hub, Database, str]]:
    """A hub over a real database, and a film in it."""
    async with open_session(load({}, data=data, door=False, runner=False)) as session:
        film = await session.studio.create_film(text.read(BOARD).board)
        hub = Hub(session.studio)
        yield hub, session.db, film.id
        await hub.close()


async def tell(db: Database, film: str, count: int, name: str = "note") -> None:
    """Write events as the runner does."""
    insert = "INSERT INTO event(op,film_id,kind,data,at) VALUES(:op,:film,'render','{}',0)"
    await db.batch([(insert, {"op": f"{name}:{film}:{n}", "film": film}) for n in range(count)])


async def take(signals: AsyncIterator[Signal], count: int) -> list[Signal]:
    async def collect() -> list[Signal]:
        found = []
        async for signal in signals:
            found.append(signal)
            if len(found) == count:
                break
        return found

    return await asyncio.wait_for(collect(), WAIT_S)


def test_every_listener_hears_each_event_of_its_film_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            parts(tmp_path) as (hub, db, film),
            hub.listen(film, 0) as first,
            hub.listen(None, 0) as all_films,
            hub.listen("other", None) as other,
        ):
            await take(first, 1)
            await take(all_films, 1)
            await tell(db, film, 3)
            heard = [s.seq or 0 for s in await take(first, 3)]
            assert heard == [s.seq for s in await take(all_films, 3)]
            assert heard == sorted(set(heard))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(aiter(other)), 0.7)

    asyncio.run(scenario())


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (hub, db, film):
            await tell(db, film, 700)
            async with hub.listen(film, 1) as signals:
                await asyncio.sleep(0.6)
                await tell(db, film, 5, "later")
                heard = [s.seq for s in await take(signals, 705)]
            assert heard == list(range(2, 707))

    asyncio.run(scenario())


def test_who_comes_back_too_late_is_told_to_read_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (hub, db, film):
            await tell(db, film, 10)
            await db.batch([("DELETE FROM event WHERE seq<8", {})])
            async with hub.listen(film, 3) as signals:
                assert (await take(signals, 1))[0].kind == "reset"
                await tell(db, film, 1, "later")
                assert (await take(signals, 1))[0].kind == "change"

    asyncio.run(scenario())


def test_the_poller_rests_without_listeners_and_starts_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (hub, db, film):
            assert hub._poller is None
            for turn in range(3):
                async with hub.listen(film, None) as signals:
                    await asyncio.sleep(0.4)
                    await tell(db, film, 1, f"turn{turn}")
                    assert len(await take(signals, 1)) == 1
                assert hub._poller is None

    asyncio.run(scenario())


def test_a_listener_that_comes_as_the_last_one_leaves_is_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (hub, db, film):
            leaving = hub.listen(film, None)
            await leaving.__aenter__()
            coming = hub.listen(film, None)

            async def leave() -> None:
                await leaving.__aexit__(None, None, None)

            async def come() -> AsyncIterator[Signal]:
                return await coming.__aenter__()

            left: Coroutine[None, None, None] = leave()
            _, signals = await asyncio.gather(left, come())
            await asyncio.sleep(0.4)
            await tell(db, film, 1)
            assert len(await take(signals, 1)) == 1
            await coming.__aexit__(None, None, None)

    asyncio.run(scenario())


class Slow:
    """A Studio that takes its time to say which event is the last."""

    def __init__(self, studio: Studio[Storyboard]) -> None:
        self.studio = studio
        self.render, self.renders = studio.render, studio.renders

    async def events(self, since: int, *, film_id: str | None = None, limit: int = 500) -> Events:
        await asyncio.sleep(0.3 if since < 0 else 0)
        return await self.studio.events(since, film_id=film_id, limit=limit)


def test_nothing_is_lost_while_the_poller_starts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (fast, db, film):
            assert isinstance(fast.studio, Studio)
            hub = Hub(Slow(fast.studio))

            async def listen() -> list[Signal]:
                async with hub.listen(film, 1) as signals:
                    return await take(signals, 1)

            heard = asyncio.create_task(listen())
            await asyncio.sleep(0.1)
            await tell(db, film, 1)
            assert [signal.seq for signal in await heard] == [2]

    asyncio.run(scenario())


def test_a_listener_that_does_not_listen_is_let_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (hub, _, film), hub.listen(film, None) as signals:
            for n in range(PENDING + 5):
                for listener in hub.listeners:
                    listener.offer(Signal("change", {}, n, film))
            heard = [signal.seq async for signal in signals]
            assert heard == list(range(PENDING))

    asyncio.run(scenario())


class Broken(Slow):
    """A Studio whose next answer is no answer, once it is said to be broken."""

    broken = False

    async def events(self, since: int, *, film_id: str | None = None, limit: int = 500) -> Events:
        if self.broken:
            raise KeyError("seq")
        return await self.studio.events(since, film_id=film_id, limit=limit)


def test_who_listens_to_a_poller_that_died_is_let_go_and_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parts(tmp_path) as (fast, db, film):
            assert isinstance(fast.studio, Studio)
            studio = Broken(fast.studio)
            hub = Hub(studio)
            async with hub.listen(film, None) as signals:
                studio.broken = True
                assert [signal async for signal in signals] == []
                async with hub.listen(film, None) as none:
                    assert [signal async for signal in none] == []
                studio.broken = False
                async with hub.listen(film, None) as again:
                    await tell(db, film, 1)
                    assert len(await take(again, 1)) == 1

    asyncio.run(asyncio.wait_for(scenario(), 20))
