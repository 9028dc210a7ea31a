"""Live events for any number of listeners from one poller, which rests while nobody listens."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from control.errors import StudioError
from control.render.views import Events, Page, RenderInfo, RenderView

log = logging.getLogger("vivijure.events")
PERIOD_S = 0.25
RETRY_S = 2.0
BACKLOG = 500
PENDING = 1_000
PROGRESS_EVERY = 4
"""Periods between two looks at the progress of running renders."""


class Watched(Protocol):
    """What the hub asks of the Studio."""

    async def events(self, since: int, *, film_id: str | None = None, limit: int = 500) -> Events:
        """Changes of state after `since`."""

    async def renders(
        self, film_id: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RenderInfo]:
        """Newest first."""

    async def render(self, render_id: str) -> RenderView:
        """All of a render."""


@dataclass(frozen=True)
class Signal:
    """One message to a listener. `change` has a `seq` to come back to; `progress` passes; `reset`: read anew."""

    kind: Literal["change", "progress", "reset"]
    data: Mapping[str, Any]
    seq: int | None = None
    film_id: str | None = None


@dataclass(eq=False)
class Listener:
    """A film's listener, or everything's with None. One that is too slow is let go and comes back with its last id."""

    film_id: str | None
    queue: asyncio.Queue[Signal | None] = field(default_factory=asyncio.Queue)
    ended: bool = False

    def offer(self, signal: Signal) -> None:
        """Queue what concerns this listener."""
        if self.ended or self.film_id not in (None, signal.film_id):
            return
        if self.queue.qsize() >= PENDING:
            self.end()
        else:
            self.queue.put_nowait(signal)

    def end(self) -> None:
        """The stream stops after what is queued."""
        self.ended = True
        self.queue.put_nowait(None)


class Hub:
    """Fans the Studio's events out. `pace_s`: least time between two looks that the database can carry."""

    def __init__(self, studio: Watched, pace_s: float = 0.0) -> None:
        self.studio = studio
        self._period_s = max(PERIOD_S, pace_s)
        self.listeners: set[Listener] = set()
        self._poller: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._shown: dict[str, object] = {}

    @asynccontextmanager
    async def listen(self, film_id: str | None, since: int | None) -> AsyncIterator[AsyncIterator[Signal]]:
        """Signals from now on, or from after `since`; a `reset` first where that is no longer known."""
        listener = Listener(film_id)
        self.listeners.add(listener)
        if self._poller is None:
            self._begun = asyncio.Event()
            self._poller = asyncio.create_task(self._run(self._begun))
            self._poller.add_done_callback(self._died)
        try:
            # Only then is nothing lost between what was missed and what comes.
            await self._begun.wait()
            yield self._signals(listener, since)
        finally:
            self.listeners.discard(listener)
            if not self.listeners:
                await self.close()

    async def close(self) -> None:
        """Stop polling and end every listener."""
        # Forgotten before it is awaited: a listener that comes meanwhile starts its own.
        poller, self._poller = self._poller, None
        for listener in tuple(self.listeners):
            listener.end()
        if poller is not None:
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)

    def _died(self, poller: asyncio.Task[None]) -> None:
        """Nobody is left to listen to silence: all are let go, and who comes back starts another poller."""
        if poller.cancelled() or (error := poller.exception()) is None:
            return
        log.error("live events stopped", exc_info=error)
        self._poller = None
        self._begun.set()
        for listener in tuple(self.listeners):
            listener.end()

    async def _signals(self, listener: Listener, since: int | None) -> AsyncIterator[Signal]:
        seen = -1
        if since is not None:
            async for signal in self._missed(listener.film_id, since):
                seen = max(seen, signal.seq or 0)
                yield signal
        while (signal_or_end := await listener.queue.get()) is not None:
            if signal_or_end.seq is None or signal_or_end.seq > seen:
                yield signal_or_end

    async def _missed(self, film_id: str | None, since: int) -> AsyncIterator[Signal]:
        while True:
            found = await self.studio.events(since, film_id=film_id, limit=BACKLOG)
            if found.reset:
                yield Signal("reset", {}, found.last, film_id)
                return
            for signal in _signals_of(found):
                yield signal
            if len(found.events) < BACKLOG:
                return
            since = found.events[-1].seq

    async def _run(self, begun: asyncio.Event) -> None:
        last: int | None = None
        while True:
            try:
                if last is None:
                    last = (await self.studio.events(-1)).last
                    begun.set()
                for _ in range(PROGRESS_EVERY):
                    last = await self._poll(last)
                    await asyncio.sleep(self._period_s)
                await self._progress()
            except StudioError as error:
                log.warning("live events wait: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _poll(self, last: int) -> int:
        """Send what came after `last`. Gives the last event there is."""
        found = await self.studio.events(last)
        for signal in _signals_of(found):
            self._send(signal)
        return found.last

    async def _progress(self) -> None:
        for film_id in {f for f in (x.film_id for x in self.listeners) if f is not None}:
            for render in (await self.studio.renders(film_id, limit=5)).items:
                if render.state == "running":
                    self._moved(await self.studio.render(render.id))

    def _moved(self, view: RenderView) -> None:
        shots = [{"id": s.id, "fraction": round(s.fraction, 3), "doing": s.doing} for s in view.shots]
        if self._shown.get(view.id) != shots:
            self._shown[view.id] = shots
            data = {"render_id": view.id, "eta_s": view.eta_s, "shots": shots}
            self._send(Signal("progress", data, film_id=view.film_id))

    def _send(self, signal: Signal) -> None:
        for listener in tuple(self.listeners):
            listener.offer(signal)


def _signals_of(found: Events) -> list[Signal]:
    return [Signal("change", e.model_dump(mode="json"), e.seq, e.film_id) for e in found.events]
