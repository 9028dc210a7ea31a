"""Schedules that once broke a law, as small as they still did."""

from collections.abc import Mapping

import pytest

from tests.faults.schedule import Fault, Schedule, Start
from tests.faults.world import World

FOUND: Mapping[str, Schedule] = {
    "a runner that slept since it stored an intent, which another has sent and seen end meanwhile": Schedule(
        seed=16488,
        starts=(Start("two"), Start("same", 79_004)),
        faults=(
            Fault("pause", 128, 90_000),
            Fault("pause", 207, 30_000),
            Fault("run-busy", 1),
            Fault("run-swallow", 3),
        ),
        runners=2,
        door="own",
        waits=0,
        pace=10_000,
    ),
    "a job that is taken after a person has accepted the risk of it": Schedule(
        seed=14535,
        starts=(Start("one"),),
        faults=(Fault("risk", 38_996, 4), Fault("run-late", 0, 40_000)),
        room=1,
        waits=0,
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_schedule_that_broke_a_law_breaks_none(name: str) -> None:
    assert World(FOUND[name]).run().breaches == ()
