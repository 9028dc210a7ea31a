"""Work done ahead of who needs it: an iterator in a thread of its own, with back-pressure."""

import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
LOOK_S = 0.5
"""Seconds between two looks at whether the job goes on, while the thread has nothing."""
PATIENCE_S = 5.0
"""Seconds that a job which failed waits for its thread to notice."""


class Ahead(Generic[T]):
    """Iterates over `source` in a thread, at most `depth` items ahead; a context manager and an iterator.

    `check` is called while the thread has nothing to give: it raises where the job shall end, so that a decoder that
    hangs holds up nobody. What `source` raises is raised where its item would have come. `waited` is how many seconds
    were spent waiting for items.
    """

    def __init__(self, source: Generator[T, None, None], depth: int, check: Callable[[], None] = lambda: None) -> None:
        self._source, self._check = source, check
        self._items: queue.Queue[tuple[T] | None] = queue.Queue(depth)
        self._left = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._producing: Future[None] | None = None
        self.waited = 0.0

    def __enter__(self) -> Self:
        self._producing = self._pool.submit(self._produce)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        if self._producing is not None:
            wait([self._producing], timeout=PATIENCE_S)
        self._pool.shutdown(wait=False)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        begun = time.monotonic()
        item = self._next()
        self.waited += time.monotonic() - begun
        if item is not None:
            return item[0]
        if self._producing is not None:
            self._producing.result()
        raise StopIteration

    def _next(self) -> tuple[T] | None:
        while True:
            try:
                return self._items.get(timeout=LOOK_S)
            except queue.Empty:
                self._check()
                if self._producing is None or (self._producing.done() and self._items.empty()):
                    return None

    def _produce(self) -> None:
        try:
            for item in self._source:
                if not self._put((item,)):
                    break
        finally:
            self._source.close()
            self._put(None)

    def _put(self, item: tuple[T] | None) -> bool:
        while not self._left.is_set():
            try:
                self._items.put(item, timeout=LOOK_S)
            except queue.Full:
                continue
            return True
        return False
