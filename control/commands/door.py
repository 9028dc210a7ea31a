"""`vivijure door`: add, list, test and remove doors, and decide about jobs whose outcome nobody knows."""

import getpass
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from control.doors.providers import providers
from control.doors.spec import NewDoor
from control.doors.views import DoorView, Report, UnknownJob
from control.errors import Invalid, NotFound, StudioError
from control.render.session import signing_key
from control.settings import Settings
from control.storyboard.problem import Problem
from control.studio import open_session
from functions.contract.grant import key_id

MARKS = {True: "ok", False: "FAILED", None: "not tried"}


@dataclass(frozen=True)
class Wanted:
    """The options of `door add`."""

    id: str
    kind: str
    base: str
    network: str | None
    engines: Sequence[str]
    price: str
    secret_file: Path | None
    secret_env: str | None
    concurrency: int | None
    executions: int | None
    rerun_lost: bool
    management: str


async def add(settings: Settings, wanted: Wanted) -> DoorView:
    """Add a door. Raises `StudioError`."""
    new = _new(wanted)
    if wanted.secret_env is None:
        new = new.model_copy(update={"secret": _secret(wanted)})
    async with open_session(_quiet(settings), lazy_door=True) as session:
        return await session.doors.add(new, variable=wanted.secret_env)


async def doors(settings: Settings) -> tuple[DoorView, ...]:
    """All of them."""
    async with open_session(_quiet(settings), lazy_door=True) as session:
        return await session.doors.views()


async def test(settings: Settings, door_id: str, *, describe: bool, job: bool, patience_s: float) -> Report:
    """Try one. Raises `NotFound`."""
    async with open_session(_quiet(settings), lazy_door=True) as session:
        return await session.doors.patient(patience_s).test(door_id, describe=describe, job=job)


async def remove(settings: Settings, door_id: str) -> bool:
    """Whether it is gone already. Raises `NotFound`, `Conflict`."""
    async with open_session(_quiet(settings), lazy_door=True) as session:
        return await session.doors.remove(door_id)


async def unknowns(settings: Settings) -> tuple[UnknownJob, ...]:
    """Jobs whose outcome nobody knows."""
    async with open_session(_quiet(settings), lazy_door=True) as session:
        return await session.doors.unknowns()


async def decide(settings: Settings, job_id: str, *, accept: bool) -> None:
    """Accept the risk of paying a job twice, or look again. `job_id` may be its beginning. Raises `StudioError`."""
    async with open_session(_quiet(settings), lazy_door=True) as session:
        known = [job.job for job in await session.doors.unknowns() if job.job.startswith(job_id)]
        if len(known) != 1:
            raise NotFound(
                f"{len(known)} jobs of unknown outcome begin with {job_id!r}; `vivijure door unknown` lists them"
            )
        await (session.doors.accept_risk(known[0]) if accept else session.doors.keep_waiting(known[0]))


def public_key(settings: Settings) -> tuple[str, str]:
    """The Studio's public key in hex, which doors are given, and its short name."""
    settings.data.mkdir(parents=True, exist_ok=True)
    key = signing_key(settings.data / "signing.key").verify_key
    return bytes(key).hex(), key_id(key)


def _quiet(settings: Settings) -> Settings:
    """Nothing is rendered meanwhile."""
    return settings.model_copy(update={"runner": False})


def _new(wanted: Wanted) -> NewDoor:
    pairs = [name.partition("=") for name in wanted.engines]
    rented = wanted.kind == "runpod"
    endpoints = {engine: endpoint for engine, _, endpoint in pairs} if rented else {}
    engines = () if rented else tuple(engine for engine, _, _ in pairs)
    listed = {} if not wanted.price.isdigit() else {"price_u": int(wanted.price)}
    values = {
        **{name: getattr(wanted, name) for name in ("id", "kind", "base", "network", "management", "rerun_lost")},
        **{"engines": engines, "endpoints": endpoints, "price": "" if listed else wanted.price, **listed},
        **{"concurrency": wanted.concurrency, "executions": wanted.executions},
    }
    try:
        return NewDoor.model_validate(values)
    except ValidationError as error:
        found = [Problem(severity="error", path=_path(e["loc"]), message=e["msg"]) for e in error.errors()]
        raise Invalid(problems=found) from None


def _path(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc)


def _secret(wanted: Wanted) -> str:
    """From a file, from a terminal unseen, or from standard input; never from the command line, which others see."""
    if wanted.secret_file is not None:
        try:
            return wanted.secret_file.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise StudioError(f"{wanted.secret_file} cannot be read: {error}") from error
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    kind = next((kind for name, kind in providers().items() if name == wanted.kind), None)
    return getpass.getpass(f"Secret ({kind.secret if kind else 'token'}): ")


# what is printed ----------------------------------------------------------------------------------------------------


def show_doors(console: Console, found: Sequence[DoorView], *, as_json: bool) -> None:
    """A table of doors; below it, why each closed one is closed."""
    if as_json:
        typer.echo(json.dumps({"doors": [door.model_dump(mode="json") for door in found]}))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("door", "kind", "engines", "a second", "jobs", "state"):
        table.add_column(name, overflow="fold")
    for door in found:
        table.add_row(door.id, door.kind, _engines(door), _price(door), f"{door.jobs}/{door.concurrency}", _state(door))
    console.print(table)
    for door in found:
        if door.standing != "open":
            console.print(f"{door.id}: {door.reason}", highlight=False, markup=False, soft_wrap=True)
        for engine in door.engines:
            if engine.refused:
                said = f"{door.id}: {engine.name} is not used there: {engine.refused}"
                console.print(said, highlight=False, markup=False, soft_wrap=True)


def _engines(door: DoorView) -> str:
    if door.kind == "builtin":
        return f"{len(door.engines)} that need no GPU"
    return ", ".join(f"{e.name}={e.endpoint}" if e.endpoint else e.name for e in door.engines)


def _price(door: DoorView) -> str:
    return "free" if not door.price_u else f"${door.price_u / 1e6:.5f}" + (f" ({door.price})" if door.price else "")


def _state(door: DoorView) -> str:
    if door.retired:
        return "removed, has open jobs"
    tested = all(engine.tested_at is not None for engine in door.engines) or door.kind == "builtin"
    words = {"open": "open" if tested else "open, not tested", "closed": "closed", "trial": "closed, to be tried"}
    until = f" until {datetime.fromtimestamp(door.until / 1000, UTC):%H:%M:%S} UTC" if door.standing == "closed" else ""
    return words[door.standing] + until + (f", {door.unknown} unknown" if door.unknown else "")


def show_report(console: Console, report: Report, *, as_json: bool) -> None:
    """What was tried, a line each."""
    if as_json:
        typer.echo(json.dumps({**report.model_dump(mode="json"), "ok": report.ok}))
        return
    for check in report.checks:
        style = "red" if check.ok is False else None
        console.print(f"{MARKS[check.ok]:>9}  {check.name}: {check.said}", style=style, highlight=False, soft_wrap=True)


def show_unknowns(console: Console, found: Sequence[UnknownJob], *, as_json: bool) -> None:
    """What is known of each, and the two choices."""
    if as_json:
        typer.echo(json.dumps({"jobs": [job.model_dump(mode="json") for job in found]}))
        return
    for job in found:
        name = " · ".join(part for part in (job.film, job.label or job.kind, job.engine, job.door) if part)
        console.print(f"{job.job[:8]}  {name}", highlight=False, markup=False, style="bold")
        held = f"${job.held_u / 1e6:.4f}".rstrip("0").rstrip(".")
        for line in (f"May have been billed, at most {held}. {job.sent}", job.known):
            console.print(f"          {line}", highlight=False, markup=False, soft_wrap=True)
        if job.written_off:
            console.print("          The risk was accepted; what still comes of it is kept.", highlight=False)
    if not found:
        console.print("No job's outcome is unknown.")
    elif any(not job.written_off for job in found):
        console.print("Keep waiting: vivijure door wait JOB. Pay perhaps twice: vivijure door accept-risk JOB.")
