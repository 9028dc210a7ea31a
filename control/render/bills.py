"""Providers' bills: read from what their tools print, and laid beside our jobs by account and hour. Pure.

A provider bills what it hosts (a RunPod endpoint, a Modal app) by the hour, never by our job. So each hour's bill is
compared with the sum of our jobs' charges in that hour, each charge spread evenly over the time of its job.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from control.errors import Invalid
from control.render.views import Unmatched

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MOST_LINES = 100_000
PROVIDERS = ("runpod", "modal")


@dataclass(frozen=True, slots=True)
class Line:
    """What a provider charged an account from `starts_at` until `ends_at`, in milliseconds and micro-dollars."""

    account: str
    provider: str
    starts_at: int
    ends_at: int
    amount_u: int


@dataclass(frozen=True, slots=True)
class Worked:
    """A job as a bill sees it: where it ran, when, and what we booked for it."""

    door: str
    engine: str
    starts_at: int
    ends_at: int
    charge_u: int

    def within(self, starts_at: int, ends_at: int) -> int:
        """The part of the charge that falls into a time. Parts of times side by side add up to the charge."""
        first, last = max(starts_at, self.starts_at), min(ends_at, self.ends_at)
        if first >= last:
            return 0
        length = self.ends_at - self.starts_at
        until, before = last - self.starts_at, first - self.starts_at
        return self.charge_u * until // length - self.charge_u * before // length


@dataclass(frozen=True, slots=True)
class Account:
    """Whose jobs an account is billed for: a door, of it one engine where `engine` is not empty."""

    door: str
    engine: str = ""

    def has(self, job: Worked) -> bool:
        """Whether the account is billed for this job."""
        return job.door == self.door and self.engine in ("", job.engine)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Sums over all lines, and the lines that bill more than our jobs cost."""

    billed_u: int
    jobs_u: int
    unmatched: tuple[Unmatched, ...]


def read(text: str) -> tuple[Line, ...]:
    """The lines of a bill, from what a provider answered. Raises `Invalid`."""
    try:
        return lines_of(json.loads(text, parse_float=Decimal, parse_int=Decimal))
    except (ValueError, RecursionError) as error:
        raise Invalid("the bill is no JSON; save the provider's answer as it is") from error


def lines_of(said: object) -> tuple[Line, ...]:
    """The lines of a bill as RunPod's `GET /v2/billing/serverless` or `modal billing report --json` gives it.

    Raises `Invalid` naming the record that cannot be read.
    """
    records = said.get("records") if isinstance(said, dict) else said
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Invalid("the bill holds no list of records; save the provider's answer as it is")
    if len(records) > MOST_LINES:
        raise Invalid(f"the bill has {len(records)} records, more than {MOST_LINES}; split it")
    lines = _summed(_line(n, record) for n, record in enumerate(records))
    for before, after in pairwise(sorted(lines, key=lambda line: (line.account, line.starts_at))):
        if before.account == after.account and before.ends_at > after.starts_at:
            raise Invalid(f"the bill counts some time of {after.account} twice; fetch it with one bucket size")
    return lines


def reconcile(lines: Iterable[Line], accounts: Mapping[str, Account], jobs: Sequence[Worked]) -> Reconciled:
    """Each line beside our jobs of its account and time."""
    billed = ours = 0
    unmatched = []
    for line in lines:
        account = accounts.get(line.account)
        mine = [job for job in jobs if account is not None and account.has(job)]
        cost = sum(job.within(line.starts_at, line.ends_at) for job in mine)
        billed, ours = billed + line.amount_u, ours + cost
        if line.amount_u > cost:
            unmatched.append(_unmatched(line, account, mine, cost))
    return Reconciled(billed, ours, tuple(sorted(unmatched, key=lambda u: (u.starts_at, u.account))))


def _unmatched(line: Line, account: Account | None, jobs: Sequence[Worked], cost: int) -> Unmatched:
    return Unmatched(
        account=line.account,
        provider=line.provider,
        door=account.door if account is not None else "",
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        billed_u=line.amount_u,
        jobs=sum(job.starts_at < line.ends_at and job.ends_at > line.starts_at for job in jobs),
        jobs_u=cost,
        excess_u=line.amount_u - cost,
    )


def _summed(lines: Iterable[Line]) -> tuple[Line, ...]:
    """One line an account and time: a bill may be split by resource."""
    found: dict[tuple[str, int], Line] = {}
    for line in lines:
        key = line.account, line.starts_at
        known = found.get(key)
        amount = line.amount_u + (known.amount_u if known is not None else 0)
        found[key] = Line(line.account, line.provider, line.starts_at, line.ends_at, amount)
    return tuple(found.values())


def _line(n: int, record: Mapping[str, Any]) -> Line:
    try:
        if "serverlessId" in record:
            starts, ends = _ms(record["startTime"]), _ms(record["endTime"])
            return _checked(Line(str(record["serverlessId"]), "runpod", starts, ends, _micro(record["totalAmount"])))
        if "object_id" in record:
            starts = _ms(record["interval_start"])
            length = HOUR_MS if "T" in str(record["interval_start"]) else DAY_MS
            return _checked(Line(str(record["object_id"]), "modal", starts, starts + length, _micro(record["cost"])))
    except KeyError as error:
        raise Invalid(f"record {n} of the bill has no {error.args[0]}") from error
    except (ValueError, InvalidOperation, OverflowError) as error:
        raise Invalid(f"record {n} of the bill cannot be read: {error}") from error
    raise Invalid(f"record {n} of the bill is neither RunPod's (serverlessId) nor Modal's (object_id)")


def _checked(line: Line) -> Line:
    if not line.account or len(line.account) > 200 or not line.account.isprintable():
        raise ValueError("its account has no acceptable name")
    if not line.starts_at < line.ends_at:
        raise ValueError("it ends before it starts")
    return line


def _ms(text: object) -> int:
    """Milliseconds of an RFC 3339 time or a date; without a zone it is UTC."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no time")
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _micro(amount: object) -> int:
    """Micro-dollars of a sum in dollars, rounded up."""
    found = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    if not found.is_finite() or not 0 <= found < 10**6:
        raise ValueError(f"{amount} is no sum between 0 and a million dollars")
    return math.ceil(found * 10**6)
