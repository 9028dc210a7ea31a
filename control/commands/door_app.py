"""The options of `vivijure door`. What the commands do is in `control.commands.door`, loaded when one runs."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from control.settings import load

app = typer.Typer(
    help="Where engines run: RunPod, Modal, a machine of yours.", no_args_is_help=True, add_completion=False
)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON line at the end.")]
Door = Annotated[str, typer.Argument(metavar="DOOR", help="The door's name.")]
Job = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or its beginning.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="DOOR", help="A name of your choice: a to z, 0 to 9 and -.")],
    kind: Annotated[str, typer.Option(help="runpod, modal or local.")],
    engine: Annotated[
        list[str], typer.Option("--engine", metavar="NAME", help="An engine there; for runpod ENGINE=ENDPOINT.")
    ],
    url: Annotated[str, typer.Option(help="Where it is; RunPod's own address is known.")] = "",
    network: Annotated[
        str | None, typer.Option(help="public, private (your own network, Tailscale) or loopback.")
    ] = None,
    price: Annotated[
        str, typer.Option(help="Of a second of a worker: a name such as runpod/4090, or millionths of a dollar.")
    ] = "",
    secret_file: Annotated[
        Path | None, typer.Option(help="File with the key or token; asked for where none is named.")
    ] = None,
    secret_env: Annotated[str | None, typer.Option(metavar="NAME", help="Variable that will hold it.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Jobs there at a time.")] = None,
    executions: Annotated[int | None, typer.Option(help="How often the provider may run one job.")] = None,
    rerun_lost: Annotated[bool, typer.Option("--rerun-lost", help="Make lost jobs anew without asking.")] = False,
    management: Annotated[str, typer.Option(help="Address of the provider's management API.", hidden=True)] = "",
    as_json: AsJson = False,
) -> None:
    """Add a door, or say something else of one. Its secret is kept in a file that only you can read."""
    from control.commands import door

    wanted = door.Wanted(
        name,
        kind,
        url,
        network,
        engine,
        price,
        secret_file,
        secret_env,
        concurrency,
        executions,
        rerun_lost,
        management,
    )
    added = asyncio.run(door.add(load(), wanted))
    door.show_doors(Console(), [added], as_json=as_json)
    if not as_json:
        Console().print(f"Try it: vivijure door test {name}", highlight=False)


@app.command("list")
def list_doors(as_json: AsJson = False) -> None:
    """List the doors, what they cost, and whether each takes jobs."""
    from control.commands import door

    door.show_doors(Console(), asyncio.run(door.doors(load())), as_json=as_json)


@app.command("test")
def try_door(
    name: Door,
    describe: Annotated[bool, typer.Option(help="Ask what it runs; behind RunPod this starts a worker.")] = True,
    job: Annotated[bool, typer.Option(help="Send a tiny job where that costs nothing.")] = True,
    patience: Annotated[float, typer.Option(min=1, max=3600, help="Seconds to wait for a worker.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Try a door: its health, what it runs, a tiny job. Exit 1 where something failed."""
    from control.commands import door

    report = asyncio.run(door.test(load(), name, describe=describe, job=job, patience_s=patience))
    door.show_report(Console(), report, as_json=as_json)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def remove(name: Door) -> None:
    """Send a door nothing more; it stays known until its open jobs have ended."""
    from control.commands import door

    gone = asyncio.run(door.remove(load(), name))
    said = "removed" if gone else "takes nothing new, and stays known until its open jobs have ended"
    Console().print(f"{name}: {said}", highlight=False)


@app.command()
def key() -> None:
    """Print the Studio's public key, which a door of your own is given."""
    from control.commands import door

    Console().print("  ".join(door.public_key(load())), highlight=False, soft_wrap=True)


@app.command()
def unknown(as_json: AsJson = False) -> None:
    """List jobs that may have been billed and of which nobody knows what became."""
    from control.commands import door

    door.show_unknowns(Console(), asyncio.run(door.unknowns(load())), as_json=as_json)


@app.command()
def wait(job: Job) -> None:
    """Look at such a job again, and go on waiting for it."""
    _decide(job, accept=False)


@app.command("accept-risk")
def accept_risk(job: Job) -> None:
    """Make its step again, knowing that it may be paid twice; what still comes of the first is kept."""
    _decide(job, accept=True)


def _decide(job: str, *, accept: bool) -> None:
    from control.commands import door

    asyncio.run(door.decide(load(), job, accept=accept))
    said = "the step is made again" if accept else "it will be looked at as soon as a Studio runs"
    Console().print(f"{job}: {said}", highlight=False)
