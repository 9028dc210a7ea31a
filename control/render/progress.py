"""What a render looks like to a person, from rows of the database. Pure."""

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from control.db import Row
from control.graph.model import Problem, Recipe, ShotPlan
from control.render.estimate import time_left
from control.render.planning import FACTS
from control.render.views import ENDED, Progress, RenderInfo, RenderView, StepState

Json = dict[str, Any]
LIVE: Mapping[str, StepState] = {"intent": "queued", "submitted": "queued", "running": "running", "unknown": "unknown"}
MADE: frozenset[StepState] = frozenset({"done", "degraded"})
KEPT = 64
"""Outlines that are kept as they were read; of what finished steps left, 64 times as many."""
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
    return RenderView.model_validate_json(to_json(told(render, rows, costs, workers)))


def told(render: Row, rows: Iterable[Row], costs: Mapping[str, int], workers: int) -> Json:
    """The same as its JSON says it: what is only passed on need not become a model first."""
    rows = list(rows)
    steps = [_step(render["id"], row, costs) for row in rows]
    outline = _outline(render["outline"])
    by_shot: dict[str | None, list[Json]] = {}
    for step in steps:
        by_shot.setdefault(step["shot"], []).append(step)
    ended = render["state"] in ("done", "failed", "cancelled")
    made = [step for step in steps if step["state"] in MADE]
    film = next((step for step in reversed(steps) if step["kind"] == "assemble"), None)
    return {
        **info(render).model_dump(),
        "title": outline.title,
        "recipe": _recipe(render["recipe"]),
        "steps": steps,
        "shots": [_shot(shot, by_shot.get(shot.id, [])) for shot in outline.shots],
        "problems": [problem.model_dump(mode="json") for problem in outline.problems],
        "total": len(steps),
        "made": sum(not step["reused"] for step in made),
        "reused": sum(step["reused"] for step in made),
        "failed": sum(step["state"] in ("failed", "blocked") for step in steps),
        "eta_s": 0.0 if ended else _eta(rows, steps, workers),
        "cost_u": sum(costs.values()),
        "bound_u": sum(step["bound_u"] for step in steps if step["state"] not in ENDED),
        "outputs": film["outputs"] if film is not None else {},
        "film_take": film["take_id"] if film is not None else None,
    }


@functools.lru_cache(maxsize=KEPT)
def _outline(text: str) -> Outline:
    return Outline.model_validate_json(text)


@functools.lru_cache(maxsize=KEPT)
def _recipe(text: str) -> Json:
    return Recipe.model_validate_json(text).model_dump(mode="json")


@functools.lru_cache(maxsize=64 * KEPT)
def _outputs(facts: str) -> Json:
    found: Json = FACTS.dump_python(FACTS.validate_json(facts), mode="json")
    return found


@functools.lru_cache(maxsize=64 * KEPT)
def _work(result: str) -> tuple[float, Sequence[Json]]:
    """Seconds that the work took, and what was left out or is worth knowing."""
    found = json.loads(result)
    notes = [*found.get("degraded", ()), *found.get("notes", ())]
    return found.get("metrics", {}).get("total_s", 0.0), notes


def _step(render: str, row: Row, costs: Mapping[str, int]) -> Json:
    """A `StepView`."""
    state = _state(row)
    made = state in MADE
    seconds, notes = _work(row["result"]) if made and row["result"] else (0.0, ())
    return {
        "path": row["path"],
        "kind": row["kind"],
        "engine": row["engine"],
        "shot": row["shot"],
        "label": row["label"],
        "state": state,
        "reused": made and row["maker"] != render,
        "fingerprint": row["fp"],
        "estimated": bool(row["estimated"]),
        "progress": _progress(row, state),
        "reason": _reason(row, state),
        "attempt": row["attempt"] or 0,
        "cost_u": costs.get(row["fp"], 0),
        "bound_u": row["bound_u"],
        "seconds": seconds,
        "outputs": _outputs(row["facts"]) if made and row["facts"] else {},
        "notes": notes,
        "take_id": row["take_id"] if made else None,
    }


def _state(row: Row) -> StepState:
    stored: StepState = row["state"]
    if stored in ENDED:
        return stored
    return LIVE.get(row["job_state"] or "", stored)


def _reason(row: Row, state: StepState) -> str:
    if state == "unknown":
        return "may have been billed"
    return row["reason"] if state == row["state"] else ""


def _progress(row: Row, state: StepState) -> Json | None:
    if state != "running" or not row["progress"]:
        return None
    return Progress.model_validate_json(row["progress"]).model_dump()


def _fraction(step: Json) -> float:
    """0..1 of a step."""
    if step["state"] in ENDED:
        return 1.0
    return Progress.model_construct(**step["progress"]).fraction if step["progress"] else 0.0


def _shot(shot: ShotPlan, own: Sequence[Json]) -> Json:
    """A `ShotView`."""
    states = {step["state"] for step in own}
    worst = next((state for state in _WORST if state in states), "degraded" if "degraded" in states else "done")
    running = [s["kind"] for s in own if s["state"] in ("running", "unknown")]
    return {
        "id": shot.id,
        "label": shot.label,
        "summary": shot.summary,
        "start": shot.start,
        "frames": shot.frames,
        "state": worst if own else "done",
        "fraction": sum(map(_fraction, own)) / len(own) if own else 1.0,
        "reused": bool(own) and all(step["reused"] for step in own),
        "doing": ", ".join(running or [s["kind"] for s in own if s["state"] == "queued"]),
        "steps": [step["path"] for step in own],
    }


def _eta(rows: Sequence[Row], steps: Sequence[Json], workers: int) -> float:
    """Seconds left: expected seconds of what is open, scaled by how finished steps of the kind compare with theirs."""
    took: dict[str, list[float]] = {}
    for row, step in zip(rows, steps, strict=True):
        if step["state"] in MADE and not step["reused"] and step["seconds"] > 0:
            took.setdefault(step["kind"], []).append(step["seconds"] / max(row["expect_s"], 0.001))
    scale = {kind: sum(found) / len(found) for kind, found in took.items()}
    left = []
    for row, step in zip(rows, steps, strict=True):
        if step["state"] in ENDED:
            continue
        progress = step["progress"]
        if progress is not None and progress["eta_s"] is not None:
            left.append(progress["eta_s"])
        else:
            left.append(row["expect_s"] * scale.get(step["kind"], 1.0) * (1.0 - _fraction(step)))
    return time_left(left, workers)
