"""What the laboratory once found, as small as it still broke a law: at whichever call it strikes now."""

import pytest

from tests.faults.schedule import DoorKind, Fault, Schedule, Start
from tests.faults.world import World

CALLS = 130
"""Calls of two runners, until a small film's job has been sent for long."""


@pytest.mark.parametrize("door", ["rented", "own"])
def test_a_runner_that_slept_since_it_stored_an_intent_leaves_the_job_to_who_has_sent_it(door: DoorKind) -> None:
    for call in range(CALLS):
        faults = (Fault("pause", call, 90_000), Fault("job-slow", 0, 110_000))
        slept = Schedule(seed=call, starts=(Start("one"),), faults=faults, runners=2, door=door, waits=0)
        assert World(slept).run().breaches == (), slept


def test_a_job_that_is_taken_after_a_person_accepted_its_risk_is_that_risk() -> None:
    taken_late = Fault("run-late", 0, 40_000)
    for at in range(30_000, 40_000, 500):
        risk = Fault("risk", at)
        risked = Schedule(seed=at, starts=(Start("one"),), faults=(risk, taken_late), room=1, waits=0)
        assert World(risked).run().breaches == (), risked
