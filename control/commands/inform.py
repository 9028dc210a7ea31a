"""What the commands print, as text for people or JSON for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from control.storyboard.problem import Problem
from functions.catalog import builtin

if TYPE_CHECKING:
    from control.commands.edit import EditReport
    from control.commands.plan import Planned
    from control.commands.render import Rendered
    from control.commands.script import ImportReport


def problem_line(problem: Problem, file: Path | None = None) -> str:
    """`board.yaml:12: error: scenes[0].shots[1].size: ...`."""
    where = ":".join(str(p) for p in (file, problem.line) if p is not None)
    head = f"{where}: " if where else ""
    path = f"{problem.path}: " if problem.path else ""
    return f"{head}{problem.severity}: {path}{problem.message}"


def checked(console: Console, file: Path, found: Sequence[Problem], *, as_json: bool) -> None:
    """The problems of a storyboard file."""
    if as_json:
        typer.echo(json.dumps({"problems": [p.model_dump() for p in found]}))
        return
    for problem in found:
        console.print(problem_line(problem, file), highlight=False, markup=False, soft_wrap=True)
    errors = sum(p.severity == "error" for p in found)
    console.print(f"{errors} errors, {len(found) - errors} warnings", highlight=False)


def rendered(console: Console, done: "Rendered", board: Path, film: Path) -> None:
    """Where the film lies and how to watch it."""
    view = done.view
    cost = f", ${view.cost_u / 1e6:.2f}" if view.cost_u else ""
    console.print(f"{view.made} made, {view.reused} reused in {done.seconds:.1f} s{cost}", highlight=False)
    if done.film is None:
        console.print(f"Pictures: {film.with_suffix('')}", highlight=False, soft_wrap=True)
    else:
        console.print(f"Film: {done.film.resolve()}", highlight=False, soft_wrap=True)
    for problem in view.problems:
        console.print(problem_line(problem), style="dim", highlight=False, markup=False, soft_wrap=True)
    console.print("Watch it, and every take, in the Studio: vivijure studio", highlight=False)


def planned(console: Console, plan: "Planned", *, as_json: bool) -> None:
    """The graph as a table."""
    if as_json:
        typer.echo(plan.quote.model_dump_json())
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("step", "engine", "state", "most it may cost"):
        table.add_column(name, justify="right" if name.startswith("most") else "left", overflow="fold")
    for line in plan.quote.lines:
        state = {"made": "exists", "make": "to make", "wait": "to make, estimated"}[line.state]
        table.add_row(line.path, line.engine, state, f"${line.bound_u / 1e6:.4f}" if line.bound_u else "free")
    console.print(table)
    q = plan.quote
    cost = f"${q.median_u / 1e6:.2f}, at most ${q.bound_u / 1e6:.2f}" if q.bound_u else "free"
    console.print(f"{plan.seconds:.1f} s of film · {q.made} exist · {q.to_make} to make · {cost}", highlight=False)
    for problem in q.problems:
        console.print(problem_line(problem), highlight=False, markup=False, soft_wrap=True)


def edited(console: Console, report: "EditReport", *, as_json: bool) -> None:
    """What an edit changed and what it makes stale."""
    if as_json:
        typer.echo(json.dumps({"ops": report.count, "stale": report.stale, "written": report.written}))
        return
    for shot, classes in report.stale.items():
        console.print(f"{shot}: {classes}", highlight=False, markup=False)
    said = "applied" if report.written else "would be applied"
    console.print(f"{report.count} operations {said}", highlight=False)


def imported(console: Console, report: "ImportReport") -> None:
    """What was made of a screenplay."""
    for line in report.lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(f"wrote {report.out}", highlight=False, soft_wrap=True)


def engines(console: Console, *, as_json: bool) -> None:
    """The catalog."""
    found = list(builtin().engines.values())
    if as_json:
        typer.echo(json.dumps([m.model_dump(mode="json") for m in found]))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("engine", "makes", "runs", "commercial use", "what it is"):
        table.add_column(name, overflow="fold")
    for m in found:
        table.add_row(m.name, ", ".join(m.kinds), m.runs, m.commercial, m.summary)
    console.print(table)
