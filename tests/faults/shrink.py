"""A broken schedule made smaller, one thing at a time, as long as it still breaks the same law."""

from tests.faults.core import REAL, Core
from tests.faults.schedule import Schedule
from tests.faults.world import World


def shrink(schedule: Schedule, law: str, core: Core = REAL) -> Schedule:
    """The smallest that was found: no single fault, start or runner can be left out of it."""
    while True:
        smaller = next((s for s in schedule.smaller() if breaks(s, law, core)), None)
        if smaller is None:
            return schedule
        schedule = smaller


def breaks(schedule: Schedule, law: str, core: Core = REAL) -> bool:
    """Whether it breaks this law."""
    return any(breach.law == law for breach in World(schedule, core).run().breaches)
