"""`vivijure costs` and `vivijure budget`: what was spent, what may be spent, and providers' bills beside it."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from control.errors import Invalid
from control.render import bills, sheet
from control.render.bills import Account
from control.render.budget import usd
from control.render.desk import NO_LIMIT
from control.render.views import Budget, Cost, Costs, Imported
from control.settings import Settings
from control.studio import open_session

BILL_LIMIT = 50_000_000
"""Bytes of a bill at most."""


async def costs(settings: Settings, month: str | None) -> Costs:
    """A month's money. Raises `StudioError`."""
    async with open_session(_quiet(settings)) as session:
        return await session.studio.costs(month)


async def ledger(settings: Settings, month: str | None) -> str:
    """A month's jobs as CSV. Raises `StudioError`."""
    async with open_session(_quiet(settings)) as session:
        books = session.studio.books
        return sheet.text(await books.entries(month), (await books.costs(month)).unmatched)


async def budget(settings: Settings, dollars: float | None = None) -> Budget:
    """The monthly budget, set first where a sum is given. Raises `StudioError`."""
    async with open_session(_quiet(settings)) as session:
        books = session.studio.books
        return await (books.budget() if dollars is None else books.set_budget(round(dollars * 1_000_000)))


async def take_bill(settings: Settings, path: Path, accounts: Sequence[str]) -> Imported:
    """Lay a provider's bill beside our jobs; `accounts` are ACCOUNT=DOOR[/ENGINE]. Raises `StudioError`."""
    named = dict(account(text) for text in accounts)
    try:
        if path.stat().st_size > BILL_LIMIT:
            raise Invalid(f"{path} is larger than {BILL_LIMIT // 1_000_000} MB; fetch a bill of fewer months")
        lines = bills.read(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from error
    async with open_session(_quiet(settings)) as session:
        return await session.studio.books.take_bill(lines, named)


def account(text: str) -> tuple[str, Account]:
    """`ACCOUNT=DOOR[/ENGINE]`. Raises `Invalid`."""
    name, _, place = text.partition("=")
    door, _, engine = place.partition("/")
    if not name or not door:
        raise Invalid(f"--account {text!r}: write ACCOUNT=DOOR, or ACCOUNT=DOOR/ENGINE")
    return name, Account(door, engine)


def show(console: Console, found: Costs) -> None:
    """A month as tables."""
    console.print(f"{found.month}: {usd(found.spent_u)} spent, {usd(found.held_u)} held by running jobs", style="bold")
    console.print(_limit(found.limit_u, found.left_u), highlight=False, soft_wrap=True)
    if found.wasted_u:
        console.print(f"{usd(found.wasted_u)} of it for jobs that gave nothing", style="yellow", highlight=False)
    for name, rows in (("film", found.films), ("engine", found.engines), ("door", found.doors)):
        if rows:
            console.print(_table(name, rows))
    if len(found.months) > 1:
        console.print(_table("month", found.months))
    if found.billed_u:
        _bill(console, found)


def show_budget(console: Console, found: Budget) -> None:
    """A month's budget in words."""
    console.print(_limit(found.limit_u, found.left_u), highlight=False, soft_wrap=True)
    console.print(
        f"{found.month}: {usd(found.spent_u)} spent, {usd(found.held_u)} held by running jobs", highlight=False
    )


def show_import(console: Console, found: Imported) -> None:
    """What a bill held."""
    console.print(f"{found.lines} lines, {usd(found.billed_u)}, of {', '.join(found.accounts)}", highlight=False)
    for name in found.unknown:
        console.print(f"No door is known for {name}: add --account {name}=DOOR", style="yellow", highlight=False)


def _limit(limit_u: int, left_u: int) -> str:
    if not limit_u:
        return "No monthly budget is set, so nothing is paid for. Set one: vivijure budget set --month 20"
    if limit_u >= NO_LIMIT:
        return "No monthly limit."
    return f"Monthly budget {usd(limit_u)}, {usd(left_u)} left."


def _table(name: str, rows: Sequence[Cost]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title=None)
    for column in (name, "jobs", "cost", "of it held", "gave nothing"):
        table.add_column(column, justify="left" if column == name else "right", overflow="fold")
    for row in rows:
        known = (Text(row.title or row.key), str(row.jobs), usd(row.charge_u))
        table.add_row(*known, usd(row.held_u) if row.held_u else "", usd(row.wasted_u) if row.wasted_u else "")
    return table


def _bill(console: Console, found: Costs) -> None:
    said = f"Providers billed {usd(found.billed_u)}; our jobs of those hours cost {usd(found.jobs_billed_u)}."
    console.print(said, highlight=False)
    if not found.unmatched:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("billed beyond our jobs", "door", "from", "jobs", "billed", "ours", "beyond"):
        table.add_column(column, justify="left" if column in ("billed beyond our jobs", "door", "from") else "right")
    for line in found.unmatched:
        money = (usd(line.billed_u), usd(line.jobs_u), usd(line.excess_u))
        table.add_row(
            Text(line.account), Text(line.door or "unknown"), sheet.time(line.starts_at), str(line.jobs), *money
        )
    console.print(table)


def _quiet(settings: Settings) -> Settings:
    """The same without a door or a runner: only the books are opened."""
    return settings.model_copy(update={"door": False, "runner": False})
