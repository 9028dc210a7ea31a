"""What a data folder tells of a render afterwards: when each job was asked for, begun and ended."""

import json
import sqlite3
import statistics
from bisect import bisect_right
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class JobTimes:
    """Of one job, in milliseconds since the epoch: the Studio's intent, the door's acceptance, begin and end of the
    work, and when its result object was written.
    """

    kind: str
    created: int
    accepted: int
    started: int
    ended: int
    result: float


def live(data: Path) -> tuple[str, str] | None:
    """Engine and handle of a job that is queued or running now; the newest, None where there is none."""
    if not (data / "studio.db").exists():
        return None
    sql = "SELECT engine, handle FROM job WHERE live=1 AND handle IS NOT NULL ORDER BY created_at DESC LIMIT 1"
    return next(iter(_rows(data / "studio.db", sql)), None)


def jobs(data: Path) -> list[JobTimes]:
    """The jobs of the built-in door that ended, in the order in which they were asked for."""
    at_door = {
        row[0]: row[1:] for row in _rows(data / "door" / "queue.sqlite", "SELECT id, accepted, started, ended FROM job")
    }
    found = []
    for id_, kind, created, request in _rows(data / "studio.db", "SELECT id, kind, created_at, request FROM job"):
        result = data / "objects" / json.loads(request)["reserved"]["result"]["key"]
        if id_ in at_door and None not in at_door[id_] and result.exists():
            accepted, started, ended = at_door[id_]
            found.append(JobTimes(kind, created, accepted, started, ended, result.stat().st_mtime_ns / 1e6))
    return sorted(found, key=lambda job: job.created)


def hand_over_ms(found: list[JobTimes], ahead: int) -> float | None:
    """Median milliseconds from a result that was written to the acceptance by the door of the next job asked for.

    The first `ahead` jobs follow no result. A job follows the newest result before it was asked for.
    """
    results = sorted(job.result for job in found)
    took = [job.accepted - results[n - 1] for job in found[ahead:] if (n := bisect_right(results, job.created))]
    return round(statistics.median(took), 1) if took else None


def idle_worker_s(found: list[JobTimes], workers: int) -> float:
    """Seconds that workers stood idle from the first job's acceptance to the last one's end, all added up."""
    span = max(job.ended for job in found) - min(job.accepted for job in found)
    return round((workers * span - sum(job.ended - job.started for job in found)) / 1000, 2)


def timeline(found: list[JobTimes], workers: int) -> list[str]:
    """What each worker did, as `kind begin-end` in seconds from the first job's acceptance; a row a worker."""
    zero = min(job.accepted for job in found)
    rows: list[list[JobTimes]] = [[] for _ in range(workers)]
    for job in sorted(found, key=lambda job: job.started):
        min(rows, key=lambda row: row[-1].ended if row else 0).append(job)
    return [
        " ".join(f"{j.kind} {(j.started - zero) / 1000:.1f}-{(j.ended - zero) / 1000:.1f}" for j in r) for r in rows
    ]


def _rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
        try:
            return db.execute(sql).fetchall()
        except sqlite3.OperationalError:  # not there yet
            return []
