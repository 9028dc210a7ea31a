"""Simulated processes: each an event loop of its own over one clock; it may be paused or killed between two awaits."""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, cast

Event = tuple[int, int, "Process | None", Callable[..., object], tuple[Any, ...]]


class Timeline:
    """What happens when, in milliseconds. Events of one moment happen in the order in which they were planned."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._heap: list[Event] = []
        self._order = itertools.count()

    def at(self, when: int, process: "Process | None", act: Callable[..., object], *args: object) -> None:
        """Plan an event. One of a process waits while that is paused, and is dropped once it is dead."""
        heapq.heappush(self._heap, (when, next(self._order), process, act, args))

    def step(self) -> bool:
        """Let the next event happen. False where none is left."""
        if not self._heap:
            return False
        when, _, process, act, args = heapq.heappop(self._heap)
        if process is None:
            self.now = max(self.now, when)
            act(*args)
        elif not process.dead:
            if process.paused_until > when:
                self.at(process.paused_until, process, act, *args)
                return True
            self.now = max(self.now, when)
            act(*args)
            process.drain()
        return True


class Process:
    """An event loop that runs its callbacks when told. A dead one runs nothing any more."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.dead = False
        self.paused_until = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self._loop = cast("asyncio.AbstractEventLoop", self)
        self._ready: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a task now."""
        self.create_task(work).add_done_callback(_check)
        self.drain()

    def drain(self) -> None:
        """Run what is ready, until nothing is, or the process is stopped."""
        ready = self._ready
        asyncio._set_running_loop(self._loop)
        try:
            while ready and not self.dead and self.paused_until <= self.timeline.now:
                act, args = ready.popleft()
                act(*args)
        finally:
            asyncio._set_running_loop(None)
        if ready and not self.dead:
            self.timeline.at(self.paused_until, self, _nothing)

    def later(self, ms: int) -> "asyncio.Future[None]":
        """A future that is done in so many milliseconds."""
        future: asyncio.Future[None] = asyncio.Future(loop=self._loop)
        self.timeline.at(self.timeline.now + ms, self, _finish, future)
        return future

    def kill(self) -> "asyncio.Future[None]":
        """End it here and now: what awaits the future never goes on."""
        self.dead = True
        self._ready.clear()
        return asyncio.Future(loop=self._loop)

    def bury(self) -> None:
        """Close what a dead process left; nothing of that can touch the world any more."""
        self.dead = True
        self._ready.clear()
        for task in list(self.tasks):
            found = task.get_coro()
            if asyncio.iscoroutine(found):
                found.close()
        self.tasks.clear()

    # what asyncio asks of a loop -------------------------------------------------------------------------------------

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Contexts are not kept apart: nothing here uses context variables."""
        self._ready.append((callback, args))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Says nothing of tasks that died with their process."""

    def create_future(self) -> "asyncio.Future[Any]":
        """As every loop's."""
        return asyncio.Future(loop=self._loop)

    def create_task(self, coro: Any, *, name: object = None, context: object = None) -> "asyncio.Task[Any]":
        """As every loop's."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self._loop)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """At once: a thread's work here is pure."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 (goes to who waits for it)
            future.set_exception(error)
        return future

    get_debug = staticmethod(bool)
    """Never. Asked for each future: so it is not Python."""

    def is_running(self) -> bool:
        """Always."""
        return True


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _check(task: "asyncio.Task[Any]") -> None:
    """Nobody awaits these tasks: where one fails, the laboratory itself is broken."""
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


def _nothing() -> None:
    """Only to let a process go on."""
