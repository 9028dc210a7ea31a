"""The ledger as CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.render import sheet
from control.render.views import Entry, Unmatched

ENTRY = Entry(
    job="j1",
    month="2026-11",
    submitted_at=1_793_491_200_000,
    ended_at=1_793_491_260_500,
    film_id="f",
    film="The Lighthouse",
    shot="s1",
    step="shot/s1/motion",
    kind="motion",
    engine="motion-wan",
    door="gpu",
    attempt=2,
    state="failed",
    charge_u=1_234_567,
    basis="measured",
)
BEYOND = Unmatched(
    account="=cmd()",
    provider="runpod",
    door="gpu",
    starts_at=1_793_491_200_000,
    ends_at=1_793_494_800_000,
    billed_u=900,
    jobs=0,
    jobs_u=0,
    excess_u=900,
)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_holds_a_job_with_its_exact_charge() -> None:
    (row,) = rows(sheet.text([ENTRY]))
    assert row == {
        "month": "2026-11",
        "submitted": "2026-11-01T00:00:00Z",
        "ended": "2026-11-01T00:01:00Z",
        "film": "The Lighthouse",
        "shot": "s1",
        "step": "shot/s1/motion",
        "kind": "motion",
        "engine": "motion-wan",
        "door": "gpu",
        "attempt": "2",
        "state": "failed",
        "charge_usd": "1.234567",
        "basis": "measured",
        "job": "j1",
    }


def test_a_running_job_has_no_end_and_its_hold() -> None:
    (row,) = rows(sheet.text([ENTRY.model_copy(update={"ended_at": None, "basis": None, "state": "running"})]))
    assert (row["ended"], row["basis"]) == ("", "held")


def test_charges_that_match_no_job_follow() -> None:
    last = rows(sheet.text([ENTRY], [BEYOND]))[-1]
    assert (last["kind"], last["state"], last["charge_usd"]) == ("runpod charge", "unmatched", "0.000900")
    assert last["job"] == "'=cmd()"


@pytest.mark.parametrize(
    "title",
    [
        '=HYPERLINK("http://evil")',
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "\ufeff=1",
        "|x",
        "%x",
    ],
)
def test_no_cell_is_taken_for_a_formula(title: str) -> None:
    (row,) = rows(sheet.text([ENTRY.model_copy(update={"film": title})]))
    assert row["film"] == "'" + title


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])))
def test_any_title_comes_back_in_its_own_cell(title: str) -> None:
    (row,) = rows(sheet.text([ENTRY.model_copy(update={"film": title})]))
    assert row["film"] in (title, "'" + title)
    assert row["job"] == "j1"
    assert not row["film"].strip().startswith(("=", "+", "-", "@"))
