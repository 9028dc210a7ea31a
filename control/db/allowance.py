"""How often a service may be asked: a token bucket, which also rests for as long as the service says."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from control.errors import DatabaseBusy


@dataclass(frozen=True)
class Rate:
    """At most `burst` requests at once and `per_s` a second in the long run: `burst + per_s * t` in any `t` seconds."""

    per_s: float
    burst: int


class Allowance:
    """`take` before each request. One that would wait longer than `patience_s` is refused at once.

    `now` gives seconds that never go back.
    """

    def __init__(
        self,
        rate: Rate,
        patience_s: float = 10.0,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate, self._patience = rate, patience_s
        self._now, self._sleep = now, sleep
        self._full_at = now()
        """When the bucket is full again; each request moves it by one interval."""
        self._rest_until = self._full_at

    async def take(self) -> None:
        """Wait for one's turn. Raises `DatabaseBusy` where it is further off than the patience."""
        now = self._now()
        full_at = max(self._full_at, now) + 1 / self._rate.per_s
        wait = max(full_at - now - self._rate.burst / self._rate.per_s, self._rest_until - now, 0.0)
        if wait > self._patience:
            raise DatabaseBusy(
                f"the database takes no request for {wait:.0f} s; wait, or use the Worker, which has no such limit",
                retry_after_s=round(wait, 1),
            )
        self._full_at = full_at
        if wait > 0:
            await self._sleep(wait)

    def rest(self, seconds: float) -> None:
        """The service says to come back in so many seconds."""
        self._rest_until = max(self._rest_until, self._now() + seconds)
