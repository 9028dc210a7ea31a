"""`vivijure`: render, plan, check, edit, import and export storyboards; serve the Studio."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from control.commands import board as boards
from control.commands import inform
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
Target = Annotated[str, typer.Option(help="keyframes, clips or film.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="SHOT", help="Only these shots, by id or label.")]
BurnIn = Annotated[str, typer.Option("--burn-in", help="slate, off or full.")]
Captions = Annotated[str, typer.Option(help="sidecar or burned.")]
SizeText = Annotated[str | None, typer.Option("--size", metavar="WxH", help="Size of the film's frame.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON line at the end.")]


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
    target: Target = "film",
    only: Only = None,
    burn_in: BurnIn = "slate",
    captions: Captions = "sidecar",
    size: SizeText = None,
    preset: Annotated[str, typer.Option(help="Loudness: web or broadcast.")] = "web",
    as_json: AsJson = False,
) -> None:
    """Make the film of a storyboard; what exists already is used again."""
    from control.commands.render import render as run

    film = out or board.with_suffix(".mp4")
    recipe = _recipe(tier, engine, target, only, burn_in, captions=captions, size=size, preset=preset)
    settings = _settings()
    console = Console(stderr=as_json)
    done = asyncio.run(run(settings, board, film, recipe, console))
    if as_json:
        typer.echo(json.dumps(done.summary()))
        return
    inform.rendered(console, done, board, film)


@app.command()
def plan(
    board: Board,
    tier: Tier = "draft",
    engine: Engine = None,
    target: Target = "film",
    only: Only = None,
    burn_in: BurnIn = "slate",
    as_json: AsJson = False,
) -> None:
    """Show the graph: what would be made, what exists, what it would cost."""
    from control.commands.plan import plan as run

    found = asyncio.run(run(_settings(), board, _recipe(tier, engine, target, only, burn_in)))
    inform.planned(Console(), found, as_json=as_json)


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


def _settings(port: int | None = None) -> Settings:
    settings = load()
    return settings if port is None else settings.model_copy(update={"port": port})


def _recipe(
    tier: str, engine: list[str] | None, target: str, only: list[str] | None, burn_in: str, **more: Any
) -> Recipe:
    """The recipe of the options. Raises `typer.BadParameter` naming the option that does not fit."""
    from pydantic import ValidationError

    chosen = dict(_pair(text) for text in engine or ())
    size = more.pop("size", None)
    values = {"tier": tier, "engines": chosen, "target": target, "only": tuple(only or ()), "burn_in": burn_in, **more}
    try:
        return Recipe.model_validate({**values, "size": _size(size) if size else None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-").replace("engines", "engine")
        raise typer.BadParameter(f"--{name}: {first['msg']}") from error


def _pair(text: str) -> tuple[str, str]:
    kind, found, name = text.partition("=")
    if not found or not kind or not name:
        raise typer.BadParameter(f"--engine {text!r}: write KIND=NAME, such as motion=animatic")
    return kind.strip(), name.strip()


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
