"""What a runner works with, and the clock and names that it takes without being given others."""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nacl.signing import SigningKey

from control.db import Database
from control.doors.doorbell import Bell
from control.doors.registry import Doors
from control.render.planning import Planning
from control.store import ObjectStore

NO_LIMIT = 2**53 - 1


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """24 random characters."""
    return secrets.token_hex(12)


@dataclass(frozen=True)
class Desk:
    """What a runner works with. `month_limit_u` is the budget of a month that has none stored yet; events are kept
    for `event_days`.
    """

    db: Database
    store: ObjectStore
    doors: Doors
    planning: Planning
    key: SigningKey
    month_limit_u: int = NO_LIMIT
    clock: Callable[[], int] = field(default=wall_ms)
    new_id: Callable[[], str] = field(default=new_id)
    event_days: int = 7
    bell: Bell | None = None
    pace_s: float = 0.0
    """Least time between two looks that the database can carry."""
    rng: random.Random = field(default_factory=random.Random)
    """Spreads the times of looks."""
