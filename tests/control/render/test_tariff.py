"""What the runs of a job cost: whole increments, every run, from the best source there is."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.render.tariff import MOST_U, Clock, Run, Tariff, charge, millis, runs
from functions.contract.job import ExecutionMark

SECONDS = Tariff(price_u=760, increment_ms=1000, minimum_ms=1000)
"""An A100 at RunPod."""
EXACT = Tariff(price_u=1097)
"""An H100 at Modal."""
DEADLINE_S, HOLD_U = 100, 10**6


def mark(at: int, call: str = "", since: int = 0) -> ExecutionMark:
    return ExecutionMark(at=at, worker="w", call=call, since=since)


def clock(own: float | None, told: float | None = None, number: int = 0) -> Clock:
    return Clock(None if own is None else millis(own), None if told is None else millis(told), number)


@pytest.mark.parametrize(
    ("tariff", "seconds", "cost"),
    [
        (SECONDS, 0.001, 760),
        (SECONDS, 1.0, 760),
        (SECONDS, 1.001, 1520),
        (SECONDS, 59.999, 60 * 760),
        (SECONDS, 0.0, 0),
        (EXACT, 0.5, 549),
        (EXACT, 2.0, 2194),
        (Tariff(1000, 100, 60_000), 3.0, 60_000),
        (Tariff(1000, 100, 60_000), 60.01, 60_100),
        (Tariff(0, 1000, 1000), 5.0, 0),
        (SECONDS, float("inf"), MOST_U),
        (SECONDS, float("nan"), 0),
    ],
)
def test_a_run_is_billed_in_whole_increments(tariff: Tariff, seconds: float, cost: int) -> None:
    assert tariff.cost(millis(seconds)) == cost


def test_executions_within_one_call_are_one_run() -> None:
    marks = [mark(1500, "a", 1000), mark(2500, "a", 1000), mark(9000, "b", 8000), mark(9500)]
    assert runs(marks) == (Run(1000, frozenset({1, 2})), Run(8000, frozenset({3})), Run(9500, frozenset({4})))


@pytest.mark.parametrize(
    ("name", "seconds", "marks", "booked"),
    [
        ("one run, by our clock", clock(2.9), [mark(0, "a")], (3 * 760, "measured")),
        ("one run, by the provider's", clock(2.9, 3.05), [mark(0, "a")], (4 * 760, "provider")),
        ("without marks", clock(2.9, 3.05), [], (4 * 760, "provider")),
        ("no result, but a time", clock(None, 3.05), [], (4 * 760, "provider")),
        ("a process died under it", clock(2.9, 3.05), [mark(0, "a"), mark(900, "a")], (4 * 760, "provider")),
        ("the provider's time is of a later run", clock(2.9, 0.02), [mark(0, "a")], (4 * 760, "measured")),
        (
            "its first worker died after 5 s: 5 + 3 until the end, and the 3 of the second",
            clock(2.9, 3.0, 2),
            [mark(1000, "a"), mark(6000, "b")],
            ((8 + 3) * 760, "bound"),
        ),
        (
            "another began while it ran: that may take until its deadline",
            clock(2.9, 3.0, 1),
            [mark(1000, "a"), mark(2000, "b")],
            ((3 + DEADLINE_S) * 760, "bound"),
        ),
        ("no mark says which: the last", clock(2.9, 3.0), [mark(1000), mark(6000)], ((8 + 3) * 760, "bound")),
    ],
)
def test_every_run_is_booked(name: str, seconds: Clock, marks: list[ExecutionMark], booked: tuple[int, str]) -> None:
    assert charge(SECONDS, seconds, marks, DEADLINE_S, HOLD_U) == booked, name


def test_what_workers_claim_of_other_runs_passes_no_hold() -> None:
    marks = [mark(-(10**15), "a"), mark(5000, "b")]
    assert charge(SECONDS, clock(2.0, 2.0, 2), marks, DEADLINE_S, HOLD_U) == (HOLD_U, "bound")
    assert charge(SECONDS, clock(5000.0, 5000.0, 2), marks, DEADLINE_S, 760) == (5000 * 760, "bound")


times = st.integers(0, 100_000)


@given(st.integers(1, 5000), times, st.lists(times, max_size=4), st.integers(1, 3000), st.integers(0, 5000))
def test_no_run_is_booked_below_its_time(own: int, told: int, begun: list[int], increment: int, minimum: int) -> None:
    tariff = Tariff(10, increment, minimum)
    marks = [mark(at, str(n)) for n, at in enumerate(sorted(begun))]
    total, _ = charge(tariff, Clock(Fraction(own), Fraction(told)), marks, DEADLINE_S, 10**12)
    end = max(begun, default=0) + max(own, told)
    spans = [max(own, told), *(end - at for at in sorted(begun)[:-1])]
    assert total * 1000 >= sum(spans) * 10
    assert total >= sum(tariff.cost(Fraction(span)) for span in spans)
