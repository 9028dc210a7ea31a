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


def test_a_refusal_ends_no_job_that_another_runner_has_sent_since() -> None:
    refused, slow = Fault("run-reject", 0, 2), Fault("db-slow", 34, 70_000)
    told_late = Schedule(734_607, (Start("one", 0, 1),), (slow, refused), 2, "rented", 2, 3, 300, 30_000, prompt=False)
    assert World(told_late).run().breaches == ()


LATE = Fault("run-late", 0, 40_000)
REFUSED = (LATE, Fault("run-reject", 1, 5))
CANCELLED = (Fault("cancel", 4_498, 4), Fault("instance", 10_590, 5), Fault("instance", 117_592, 4), LATE)
FAILED = (Fault("instance", 80_303, 6), Fault("job-refuse", 0, 5), Fault("pause", 103, 1_200_000), LATE)


@pytest.mark.parametrize(
    "late",
    [
        Schedule(621_515, (Start("one"),), REFUSED, door="own", month=2, waits=0, pace=30_000),
        Schedule(102_381, (Start("one", 0, 3),), CANCELLED, runners=2, door="own", room=4, waits=0, pace=30_000),
        Schedule(210_147, (Start("one"),), FAILED, door="own", room=4, waits=0),
    ],
    ids=["its second is refused", "its job is cancelled", "its second fails"],
)
def test_a_post_that_arrives_late_does_no_work_that_is_not_booked(late: Schedule) -> None:
    assert World(late).run().breaches == ()


def test_a_studio_that_sleeps_before_each_post_makes_the_film_when_it_stays_awake() -> None:
    sleeps = (Fault("pause", 52, 1_200_000), Fault("pause", 80, 400_000), Fault("pause", 128, 1_200_000))
    slept = Schedule(461_810, (Start("one"),), sleeps, door="own", room=1, waits=0, pace=10_000, prompt=False)
    report = World(slept).run()
    assert (report.breaches, report.stats["worn_out"]) == ((), 0)
