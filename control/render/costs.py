"""The books: what months, films, engines and doors cost; budgets; bills of providers laid beside them."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from control.db import Database, Row, Value
from control.errors import Conflict, Invalid
from control.render.bills import Account, Line, Reconciled, Worked, reconcile
from control.render.budget import month_of
from control.render.ledger import Ledger
from control.render.views import Budget, Cost, Costs, Entry, Imported

MONTHS = 12
BATCH = 2000
MOST_LIMIT_U = 10**12
"""A month's budget at most: a million dollars."""
WASTED = ("failed", "cancelled", "never_started", "lost", "written_off")
"""Ends that were paid for and gave nothing."""
_SUMS = """
SELECT job.film_id, COALESCE(film.title,'') AS title, engine, door, COALESCE(cost_basis,'held') AS basis, state,
  COUNT(*) AS jobs, SUM(charge_u) AS charge, SUM(CASE WHEN live=1 THEN charge_u ELSE 0 END) AS held
FROM job LEFT JOIN film ON film.id=job.film_id WHERE month=:month GROUP BY 1,2,3,4,5,6"""
_MONTHS = """
SELECT month, COUNT(*) AS jobs, SUM(charge_u) AS charge, SUM(CASE WHEN live=1 THEN charge_u ELSE 0 END) AS held,
  SUM(CASE WHEN state IN (SELECT value FROM json_each(:wasted)) THEN charge_u ELSE 0 END) AS wasted
FROM job GROUP BY month ORDER BY month DESC LIMIT :months"""
_ENTRIES = """
SELECT job.id AS job, month, job.created_at AS submitted_at, job.ended_at, job.film_id,
  COALESCE(film.title,'') AS film, job.kind, job.engine, job.door, attempt, job.state, charge_u, cost_basis AS basis,
  (SELECT MIN(shot) FROM step WHERE render_id=job.payer AND step.fp=job.fp) AS shot,
  COALESCE((SELECT MIN(path) FROM step WHERE render_id=job.payer AND step.fp=job.fp),'') AS step
FROM job LEFT JOIN film ON film.id=job.film_id
WHERE month=:month AND (job.created_at>:at OR job.created_at=:at AND job.id>:after)
ORDER BY job.created_at, job.id LIMIT :limit"""
_SINCE = "SELECT month, limit_u FROM month_budget WHERE month<=:month ORDER BY month DESC LIMIT 1"
_SET = """
INSERT INTO month_budget(month,limit_u) VALUES(:month,:limit)
ON CONFLICT(month) DO UPDATE SET limit_u=excluded.limit_u"""
# A bill that is fetched again says more of the present hour, never less of a past one: the later one counts.
_BILL = """
INSERT INTO bill(account,starts_at,ends_at,amount_u,provider,imported_at)
SELECT value->>'account', value->>'starts_at', value->>'ends_at', value->>'amount_u', value->>'provider', :now
FROM json_each(:lines) WHERE true
ON CONFLICT(account,starts_at) DO UPDATE SET ends_at=excluded.ends_at, amount_u=excluded.amount_u,
  provider=excluded.provider, imported_at=excluded.imported_at"""
_ACCOUNT = """
INSERT INTO bill_account(account,provider,door,engine)
SELECT value->>'account', value->>'provider', value->>'door', value->>'engine' FROM json_each(:accounts) WHERE true
ON CONFLICT(account) DO UPDATE SET provider=excluded.provider, door=excluded.door, engine=excluded.engine"""
_OVERLAP = """
SELECT 1 FROM json_each(:lines) JOIN bill ON bill.account=value->>'account'
WHERE bill.starts_at<value->>'ends_at' AND bill.ends_at>value->>'starts_at' AND bill.starts_at<>value->>'starts_at'
LIMIT 1"""
_ENDPOINTS = """
SELECT e.value AS account, door.id AS door, e.key AS engine FROM door, json_each(door.caps,'$.endpoints') e"""
_BILLED = "SELECT * FROM bill WHERE starts_at>=:first AND starts_at<:last ORDER BY starts_at, account"
_WORKED = """
SELECT door, engine, COALESCE(started_at,created_at) AS starts_at, COALESCE(ended_at,:now) AS ends_at, charge_u
FROM job WHERE charge_u>0 AND created_at<:last AND COALESCE(ended_at,:now)>=:first"""


class Books:
    """The statements over one `Database`. `month_limit_u` is the budget where none was ever set."""

    def __init__(self, db: Database, month_limit_u: int, clock: Callable[[], int]) -> None:
        self._db, self._month_limit_u, self._clock = db, month_limit_u, clock

    async def costs(self, month: str | None = None) -> Costs:
        """Of a UTC month `YYYY-MM`, the present one without it."""
        month = month or self.month
        rows = await self._db.fetch(_SUMS, {"month": month})
        history = await self._db.fetch(_MONTHS, {"months": MONTHS, "wasted": json.dumps(WASTED)})
        budget, found = await self.budget(month), await self._reconciled(month)
        return Costs(
            month=month,
            spent_u=budget.spent_u,
            held_u=budget.held_u,
            limit_u=budget.limit_u,
            left_u=budget.left_u,
            jobs=sum(row["jobs"] for row in rows),
            wasted_u=sum(row["charge"] for row in rows if row["state"] in WASTED),
            by_engine=_by(rows, "engine"),
            by_basis=_by(rows, "basis"),
            films=_costs(rows, "film_id", {row["film_id"]: row["title"] for row in rows}),
            engines=_costs(rows, "engine"),
            doors=_costs(rows, "door"),
            months=tuple(_month(row) for row in history),
            billed_u=found.billed_u,
            jobs_billed_u=found.jobs_u,
            unmatched=found.unmatched,
        )

    async def entries(self, month: str | None = None) -> list[Entry]:
        """Every job of a month, oldest first."""
        values: dict[str, Value] = {"month": month or self.month, "at": -1, "after": "", "limit": BATCH}
        found: list[Entry] = []
        while True:
            rows = await self._db.fetch(_ENTRIES, values)
            found += [Entry.model_validate(row) for row in rows]
            if len(rows) < BATCH:
                return found
            values |= {"at": rows[-1]["submitted_at"], "after": rows[-1]["job"]}

    # budgets ---------------------------------------------------------------------------------------------------------

    async def budget(self, month: str | None = None) -> Budget:
        """What may be spent in a month, and what is left of it."""
        month = month or self.month
        room = await Ledger(self._db).room("", month, self._month_limit_u)
        rows = await self._db.fetch(_SINCE, {"month": month})
        held = await self._db.fetch(
            "SELECT COALESCE(SUM(charge_u),0) AS held FROM job WHERE month=:month AND live=1", {"month": month}
        )
        return Budget(
            month=month,
            limit_u=room.month_limit,
            spent_u=room.month_spent - held[0]["held"],
            held_u=held[0]["held"],
            left_u=max(0, room.month_limit - room.month_spent),
            since=rows[0]["month"] if rows else None,
        )

    async def set_budget(self, limit_u: int) -> Budget:
        """From the present month on, until another is set. Raises `Invalid`."""
        if not 0 <= limit_u <= MOST_LIMIT_U:
            raise Invalid("a monthly budget lies between $0 and $1,000,000")
        await self._db.batch([(_SET, {"month": self.month, "limit": limit_u})])
        return await self.budget()

    # bills -----------------------------------------------------------------------------------------------------------

    async def take_bill(self, lines: Sequence[Line], accounts: Mapping[str, Account]) -> Imported:
        """Keep a provider's bill; `accounts` says which door (and engine) an account of it is billed for.

        Raises `Conflict` where its hours overlap others of the same account.
        """
        for first in range(0, len(lines), BATCH):
            part = [{name: getattr(line, name) for name in Line.__slots__} for line in lines[first : first + BATCH]]
            sent: dict[str, Value] = {"lines": json.dumps(part), "now": self._clock()}
            if await self._db.fetch(_OVERLAP, sent):
                raise Conflict("the bill overlaps one taken before; fetch it with the same bucket size, by the hour")
            await self._db.batch([(_BILL, sent)])
        named = [{"account": name, "provider": "", "door": a.door, "engine": a.engine} for name, a in accounts.items()]
        await self._db.batch([(_ACCOUNT, {"accounts": json.dumps(named)})])
        known, billed = await self._accounts(), {line.account for line in lines}
        return Imported(
            lines=len(lines),
            billed_u=sum(line.amount_u for line in lines),
            accounts=tuple(sorted(billed)),
            unknown=tuple(sorted(billed - known.keys())),
        )

    async def _accounts(self) -> dict[str, Account]:
        """What accounts stand for: as a person said, else the door and engine that have it as their endpoint."""
        rows = await self._db.fetch("SELECT account, door, engine FROM bill_account")
        said = {row["account"]: Account(row["door"], row["engine"]) for row in rows}
        known = await self._db.fetch(_ENDPOINTS)
        return {row["account"]: Account(row["door"], row["engine"]) for row in known} | said

    async def _reconciled(self, month: str) -> Reconciled:
        first, last = span(month)
        values: dict[str, Value] = {"first": first, "last": last, "now": self._clock()}
        rows = await self._db.fetch(_BILLED, values)
        lines = [Line(**{name: row[name] for name in Line.__slots__}) for row in rows]
        if not lines:
            return reconcile((), {}, ())
        return reconcile(lines, await self._accounts(), [_worked(row) for row in await self._db.fetch(_WORKED, values)])

    @property
    def month(self) -> str:
        """The present month."""
        return month_of(self._clock())


def span(month: str) -> tuple[int, int]:
    """First millisecond of a UTC month `YYYY-MM`, and of the next."""
    year, number = int(month[:4]), int(month[5:])
    first = datetime(year, number, 1, tzinfo=UTC)
    last = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return round(first.timestamp() * 1000), round(last.timestamp() * 1000)


def _by(rows: Sequence[Row], column: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row[column]] = found.get(row[column], 0) + row["charge"]
    return dict(sorted(found.items()))


def _costs(rows: Sequence[Row], column: str, titles: Mapping[str, str] | None = None) -> tuple[Cost, ...]:
    """Sums over a column, the dearest first."""
    found = []
    for key in {row[column] for row in rows}:
        mine = [row for row in rows if row[column] == key]
        found.append(
            Cost(
                key=key,
                title=(titles or {}).get(key, key),
                jobs=sum(row["jobs"] for row in mine),
                charge_u=sum(row["charge"] for row in mine),
                held_u=sum(row["held"] for row in mine),
                wasted_u=sum(row["charge"] for row in mine if row["state"] in WASTED),
            )
        )
    return tuple(sorted(found, key=lambda cost: (-cost.charge_u, cost.title, cost.key)))


def _month(row: Row) -> Cost:
    return Cost(
        key=row["month"],
        title=row["month"],
        jobs=row["jobs"],
        charge_u=row["charge"],
        held_u=row["held"],
        wasted_u=row["wasted"],
    )


def _worked(row: Row) -> Worked:
    ends = max(row["ends_at"], row["starts_at"] + 1)
    return Worked(row["door"], row["engine"], row["starts_at"], ends, row["charge_u"])
