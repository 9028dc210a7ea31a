"""`vivijure`: render, plan, check, edit, import and export storyboards; serve the Studio."""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from control.commands import board as boards
from control.commands import inform
from control.commands.door_app import app as door_app
from control.errors import StudioError
from control.graph.model import Recipe
from control.settings import Settings, load
from functions.contract.base import Size

app = typer.Typer(
    name="vivijure",
    help="An open source AI film studio: a storyboard in, a finished film out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Board = Annotated[Path, typer.Argument(help="A storyboard: YAML, JSON or Fountain.", metavar="BOARD")]
Tier = Annotated[str, typer.Option(help="draft, standard or final.")]
Engine = Annotated[list[str] | None, typer.Option("--engine", metavar="KIND=NAME", help="Engine for a kind of step.")]
DoorOf = Annotated[
    list[str] | None, typer.Option("--door", metavar="ENGINE=DOOR", help="Where an engine runs; several may be named.")
]
Target = Annotated[str, typer.Option(help="keyframes, clips or film.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="SHOT", help="Only these shots, by id or label.")]
Candidates = Annotated[int, typer.Option(min=1, max=8, help="Keyframes of each shot; the best is used, all are kept.")]
BurnIn = Annotated[str, typer.Option("--burn-in", help="slate, off or full.")]
Captions = Annotated[str, typer.Option(help="sidecar or burned.")]
SizeText = Annotated[str | None, typer.Option("--size", metavar="WxH", help="Size of the film's frame.")]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0, metavar="DOLLARS", help="The most it may cost; not asked then.")
]
Month = Annotated[str | None, typer.Option(metavar="YYYY-MM", help="A UTC month, the present one without it.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON line at the end.")]

costs_app = typer.Typer(help="What was spent, by film, engine and door.", add_completion=False)
budget_app = typer.Typer(help="What may be spent in a month.", add_completion=False)
app.add_typer(costs_app, name="costs")
app.add_typer(budget_app, name="budget")
app.add_typer(door_app, name="door")


def main() -> None:
    """Run the command line; errors become one line and exit status 1, an interruption 130."""
    try:
        sys.exit(app(standalone_mode=False))
    except StudioError as error:
        _complain(error)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        Console(stderr=True).print("Interrupted. The same command goes on from here.", highlight=False)
        sys.exit(130)
    except typer.BadParameter as error:
        Console(stderr=True).print(f"vivijure: {error.format_message()}", highlight=False, markup=False)
        sys.exit(2)


@app.command()
def render(
    board: Board,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILM.mp4", help="Where the film goes.")] = None,
    tier: Tier = "draft",
    engine: Engine = None,
    door: DoorOf = None,
    target: Target = "film",
    only: Only = None,
    candidates: Candidates = 1,
    burn_in: BurnIn = "slate",
    captions: Captions = "sidecar",
    size: SizeText = None,
    preset: Annotated[str, typer.Option(help="Loudness: web or broadcast.")] = "web",
    max_cost: MaxCost = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept what it costs without being asked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the film of a storyboard; what exists already is used again, what costs money is asked about first."""
    from control.commands.render import render as run

    film = out or board.with_suffix(".mp4")
    more = {"captions": captions, "size": size, "preset": preset, "budget_u": _micro(max_cost), "door": door}
    more["candidates"] = candidates
    recipe = _recipe(tier, engine, target, only, burn_in, **more)
    settings = _settings()
    console = Console(stderr=as_json)
    done = asyncio.run(run(settings, board, film, recipe, console, yes=yes))
    if as_json:
        typer.echo(json.dumps(done.summary()))
        return
    inform.rendered(console, done, board, film)


@app.command()
def plan(
    board: Board,
    tier: Tier = "draft",
    engine: Engine = None,
    door: DoorOf = None,
    target: Target = "film",
    only: Only = None,
    candidates: Candidates = 1,
    burn_in: BurnIn = "slate",
    as_json: AsJson = False,
) -> None:
    """Show the graph: what would be made, what exists, what it would cost."""
    from control.commands.plan import plan as run

    recipe = _recipe(tier, engine, target, only, burn_in, door=door, candidates=candidates)
    found = asyncio.run(run(_settings(), board, recipe))
    inform.planned(Console(), found, as_json=as_json)


@app.command()
def quote(
    board: Board,
    tier: Tier = "draft",
    engine: Engine = None,
    door: DoorOf = None,
    target: Target = "film",
    only: Only = None,
    as_json: AsJson = False,
) -> None:
    """Say what a render would cost: by engine and door, the median and the most, and the prices that rests on."""
    from control.commands import quote as quotes

    found = asyncio.run(quotes.quote(_settings(), board, _recipe(tier, engine, target, only, "slate", door=door)))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    quotes.show(Console(), found)


@costs_app.callback(invoke_without_command=True)
def costs(
    context: typer.Context,
    month: Month = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every job of the month as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a month cost: by film, engine and door, and what providers billed beyond our jobs."""
    if context.invoked_subcommand is not None:
        return
    from control.commands import costs as money

    if as_csv:
        typer.echo(asyncio.run(money.ledger(_settings(), _month(month))), nl=False)
        return
    found = asyncio.run(money.costs(_settings(), _month(month)))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    money.show(Console(), found)


@costs_app.command("import")
def import_bill(
    bill: Annotated[
        Path, typer.Argument(help="RunPod's billing answer, or what `modal billing report --json` prints.")
    ],
    account: Annotated[
        list[str] | None, typer.Option(metavar="ACCOUNT=DOOR", help="The door an endpoint or app of the bill is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Lay a provider's bill by the hour beside our jobs."""
    from control.commands import costs as money

    found = asyncio.run(money.take_bill(_settings(), bill, account or ()))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    money.show_import(Console(), found)


@budget_app.callback(invoke_without_command=True)
def budget(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what may be spent in this month, and what is left of it."""
    if context.invoked_subcommand is None:
        _budget(None, as_json)


@budget_app.command("set")
def set_budget(
    month: Annotated[float, typer.Option(min=0, max=1_000_000, metavar="DOLLARS", help="Most dollars a month.")],
    as_json: AsJson = False,
) -> None:
    """Set the most that all renders of a month may cost, from this month on; 0 pays for nothing."""
    _budget(month, as_json)


def _budget(dollars: float | None, as_json: bool) -> None:
    from control.commands import costs as money

    found = asyncio.run(money.budget(_settings(), dollars))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    money.show_budget(Console(), found)


@app.command()
def check(board: Board, as_json: AsJson = False) -> None:
    """List the storyboard's problems with path and line; exit 1 if one is an error."""
    found = boards.problems(board)
    inform.checked(Console(), board, found, as_json=as_json)
    if any(p.severity == "error" for p in found):
        raise typer.Exit(1)


@app.command()
def edit(
    board: Board,
    ops: Annotated[Path, typer.Argument(metavar="OPS.json", help="Edit operations: a list, or an object with `ops`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become stale; change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Apply edit operations to a storyboard file, comments kept."""
    from control.commands.edit import edit as run

    inform.edited(Console(), run(board, ops, dry_run=dry_run), as_json=as_json)


@app.command("import")
def import_script(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT.fountain", help="A screenplay in Fountain.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where the storyboard goes.")] = None,
) -> None:
    """Turn a screenplay into a storyboard."""
    from control.commands.script import import_script as run

    inform.imported(Console(), run(script, out or script.with_suffix(".yaml")))


@app.command()
def export(
    board: Board,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where the script or timeline goes.")] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Without the notes that bring everything back.")] = False,
) -> None:
    """Write a storyboard as Fountain, long YAML, JSON or OpenTimelineIO, by the suffix of --out."""
    from control.commands.script import export as run

    target = out or board.with_suffix(".fountain")
    run(_settings(), board, target, clean=clean)
    Console().print(f"wrote {target}", highlight=False)


@app.command()
def engines(as_json: AsJson = False) -> None:
    """List the engines that the Studio knows."""
    inform.engines(Console(), as_json=as_json)


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help="storyboard, edits, recipe, job-request, job-result, ...")],
) -> None:
    """Print a JSON Schema."""
    from control.commands.schema import schema as run

    typer.echo(json.dumps(run(name), indent=2, sort_keys=True))


@app.command()
def studio(
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve the web page on this machine and print a one-time login link."""
    from control.commands.studio import serve

    asyncio.run(serve(_settings(port), Console()))


@app.command()
def worker(tied: Annotated[bool, typer.Option("--tied", hidden=True)] = False) -> None:
    """Advance renders without serving a page, beside a Studio over the same database and store."""
    from control.commands.worker import work

    asyncio.run(work(_settings(), Console(), tied=tied))


def _month(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise typer.BadParameter(f"--month {text!r}: write YYYY-MM, such as 2026-11")
    return text


def _micro(dollars: float | None) -> int | None:
    """Micro-dollars."""
    return None if dollars is None else round(dollars * 1_000_000)


def _settings(port: int | None = None) -> Settings:
    settings = load()
    return settings if port is None else settings.model_copy(update={"port": port})


def _recipe(
    tier: str, engine: list[str] | None, target: str, only: list[str] | None, burn_in: str, **more: Any
) -> Recipe:
    """The recipe of the options. Raises `typer.BadParameter` naming the option that does not fit."""
    from pydantic import ValidationError

    chosen = dict(_pair(text) for text in engine or ())
    size, doors = more.pop("size", None), _doors(more.pop("door", None) or ())
    values = {
        "tier": tier,
        "engines": chosen,
        "target": target,
        "only": tuple(only or ()),
        "burn_in": burn_in,
        "doors": doors,
    }
    try:
        return Recipe.model_validate({**values, **more, "size": _size(size) if size else None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-").replace("engines", "engine")
        raise typer.BadParameter(f"--{name}: {first['msg']}") from error


def _pair(text: str) -> tuple[str, str]:
    kind, found, name = text.partition("=")
    if not found or not kind or not name:
        raise typer.BadParameter(f"{text!r}: write two names, such as motion=animatic")
    return kind.strip(), name.strip()


def _doors(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for engine, door in map(_pair, texts):
        found[engine] = (*found.get(engine, ()), door)
    return found


def _size(text: str) -> Size:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise typer.BadParameter(f"--size {text!r}: write WIDTHxHEIGHT in even pixels, such as 1280x720")
    return Size(width=int(width), height=int(height))


def _complain(error: StudioError) -> None:
    console = Console(stderr=True)
    problems = getattr(error, "problems", ())
    console.print(f"vivijure: {error.title}", style="red", highlight=False, markup=False)
    if not problems:
        console.print(error.detail, highlight=False, markup=False, soft_wrap=True)
    for problem in problems:
        console.print(inform.problem_line(problem), highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
