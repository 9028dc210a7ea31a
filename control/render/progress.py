"""What a render looks like to a person, from rows of the database. Pure."""

import functools
import json
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from control.db import Row
from control.graph.model import OutputFacts, Problem, Recipe, ShotPlan
from control.render.estimate import time_left
from control.render.planning import FACTS
from control.render.views import ENDED, Progress, RenderInfo, RenderView, ShotView, StepState, StepView

LIVE: Mapping[str, StepState] = {"intent": "queued", "submitted": "queued", "running": "running", "unknown": "unknown"}
MADE: frozenset[StepState] = frozenset({"done", "degraded"})
KEPT = 64
"""Outlines that are kept as they were read; of what finished steps left, sixteen times as many."""
_WORST: Sequence[StepState] = ("failed", "blocked", "unknown", "running", "queued", "ready", "waiting", "cancelled")
"""What a shot shows where its steps differ, first found."""


class Outline(BaseModel):
    """What a render keeps of its plan."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = ""
    shots: tuple[ShotPlan, ...] = ()
    problems: tuple[Problem, ...] = ()


def info(row: Row) -> RenderInfo:
    """From a row of `render`."""
    return RenderInfo(
        id=row["id"],
        film_id=row["film_id"],
        revision=row["rev"],
        state=row["state"],
        cancel_requested=bool(row["cancel_requested"]),
        reason=row["reason"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def view(render: Row, rows: Iterable[Row], costs: Mapping[str, int], workers: int) -> RenderView:
    """A render with its steps. `costs` are micro-dollars of its own jobs by fingerprint."""
    rows = list(rows)
    steps = tuple(_step(render["id"], row, costs) for row in rows)
    outline = _outline(render["outline"])
    by_shot: dict[str | None, list[StepView]] = {}
    for step in steps:
        by_shot.setdefault(step.shot, []).append(step)
    ended = render["state"] in ("done", "failed", "cancelled")
    made = [s for s in steps if s.state in MADE]
    film = next((s for s in reversed(steps) if s.kind == "assemble"), None)
    return RenderView(
        **info(render).model_dump(),
        title=outline.title,
        recipe=Recipe.model_validate_json(render["recipe"]),
        steps=steps,
        shots=tuple(_shot(shot, by_shot.get(shot.id, [])) for shot in outline.shots),
        problems=outline.problems,
        total=len(steps),
        made=sum(not s.reused for s in made),
        reused=sum(s.reused for s in made),
        failed=sum(s.state in ("failed", "blocked") for s in steps),
        eta_s=0.0 if ended else _eta(rows, steps, workers),
        cost_u=sum(costs.values()),
        bound_u=sum(s.bound_u for s in steps if s.state not in ENDED),
        outputs=film.outputs if film is not None else {},
        film_take=film.take_id if film is not None else None,
    )


@functools.lru_cache(maxsize=KEPT)
def _outline(text: str) -> Outline:
    return Outline.model_validate_json(text)


@functools.lru_cache(maxsize=16 * KEPT)
def _outputs(facts: str) -> Mapping[str, OutputFacts]:
    return FACTS.validate_json(facts)


@functools.lru_cache(maxsize=16 * KEPT)
def _told(result: str) -> tuple[float, tuple[str, ...]]:
    """Seconds that the work took, and what was left out or is worth knowing."""
    found = json.loads(result)
    notes = (*found.get("degraded", ()), *found.get("notes", ()))
    return found.get("metrics", {}).get("total_s", 0.0), notes


def _step(render: str, row: Row, costs: Mapping[str, int]) -> StepView:
    state = _state(row)
    made = state in MADE
    seconds, notes = _told(row["result"]) if made and row["result"] else (0.0, ())
    outputs = _outputs(row["facts"]) if made and row["facts"] else {}
    return StepView(
        path=row["path"],
        kind=row["kind"],
        engine=row["engine"],
        shot=row["shot"],
        label=row["label"],
        state=state,
        reused=made and row["maker"] != render,
        fingerprint=row["fp"],
        estimated=bool(row["estimated"]),
        progress=_progress(row, state),
        reason=_reason(row, state),
        attempt=row["attempt"] or 0,
        cost_u=costs.get(row["fp"], 0),
        bound_u=row["bound_u"],
        seconds=seconds,
        outputs=dict(outputs),
        notes=notes,
        take_id=row["take_id"] if made else None,
    )


def _state(row: Row) -> StepState:
    stored: StepState = row["state"]
    if stored in ENDED:
        return stored
    return LIVE.get(row["job_state"] or "", stored)


def _reason(row: Row, state: StepState) -> str:
    if state == "unknown":
        return "may have been billed"
    return row["reason"] if state == row["state"] else ""


def _progress(row: Row, state: StepState) -> Progress | None:
    return Progress.model_validate_json(row["progress"]) if state == "running" and row["progress"] else None


def _shot(shot: ShotPlan, own: Sequence[StepView]) -> ShotView:
    states = {s.state for s in own}
    worst = next((state for state in _WORST if state in states), "degraded" if "degraded" in states else "done")
    done = sum(1.0 if s.state in ENDED else s.progress.fraction if s.progress else 0.0 for s in own)
    running = [s for s in own if s.state in ("running", "unknown")] or [s for s in own if s.state == "queued"]
    return ShotView(
        id=shot.id,
        label=shot.label,
        summary=shot.summary,
        start=shot.start,
        frames=shot.frames,
        state=worst if own else "done",
        fraction=done / len(own) if own else 1.0,
        reused=bool(own) and all(s.reused for s in own),
        doing=", ".join(s.kind for s in running),
        steps=tuple(s.path for s in own),
    )


def _eta(rows: Sequence[Row], steps: Sequence[StepView], workers: int) -> float:
    """Seconds left: expected seconds of what is open, scaled by how finished steps of the kind compare with theirs."""
    took: dict[str, list[float]] = {}
    for row, step in zip(rows, steps, strict=True):
        if step.state in MADE and not step.reused and step.seconds > 0:
            took.setdefault(step.kind, []).append(step.seconds / max(row["expect_s"], 0.001))
    scale = {kind: sum(found) / len(found) for kind, found in took.items()}
    left = []
    for row, step in zip(rows, steps, strict=True):
        if step.state in ENDED:
            continue
        if step.progress is not None and step.progress.eta_s is not None:
            left.append(step.progress.eta_s)
        else:
            part = 1.0 - (step.progress.fraction if step.progress else 0.0)
            left.append(row["expect_s"] * scale.get(step.kind, 1.0) * part)
    return time_left(left, workers)
