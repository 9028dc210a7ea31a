"""Rows of paid work: a film, a render that runs, a job about to be submitted and one that was."""

from typing import Any

from control.db import Database
from control.render.ledger import Intent, Ledger
from control.render.outcome import End
from control.render.renders import Renders
from control.render.rows import JobRow

FP = "f" * 64
NOW = 1_000_000
DONE = End("done", 40, "measured")


async def film(db: Database) -> None:
    await db.batch(
        [
            ("INSERT INTO film(id,title,created_at,updated_at) VALUES('film','x',0,0) ON CONFLICT DO NOTHING", {}),
            ("INSERT INTO catalog(sha256,body) VALUES('c','[]') ON CONFLICT DO NOTHING", {}),
        ]
    )


async def start(db: Database, render: str, *, budget: int = 10**9, fps: tuple[str, ...] = (FP,)) -> None:
    """A running render that wants these fingerprints."""
    await film(db)
    sql = """INSERT INTO render(id,film_id,rev,recipe,catalog_sha,files,budget_u,created_at)
        VALUES(:id,'film',1,'{}','c','{}',:budget,0) ON CONFLICT DO NOTHING"""
    await db.batch([(sql, {"id": render, "budget": budget})])
    assert await Renders(db).save_steps(render, [row(f"s{i}", fp) for i, fp in enumerate(fps)], "{}")


def row(path: str, fp: str | None, **values: Any) -> dict[str, Any]:
    fixed = {"n": 0, "kind": "motion", "engine": "e", "door": "d", "shot": "a", "label": "1A", "estimated": 0}
    return {"path": path, "fp": fp, **fixed, "quote_u": 0, "bound_u": 0, "expect_s": 1.0, **values}


def intent(job: str, payer: str = "r1", *, fp: str = FP, bound: int = 100, limit: int = 10**9) -> Intent:
    return Intent(
        id=job,
        fp=fp,
        kind="motion",
        engine="e",
        film_id="film",
        door="d",
        payer=payer,
        month="2026-11",
        month_limit_u=limit,
        bound_u=bound,
        request="{}",
        start_by=NOW + 1000,
        deadline_s=10,
        executions=1,
        post_ms=2000,
        now=NOW,
    )


async def job_row(db: Database, job: str = "j1") -> dict[str, Any]:
    return (await db.fetch("SELECT * FROM job WHERE id=:id", {"id": job}))[0]


async def submitted(db: Database, job: str = "j1", payer: str = "r1", **values: Any) -> JobRow:
    """A job whose handle is known."""
    ledger = Ledger(db)
    claim, found = await ledger.submit(intent(job, payer, **values))
    assert (claim, found is not None and found.id) == ("mine", job)
    await ledger.handle(job, f"handle-{job}", "q1", NOW)
    stored = await ledger.job(job)
    assert stored is not None
    return stored
