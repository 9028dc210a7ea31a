"""What becomes of a job, by what was seen of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.render.outcome import END_GRACE_MS, START_GRACE_MS, Gone, JobFacts, Seen, Terms, judge
from functions.contract.errors import WireError
from functions.contract.job import DoorStatus, JobResult, Metrics, Started

START_BY, DEADLINE_S = 1_000_000, 100
JOB = JobFacts(START_BY, DEADLINE_S, executions=2, hold_u=5000, instance="q1", posts=1)
PAID = Terms(price_u=10, start_allowance_s=60)
STARTED = Started(job_id="j")
LATE_START = START_BY + START_GRACE_MS + 1
LATE_END = START_BY + DEADLINE_S * 2 * 1000 + END_GRACE_MS + 1


def result(status: Any, **values: Any) -> JobResult:
    return JobResult(job_id="j", status=status, metrics=Metrics(total_s=2.34), **values)


def door(status: Any, **values: Any) -> DoorStatus:
    return DoorStatus(id="j", status=status, **values)


@pytest.mark.parametrize("status", ["done", "degraded"])
@pytest.mark.parametrize("said", [None, door("FAILED"), door("IN_QUEUE"), Gone("q2")])
def test_a_result_with_all_its_outputs_counts_whatever_the_door_says(status: str, said: Any) -> None:
    end = judge(JOB, Seen(0, said, result(status)), PAID)
    assert end is not None
    assert (end.state, end.charge_u, end.basis) == (status, 24, "measured")


def test_a_result_whose_output_is_not_there_is_no_result() -> None:
    end = judge(JOB, Seen(0, door("COMPLETED"), result("done"), missing="clip.mp4"), PAID)
    assert end is not None
    assert (end.state, end.retryable) == ("failed", True)
    assert "clip.mp4" in end.reason


def test_a_failure_carries_its_reason_and_costs() -> None:
    wire = WireError(code="out_of_memory", message="too large", retryable=False)
    end = judge(JOB, Seen(0, None, result("failed", error=wire)), PAID)
    assert end is not None
    assert (end.state, end.code, end.reason, end.retryable, end.charge_u) == (
        "failed",
        "out_of_memory",
        "too large",
        False,
        24,
    )


def test_completed_without_a_result_is_a_failure() -> None:
    end = judge(JOB, Seen(0, door("COMPLETED", executionTime=1500)), PAID)
    assert end is not None
    assert (end.state, end.charge_u, end.basis, end.retryable) == ("failed", 15, "provider", True)
    assert "left no result" in end.reason


def test_a_failure_that_only_the_door_tells() -> None:
    output = {"error": {"code": "engine_mismatch", "message": "other recipe", "retryable": False}}
    end = judge(JOB, Seen(0, door("FAILED", output=output)), PAID)
    assert end is not None
    assert (end.state, end.code, end.retryable, end.charge_u) == ("failed", "engine_mismatch", False, JOB.hold_u)
    end = judge(JOB, Seen(0, door("FAILED", error="Traceback: boom")), PAID)
    assert end is not None
    assert (end.code, end.reason, end.retryable) == ("door_failed", "Traceback: boom", True)


@pytest.mark.parametrize("status", ["IN_QUEUE", "IN_PROGRESS", "TIMED_OUT"])
def test_what_is_no_end_is_no_end(status: str) -> None:
    assert judge(JOB, Seen(0, door(status)), PAID) is None


def test_a_job_that_never_started_costs_the_cold_start() -> None:
    assert judge(JOB, Seen(LATE_START - 1), PAID) is None
    end = judge(JOB, Seen(LATE_START), PAID)
    assert end is not None
    assert (end.state, end.charge_u, end.retryable) == ("never_started", 600, True)


def test_a_job_that_started_and_left_nothing_is_lost_at_the_hold() -> None:
    assert judge(JOB, Seen(LATE_END - 1, started=STARTED), PAID) is None
    end = judge(JOB, Seen(LATE_END, started=STARTED), PAID)
    assert end is not None
    assert (end.state, end.charge_u, end.basis) == ("lost", JOB.hold_u, "bound")


def test_a_404_of_the_same_queue_means_never_accepted() -> None:
    end = judge(JOB, Seen(0, Gone("q1")), PAID)
    assert end is not None
    assert (end.state, end.charge_u) == ("never_started", 0)


def test_a_404_of_another_queue_means_lost() -> None:
    end = judge(JOB, Seen(0, Gone("q2")), PAID)
    assert end is not None
    assert (end.state, end.charge_u) == ("lost", JOB.hold_u)


def test_a_404_of_a_queue_whose_job_began_means_lost() -> None:
    end = judge(JOB, Seen(0, Gone("q1"), started=STARTED), PAID)
    assert end is not None
    assert end.state == "lost"


def test_a_404_of_a_door_that_forgets_means_nothing() -> None:
    forgets = Terms(price_u=10, forgets=True)
    assert judge(JOB, Seen(0, Gone("q1")), forgets) is None
    end = judge(JOB, Seen(LATE_START, Gone("q1")), forgets)
    assert end is not None
    assert end.state == "never_started"


def test_the_bound_covers_every_execution() -> None:
    assert PAID.bound(100, 3) == 10 * 160 * 3


@settings(max_examples=300, deadline=None, print_blob=True)
@given(
    now=st.integers(0, 2 * LATE_END),
    said=st.one_of(
        st.none(),
        st.builds(Gone, st.sampled_from([None, "q1", "q2"])),
        st.builds(
            door,
            st.sampled_from(["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]),
            output=st.one_of(st.none(), st.text(), st.dictionaries(st.text(), st.integers()), st.lists(st.integers())),
            error=st.one_of(st.none(), st.text(), st.dictionaries(st.text(), st.text())),
        ),
    ),
    started=st.sampled_from([None, STARTED]),
    posts=st.integers(0, 1),
)
def test_without_a_result_nothing_is_done_and_no_charge_is_over_the_hold(
    now: int, said: Any, started: Started | None, posts: int
) -> None:
    job = JobFacts(START_BY, DEADLINE_S, 2, 5000, "q1", posts)
    end = judge(job, Seen(now, said, started=started), PAID)
    if end is not None:
        assert end.state not in ("done", "degraded")
        assert 0 <= end.charge_u <= job.hold_u
        assert end.reason
