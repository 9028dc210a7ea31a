"""Renders and jobs as the database holds them."""

import json
from dataclasses import dataclass
from typing import Any

from control.db import Row
from control.render.advance import JobState
from control.render.views import RenderState


@dataclass(frozen=True, slots=True)
class RenderRow:
    """A render as stored. `recipe` and `files` are JSON."""

    id: str
    film_id: str
    rev: int
    recipe: str
    catalog_sha: str
    files: str
    state: RenderState
    cancel_requested: bool
    created_at: int
    doors: str | None = None
    """The doors that its accepted quote names, a JSON list of ENGINE@DOOR; None where any may be used."""

    @property
    def named(self) -> frozenset[str] | None:
        """The same as a set."""
        return None if self.doors is None else frozenset(json.loads(self.doors))


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as stored. `request` is its request without URLs and grant; `handle` is the door's id for it."""

    id: str
    fp: str
    attempt: int
    film_id: str
    engine: str
    door: str
    payer: str
    state: JobState
    handle: str | None
    instance: str | None
    request: str
    charge_u: int
    start_by: int
    deadline_s: int
    executions: int
    cancel_requested: bool
    cancel_sent: bool
    posts: int
    created_at: int
    next_poll_at: int
    progress_at: int
    price_u: int = -1
    allowance_s: int = 0
    fixed_u: int = 0
    known: str = "{}"
    rung_at: int = 0


RENDER_COLUMNS = ", ".join(RenderRow.__slots__)
JOB_COLUMNS = ", ".join(JobRow.__slots__)
"""What is read of the tables: outlines and results are long, and nobody needs them to advance a render."""


def render_of(row: Row) -> RenderRow:
    """From a row of `render`."""
    return RenderRow(**_columns(RenderRow, row, "cancel_requested"))


def job_of(row: Row) -> JobRow:
    """From a row of `job`."""
    return JobRow(**_columns(JobRow, row, "cancel_requested", "cancel_sent"))


def _columns(kind: type[RenderRow | JobRow], row: Row, *flags: str) -> dict[str, Any]:
    return {name: bool(row[name]) if name in flags else row[name] for name in kind.__slots__}
