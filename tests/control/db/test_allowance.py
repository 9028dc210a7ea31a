"""The token bucket: never more than it says in any span, and no request that nobody would wait for."""

import bisect
import random
from dataclasses import dataclass, field

import pytest

from control.db.allowance import Allowance, Rate
from control.db.d1 import API_RATE
from control.errors import DatabaseBusy

pytestmark = pytest.mark.anyio


@dataclass
class Clock:
    """Time that passes by sleeping only."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def allowance(self, rate: Rate, patience_s: float = 10.0) -> Allowance:
        return Allowance(rate, patience_s, now=lambda: self.now, sleep=self.sleep)


async def test_a_burst_passes_and_then_the_rate_holds() -> None:
    clock = Clock()
    allowance = clock.allowance(Rate(2, 3))
    for _ in range(3):
        await allowance.take()
    assert clock.waits == []
    await allowance.take()
    await allowance.take()
    assert clock.waits == [0.5, 0.5]
    clock.now += 100
    for _ in range(3):
        await allowance.take()
    assert clock.waits == [0.5, 0.5]


async def test_cloudflares_limit_is_kept_in_every_five_minutes() -> None:
    seed = random.randrange(10**9)
    rng, clock = random.Random(seed), Clock()
    allowance = clock.allowance(API_RATE)
    sent: list[float] = []
    while len(sent) < 6000:
        await allowance.take()
        sent.append(clock.now)
        if rng.random() < 0.01:
            clock.now += rng.expovariate(1 / 40)
    most = max(bisect.bisect_left(sent, start + 300) - i for i, start in enumerate(sent))
    assert most <= 1200, f"seed {seed}"


async def test_what_would_wait_too_long_is_refused_and_takes_no_turn() -> None:
    clock = Clock()
    allowance = clock.allowance(Rate(1, 1), patience_s=2)
    await allowance.take()
    allowance.rest(30)
    for _ in range(5):
        with pytest.raises(DatabaseBusy, match="for 30 s") as caught:
            await allowance.take()
    assert caught.value.fields["retry_after_s"] == 30
    clock.now += 29
    await allowance.take()
    assert clock.waits == [1]
