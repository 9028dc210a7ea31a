"""Providers' bills: read as they are printed, and laid beside our jobs."""

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.errors import Invalid
from control.render.bills import DAY_MS, HOUR_MS, Account, Line, Worked, lines_of, read, reconcile

START = 1_793_491_200_000  # 2026-11-01T00:00:00Z
RUNPOD: dict[str, Any] = {
    "serverlessId": "abc123xyz9",
    "startTime": "2026-11-01T00:00:00Z",
    "endTime": "2026-11-01T01:00:00Z",
    "totalAmount": 1.234567,
    "gpuAmount": 1.2,
}
MODAL: dict[str, Any] = {
    "object_id": "ap-1234567890",
    "description": "vivijure",
    "environment": "main",
    "interval_start": "2026-11-01T00:00:00+00:00",
    "cost": "0.10000001",
}


def test_runpods_answer_is_read_as_it_comes() -> None:
    text = json.dumps({"records": [RUNPOD], "metadata": {"totals": {"totalAmount": 1.234567}}})
    assert read(text) == (Line("abc123xyz9", "runpod", START, START + HOUR_MS, 1_234_567),)


def test_modals_report_is_read_by_hour_and_by_day_and_rounded_up() -> None:
    daily = {**MODAL, "interval_start": "2026-11-02"}
    found = read(json.dumps([MODAL, daily]))
    assert found[0] == Line("ap-1234567890", "modal", START, START + HOUR_MS, 100_001)
    assert (found[1].starts_at, found[1].ends_at) == (START + DAY_MS, START + 2 * DAY_MS)


def test_a_bill_split_by_resource_is_one_line_an_hour() -> None:
    parts = [{**MODAL, "resource": name, "cost": cost} for name, cost in (("GPU", "0.5"), ("CPU", "0.25"))]
    assert [line.amount_u for line in lines_of(parts)] == [750_000]


def test_decimals_are_read_exactly_and_floats_as_they_are_written() -> None:
    assert read(json.dumps([{**MODAL, "cost": "0.3"}]))[0].amount_u == 300_000
    assert lines_of([{**MODAL, "cost": 0.1 + 0.2}])[0].amount_u == 300_001  # 0.30000000000000004, rounded up
    assert lines_of([{**MODAL, "cost": Decimal("0.1")}])[0].amount_u == 100_000


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("no json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "no list"),
        ("[1]", "no list"),
        (json.dumps([{"amount": 1}]), "record 0 .* neither"),
        (json.dumps([RUNPOD, {**RUNPOD, "totalAmount": "lots"}]), "record 1"),
        (json.dumps([{**RUNPOD, "totalAmount": -1}]), "no sum"),
        (json.dumps([{**RUNPOD, "totalAmount": 1e9}]), "no sum"),
        ('[{"serverlessId":"x","startTime":"2026-11-01","endTime":"2026-11-02","totalAmount":NaN}]', "record 0"),
        (json.dumps([{k: v for k, v in RUNPOD.items() if k != "endTime"}]), "no endTime"),
        (json.dumps([{**RUNPOD, "startTime": "yesterday"}]), "record 0"),
        (json.dumps([{**RUNPOD, "startTime": 3}]), "record 0"),
        (json.dumps([{**RUNPOD, "endTime": RUNPOD["startTime"]}]), "ends before"),
        (json.dumps([{**RUNPOD, "serverlessId": ""}]), "name"),
        (json.dumps([{**RUNPOD, "serverlessId": "a\u202eb"}]), "name"),
        (json.dumps([{**RUNPOD, "serverlessId": "x" * 201}]), "name"),
        (json.dumps([RUNPOD, {**RUNPOD, "startTime": "2026-11-01T00:30:00Z"}]), "twice"),
    ],
)
def test_a_bill_that_cannot_be_read_says_which_record(wrong: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(wrong)


def worked(starts: int, ends: int, charge: int, **values: Any) -> Worked:
    return Worked(values.get("door", "gpu"), values.get("engine", "motion-wan"), START + starts, START + ends, charge)


def line(hour: int, amount: int, account: str = "ep") -> Line:
    return Line(account, "runpod", START + hour * HOUR_MS, START + (hour + 1) * HOUR_MS, amount)


ACCOUNTS = {"ep": Account("gpu")}


def test_an_hour_is_matched_with_the_jobs_of_its_account_and_what_is_beyond_is_shown() -> None:
    jobs = [worked(0, HOUR_MS // 2, 600), worked(HOUR_MS // 2, HOUR_MS * 3 // 2, 1000)]
    found = reconcile([line(0, 1500), line(1, 500)], ACCOUNTS, jobs)
    assert (found.billed_u, found.jobs_u) == (2000, 1600)
    (beyond,) = found.unmatched
    assert (beyond.starts_at, beyond.billed_u, beyond.jobs, beyond.jobs_u, beyond.excess_u) == (
        START,
        1500,
        2,
        1100,
        400,
    )


def test_what_matches_no_job_of_ours_is_named() -> None:
    jobs = [worked(0, 1000, 600), worked(0, 1000, 500, door="another")]
    found = reconcile([line(5, 700), line(0, 900, "unknown")], ACCOUNTS, jobs)
    assert [(u.account, u.door, u.jobs, u.excess_u) for u in found.unmatched] == [
        ("unknown", "", 0, 900),
        ("ep", "gpu", 0, 700),
    ]


def test_an_account_of_one_engine_has_only_its_jobs() -> None:
    jobs = [worked(0, 1000, 600), worked(0, 1000, 500, engine="keyframe-sdxl")]
    found = reconcile([line(0, 600)], {"ep": Account("gpu", "motion-wan")}, jobs)
    assert (found.jobs_u, found.unmatched) == (600, ())


@given(
    starts=st.integers(0, 10 * HOUR_MS),
    length=st.integers(1, 10 * HOUR_MS),
    charge=st.integers(0, 10**12),
    cuts=st.lists(st.integers(0, 20 * HOUR_MS), max_size=20),
)
def test_a_charge_is_spread_over_hours_without_loss(starts: int, length: int, charge: int, cuts: list[int]) -> None:
    job = worked(starts, starts + length, charge)
    edges = sorted({0, 20 * HOUR_MS, *cuts})
    parts = [job.within(START + a, START + b) for a, b in pairwise(edges)]
    assert sum(parts) == charge
    assert all(part >= 0 for part in parts)
