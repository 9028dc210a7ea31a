"""What becomes of a job, by what was seen of it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.render.outcome import END_GRACE_MS, START_GRACE_MS, Gone, JobFacts, Seen, Terms, judge
from control.render.tariff import MOST_U
from functions.contract.errors import WireError
from functions.contract.job import DoorStatus, ExecutionMark, JobResult, Metrics, Started

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
    end = judge(JOB, Seen(0, door("FAILED", output=output), started=STARTED), PAID)
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


@pytest.mark.parametrize("queue", ["q1", "q2"])
def test_a_404_is_no_end_where_an_earlier_post_may_still_arrive(queue: str) -> None:
    posted_twice = replace(JOB, posts=2)
    assert judge(posted_twice, Seen(LATE_START - 1, Gone(queue)), PAID) is None
    never = judge(posted_twice, Seen(LATE_START, Gone(queue)), PAID)
    assert never is not None
    assert (never.state, never.charge_u, never.basis) == ("never_started", 600, "bound")
    assert judge(posted_twice, Seen(LATE_END - 1, Gone(queue), started=STARTED), PAID) is None
    lost = judge(posted_twice, Seen(LATE_END, Gone(queue), started=STARTED), PAID)
    assert lost is not None
    assert lost.state == "lost"


@pytest.mark.parametrize("said", ["FAILED", "CANCELLED", "COMPLETED"])
def test_a_time_that_a_door_states_is_not_all_of_it_where_an_earlier_post_may_have_arrived_elsewhere(said: str) -> None:
    end = judge(replace(JOB, posts=2), Seen(0, door(said, executionTime=100), started=STARTED), PAID)
    assert end is not None
    assert (end.charge_u, end.basis) == (JOB.hold_u, "bound")


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


# Money: what each end costs, and where that comes from. The hold is 5000, a cold start 60 s x 10 = 600 --------------

CHARGES: list[tuple[str, Seen, tuple[str, int, str]]] = [
    ("made", Seen(0, None, result("done")), ("done", 24, "measured")),
    ("made, not as planned", Seen(0, None, result("degraded")), ("degraded", 24, "measured")),
    ("made, and not there", Seen(0, None, result("done"), missing="clip.mp4"), ("failed", 24, "measured")),
    ("failed with a result", Seen(0, None, result("failed")), ("failed", 24, "measured")),
    ("cancelled with a result", Seen(0, None, result("cancelled")), ("cancelled", 24, "measured")),
    ("failed, timed by the door", Seen(0, door("FAILED", executionTime=1501)), ("failed", 16, "provider")),
    ("failed before it began", Seen(0, door("FAILED")), ("failed", 600, "bound")),
    ("failed after it began", Seen(0, door("FAILED"), started=STARTED), ("failed", 5000, "bound")),
    ("cancelled in the queue", Seen(0, door("CANCELLED")), ("cancelled", 600, "bound")),
    ("cancelled at work", Seen(0, door("CANCELLED"), started=STARTED), ("cancelled", 5000, "bound")),
    ("cancelled, timed", Seen(0, door("CANCELLED", executionTime=100)), ("cancelled", 1, "provider")),
    ("ended without a result", Seen(0, door("COMPLETED")), ("failed", 5000, "bound")),
    ("never began", Seen(LATE_START), ("never_started", 600, "bound")),
    ("never taken", Seen(0, Gone("q1")), ("never_started", 0, "measured")),
    ("lost by its queue", Seen(0, Gone("q2")), ("lost", 5000, "bound")),
    ("lost by its deadline", Seen(LATE_END, started=STARTED), ("lost", 5000, "bound")),
    (
        "lost, said the door to have timed out",
        Seen(LATE_END, door("TIMED_OUT"), started=STARTED),
        ("lost", 5000, "bound"),
    ),
]


@pytest.mark.parametrize(("seen", "booked"), [(s, b) for _, s, b in CHARGES], ids=[name for name, _, _ in CHARGES])
def test_every_end_is_booked_at_what_it_cost(seen: Seen, booked: tuple[str, int, str]) -> None:
    end = judge(JOB, seen, PAID)
    assert end is not None
    assert (end.state, end.charge_u, end.basis) == booked


METERED = replace(PAID, increment_ms=1000, minimum_ms=1000, metered=True)


@pytest.mark.parametrize(
    ("terms", "said", "booked"),
    [
        (METERED, door("COMPLETED", executionTime=3001), (40, "provider")),
        (METERED, door("IN_PROGRESS", executionTime=9000), (30, "measured")),
        (METERED, door("COMPLETED"), (30, "measured")),
        (METERED, Gone(), (30, "measured")),
        (METERED, None, (30, "measured")),
        (PAID, door("COMPLETED", executionTime=3001), (24, "measured")),
    ],
)
def test_a_provider_that_tells_its_time_is_believed_once_it_counts_no_more(
    terms: Terms, said: Any, booked: tuple[int, str]
) -> None:
    end = judge(JOB, Seen(0, said, result("done")), terms)
    assert end is not None
    assert (end.charge_u, end.basis) == booked


def test_executions_that_a_provider_made_on_its_own_are_booked() -> None:
    marks = (ExecutionMark(at=0, call="a"), ExecutionMark(at=10_000, call="b"))
    made = Seen(0, door("COMPLETED", executionTime=3000), result("done", execution=2), marks=marks)
    end = judge(JOB, made, METERED)
    assert end is not None
    assert (end.charge_u, end.basis) == (30 + 130, "bound")
    died = Seen(0, door("FAILED", executionTime=3000), started=STARTED, marks=marks)
    end = judge(JOB, died, METERED)
    assert end is not None
    assert (end.charge_u, end.basis) == (30 + 130, "bound")


@pytest.mark.parametrize("status", ["done", "failed"])
@pytest.mark.parametrize("seconds", [0.0, -3.0, float("nan")])
def test_a_result_that_says_no_time_is_booked_at_the_hold(status: Any, seconds: float) -> None:
    said = JobResult(job_id="j", status=status, metrics=Metrics(total_s=seconds))
    end = judge(JOB, Seen(0, None, said), PAID)
    assert end is not None
    assert (end.charge_u, end.basis) == (JOB.hold_u, "bound")
    free = judge(JOB, Seen(0, None, said), Terms())
    assert free is not None
    assert (free.charge_u, free.basis) == (0, "measured")


@pytest.mark.parametrize(
    ("status", "billed", "booked"),
    [
        ("done", None, (724, "measured")),
        ("degraded", None, (724, "measured")),
        ("failed", None, (724, "bound")),
        ("failed", 0, (24, "provider")),
        ("done", 650, (674, "provider")),
        ("done", -5, (24, "provider")),
        ("done", 10**300, (MOST_U, "provider")),
    ],
)
def test_what_is_charged_by_output_counts_too(status: Any, billed: int | None, booked: tuple[int, str]) -> None:
    said = JobResult(job_id="j", status=status, metrics=Metrics(total_s=2.34, billed_u=billed))
    end = judge(replace(JOB, fixed_u=700), Seen(0, None, said), PAID)
    assert end is not None
    assert (end.charge_u, end.basis) == booked


def test_a_door_that_times_a_bought_output_may_have_been_billed_for_it() -> None:
    end = judge(replace(JOB, fixed_u=700), Seen(0, door("FAILED", executionTime=1000)), PAID)
    assert end is not None
    assert (end.charge_u, end.basis) == (710, "bound")


@pytest.mark.parametrize("seconds", [1e300, float("inf"), 1e12])
def test_a_claim_beyond_all_measure_is_capped_so_that_it_can_be_booked(seconds: float) -> None:
    end = judge(JOB, Seen(0, None, JobResult(job_id="j", status="done", metrics=Metrics(total_s=seconds))), PAID)
    assert end is not None
    assert end.charge_u == MOST_U


@given(
    ms=st.integers(1, 7 * 86_400_000),
    price=st.integers(0, 10_000),
    deadline=st.integers(1, 7 * 86_400),
    allowance=st.integers(0, 86_400),
    executions=st.integers(1, 3),
    fixed=st.integers(0, 10**9),
    status=st.sampled_from(["done", "degraded", "failed", "cancelled"]),
)
def test_what_is_measured_within_the_deadline_never_passes_the_hold(
    ms: int, price: int, deadline: int, allowance: int, executions: int, fixed: int, status: Any
) -> None:
    terms = Terms(price_u=price, start_allowance_s=allowance)
    hold = terms.bound(deadline, executions) + fixed
    job = replace(JOB, hold_u=hold, fixed_u=fixed, deadline_s=deadline, executions=executions)
    seconds = min(ms / 1000, float(deadline * executions))
    for seen in (
        Seen(0, None, JobResult(job_id="j", status=status, metrics=Metrics(total_s=seconds))),
        Seen(0, door("FAILED", executionTime=int(seconds * 1000)), started=STARTED),
        Seen(0, door("CANCELLED")),
        Seen(10**15),
        Seen(10**15, started=STARTED),
    ):
        end = judge(job, seen, terms)
        assert end is not None
        assert 0 <= end.charge_u <= hold
