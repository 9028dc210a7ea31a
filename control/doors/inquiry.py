"""The job that asks a rented worker what it is costs money too: held against the month's budget before it is sent, and
booked at what it cost.
"""

from collections.abc import Callable
from dataclasses import dataclass

from control.db import Database, Value
from control.doors.client import DESCRIBE_S
from control.doors.registry import Door
from control.render.budget import month_of, no_month
from control.render.ledger import MONTH_LIMIT

# It stands as done from the beginning: no runner looks at it, and no step waits for it.
_HOLD = """
INSERT INTO job(id,fp,attempt,kind,engine,film_id,door,payer,month,state,request,charge_u,cost_basis,start_by,
  deadline_s,executions,next_poll_at,created_at,ended_at,swept_at,price_u,allowance_s)
SELECT :id,'describe:'||:id,1,'describe',:engine,'',:door,'',:month,'done','{}',:bound,'bound',:now,
  :deadline,:executions,:now,:now,:now,:now,:price,:allowance
WHERE (SELECT COALESCE(SUM(charge_u),0) FROM job WHERE month=:month AND charge_u>0)+:bound<=MONTH_SUM
ON CONFLICT DO NOTHING""".replace("MONTH_SUM", MONTH_LIMIT)
_ROOM = """
SELECT EXISTS(SELECT 1 FROM job WHERE id=:id) AS held, MONTH_SUM AS month_limit,
  (SELECT COALESCE(SUM(charge_u),0) FROM job WHERE month=:month AND charge_u>0) AS spent""".replace(
    "MONTH_SUM", MONTH_LIMIT
)
_BOOK = """
UPDATE job SET charge_u=:cost, cost_basis='provider', ended_at=:now
WHERE id=:id AND kind='describe' AND cost_basis='bound'"""


@dataclass(frozen=True)
class Inquiries:
    """The statements over one `Database`. `month_limit_u` is the budget where none was ever set."""

    db: Database
    month_limit_u: int
    clock: Callable[[], int]

    async def hold(self, job: str, door: Door, engine: str) -> str:
        """Hold the most that asking may cost. Why it may not be asked, empty where it may."""
        now, terms = self.clock(), door.terms
        month, bound = month_of(now), bound_u(door)
        values: dict[str, Value] = {
            "id": job,
            "engine": engine,
            "door": door.id,
            "month": month,
            "month_limit_u": self.month_limit_u,
            "bound": bound,
            "deadline": DESCRIBE_S,
            "executions": door.executions,
            "now": now,
            "price": terms.price_u,
            "allowance": terms.start_allowance_s,
        }
        room = (await self.db.batch([(_HOLD, values), (_ROOM, values)]))[1].rows[0]
        return "" if room["held"] else no_month(bound, month, room["spent"], room["month_limit"])

    async def book(self, job: str, cost_u: int) -> None:
        """What it cost, by its provider."""
        await self.db.batch([(_BOOK, {"id": job, "cost": cost_u, "now": self.clock()})])


def bound_u(door: Door) -> int:
    """The most that asking an engine what it is may cost, in micro-dollars."""
    return door.terms.bound(DESCRIBE_S, door.executions)
