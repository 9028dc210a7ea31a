"""The ledger as a table for spreadsheets: CSV after RFC 4180 in which no cell is taken for a formula. Pure."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime

from control.render.views import Entry, Unmatched

COLUMNS = (
    *("month", "submitted", "ended", "film", "shot", "step", "kind", "engine", "door", "attempt", "state"),
    *("charge_usd", "basis", "job"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What spreadsheets may take for the start of a formula or a command."""


def text(entries: Iterable[Entry], unmatched: Iterable[Unmatched] = ()) -> str:
    """One row a job, then one for each of a provider's charges that our jobs do not account for."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([cell(value) for value in _job(entry)] for entry in entries)
    writer.writerows([cell(value) for value in _charge(found)] for found in unmatched)
    return out.getvalue()


def cell(value: str) -> str:
    """The value, with an apostrophe before what a spreadsheet would run."""
    return f"'{value}" if value.lstrip(" \u00a0\ufeff").startswith(FORMULA) else value


def dollars(micro: int) -> str:
    """Micro-dollars as dollars with six decimals, exactly."""
    return f"{micro // 10**6}.{micro % 10**6:06d}"


def _job(entry: Entry) -> tuple[str, ...]:
    return (
        entry.month,
        time(entry.submitted_at),
        "" if entry.ended_at is None else time(entry.ended_at),
        entry.film,
        entry.shot or "",
        entry.step,
        entry.kind,
        entry.engine,
        entry.door,
        str(entry.attempt),
        entry.state,
        dollars(entry.charge_u),
        entry.basis or "held",
        entry.job,
    )


def _charge(found: Unmatched) -> tuple[str, ...]:
    month = time(found.starts_at)[:7]
    film, shot, step, engine, attempt = "", "", "", "", ""
    ends = (dollars(found.excess_u), "bill", found.account)
    times = (time(found.starts_at), time(found.ends_at))
    return (
        month,
        *times,
        film,
        shot,
        step,
        f"{found.provider} charge",
        engine,
        found.door,
        attempt,
        "unmatched",
        *ends,
    )


def time(ms: int) -> str:
    """A UTC time to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
