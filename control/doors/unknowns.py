"""Jobs whose outcome nobody knows, in words: what was sent, what has been found since, how long it can last."""

import json
from datetime import UTC, datetime

from control.db import Database, Row
from control.doors.views import UnknownJob
from control.render.outcome import END_GRACE_MS, START_GRACE_MS

_UNKNOWN = """
SELECT job.*, film.title AS film, (SELECT label FROM step WHERE step.fp=job.fp AND step.label<>'' LIMIT 1) AS label
FROM job LEFT JOIN film ON film.id=job.film_id WHERE job.state IN ('unknown','written_off') ORDER BY job.created_at"""


async def unknowns(db: Database) -> tuple[UnknownJob, ...]:
    """Oldest first; those written off last as long as they are reconciled."""
    return tuple(_unknown(row) for row in await db.fetch(_UNKNOWN))


def _unknown(row: Row) -> UnknownJob:
    known = json.loads(row["known"])
    begun = bool(known.get("started"))
    ends = row["start_by"] + START_GRACE_MS
    if begun:
        ends = row["start_by"] + row["deadline_s"] * 1000 * row["executions"] + END_GRACE_MS
    return UnknownJob(
        job=row["id"],
        door=row["door"],
        engine=row["engine"],
        kind=row["kind"],
        label=row["label"] or "",
        film_id=row["film_id"],
        film=row["film"] or "",
        render_id=row["payer"],
        attempt=row["attempt"],
        written_off=row["state"] == "written_off",
        sent_at=row["created_at"],
        held_u=row["charge_u"],
        sent=known.get("note") or "its door gave no usable answer when it was sent",
        known=_known(known, begun, ends),
        ends_at=ends,
    )


def _known(known: dict[str, str], begun: bool, ends: int) -> str:
    if begun:
        worker = f" on {known['worker']}" if known.get("worker") else ""
        return (
            f"It began{worker} at {_at(int(known['started']))} and left no result yet. It is given up at {_at(ends)}."
        )
    return f"It has not begun anywhere. If it does not until {_at(ends)}, it never will, and is made anew."


def _at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%d %b %H:%M} UTC"
