"""How often a door, and all doors of one provider, may be asked: token buckets, and what a 429 asks for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

Verb = Literal["run", "status", "cancel", "other"]
LONGEST_MS = 600_000
"""What a door may ask us to wait at most."""
BUSY_MS = 5000
"""How long to wait after a 429 that does not say."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` requests in `seconds`, as many at once."""

    count: int
    seconds: float


class Bucket:
    """A token bucket over a clock that the caller brings."""

    def __init__(self, rate: Rate) -> None:
        self._rate, self._tokens, self._at = rate, float(rate.count), 0

    def wait_ms(self, now: int) -> int:
        """Milliseconds until a request may go, 0 for now."""
        self._fill(now)
        return max(0, math.ceil((1 - self._tokens) * self._step_ms - 1e-6))

    def take(self, now: int) -> None:
        """A request goes."""
        self._fill(now)
        self._tokens -= 1

    @property
    def _step_ms(self) -> float:
        return self._rate.seconds * 1000 / self._rate.count

    def _fill(self, now: int) -> None:
        if self._at:
            self._tokens = min(self._rate.count, self._tokens + max(0, now - self._at) / self._step_ms)
        self._at = now


class Gate:
    """The buckets of one door or provider, and the pause it has asked for."""

    def __init__(self, rates: Mapping[Verb, Rate]) -> None:
        self._buckets = {verb: Bucket(rate) for verb, rate in rates.items()}
        self._paused: dict[Verb, int] = {}

    def wait_ms(self, verb: Verb, now: int) -> int:
        """Milliseconds until a request of this kind may go, 0 for now."""
        bucket = self._buckets.get(verb)
        return max(self._paused.get(verb, 0) - now, 0 if bucket is None else bucket.wait_ms(now), 0)

    def take(self, verb: Verb, now: int) -> None:
        """A request goes."""
        if (bucket := self._buckets.get(verb)) is not None:
            bucket.take(now)

    def pause(self, verb: Verb, until: int) -> None:
        """The provider has asked for it."""
        self._paused[verb] = max(until, self._paused.get(verb, 0))


def retry_ms(header: str | None, now: int) -> int | None:
    """Milliseconds that a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds or a date), None for none."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * 1000, LONGEST_MS)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    left = (at - datetime.fromtimestamp(now / 1000, UTC)).total_seconds()
    return min(max(0, math.ceil(left * 1000)), LONGEST_MS)
