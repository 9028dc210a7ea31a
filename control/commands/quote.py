"""`vivijure quote`: what a render would cost, before anything is paid for; and asking whether to go on."""

import asyncio
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from control.commands.board import read
from control.commands.films import film_of
from control.errors import QuoteNeeded
from control.graph.model import Recipe
from control.render.budget import price, usd
from control.render.views import PriceTag, Quote, QuoteGroup
from control.settings import Settings
from control.studio import open_session

BASES = {
    "measured": "measured here, {n} jobs",
    "elsewhere": "measured at other doors, {n} jobs",
    "hint": "the catalog's estimate",
    "guess": "a guess: nothing is known of this engine",
}


async def quote(settings: Settings, path: Path, recipe: Recipe) -> Quote:
    """The quote of a storyboard file. Raises `StudioError`."""
    board = read(path).board
    async with open_session(settings.model_copy(update={"runner": False}), lazy_door=True) as session:
        film_id = await film_of(session.studio, settings, path, board)
        return await session.studio.quote(film_id, recipe)


async def accepted(console: Console, found: Quote, *, yes: bool) -> bool:
    """Show a quote that costs money and ask whether to accept it. Raises `QuoteNeeded` where nobody can be asked."""
    show(console, found)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise QuoteNeeded(
            f"it may cost up to {usd(found.bound_u)} and nobody is there to ask; "
            "add --yes, or --max-cost DOLLARS for the most it may cost",
            bound_u=found.bound_u,
        )
    return await asyncio.to_thread(typer.confirm, f"Spend up to {usd(found.bound_u)}?", default=False, err=True)


def show(console: Console, found: Quote) -> None:
    """A quote as tables: what is to be made, and the prices it rests on."""
    if not found.bound_u:
        made = f", {found.made} exist" if found.made else ""
        console.print(f"{found.to_make} steps to make{made}, at no cost", highlight=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("step", "engine", "door", "steps", "worker time", "about", "at most", "time is"):
        table.add_column(name, justify="right" if name in ("steps", "worker time", "about", "at most") else "left")
    for group in found.groups:
        table.add_row(*_row(group))
    console.print(table)
    for tag in found.prices:
        if tag.price_u:
            console.print(_price(tag), style="dim", highlight=False, markup=False)
    note = f" ({found.estimated} steps rest on an estimate of a length)" if found.estimated else ""
    console.print(f"About {usd(found.median_u)}, at most {usd(found.bound_u)}{note}", style="bold", highlight=False)
    if found.month_left_u is not None:
        console.print(f"The budget of {found.month} has {usd(found.month_left_u)} left.", highlight=False)
    if found.warning:
        console.print(found.warning, style="yellow", highlight=False, markup=False, soft_wrap=True)


def _row(group: QuoteGroup) -> tuple[str, ...]:
    return (
        group.kind,
        group.engine,
        group.door,
        str(group.steps),
        f"{group.seconds:.1f} s",
        usd(group.median_u) if group.bound_u else "free",
        usd(group.bound_u) if group.bound_u else "free",
        BASES[group.basis].format(n=group.samples),
    )


def _price(tag: PriceTag) -> str:
    """A price with its date and source, and how the upper bound follows from it."""
    when = f", {tag.date}" if tag.date else ""
    named = f"{tag.title}: " if tag.title else ""
    per = f"{price(tag.price_u)} a {tag.unit}"
    times = f" x {tag.executions}" if tag.executions > 1 else ""
    bound = f"; at most ({tag.deadline_s} + {tag.allowance_s}) s{times} a job" if tag.unit == "worker second" else ""
    return f"{tag.engine} at {tag.door}: {named}{per}{bound} ({tag.source}{when})"
