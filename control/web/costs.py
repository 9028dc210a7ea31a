"""The pages about money: what a render would cost before it is ordered, what months cost, the budget, bills."""

import re
from decimal import Decimal, InvalidOperation

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.api import auth, bodies
from control.api.access import Caller
from control.api.context import Context
from control.errors import BadRequest, BudgetExceeded, Conflict, Invalid, StudioError
from control.render import bills
from control.render.bills import Account
from control.render.desk import NO_LIMIT
from control.render.views import Costs, Quote
from control.web.forms import checked, field, goto
from control.web.pages import page, view

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
BILL_BYTES = 20_000_000


@view()
async def costs(request: Request, context: Context, caller: Caller) -> Response:
    """What a month cost."""
    month = request.query_params.get("month")
    if month is not None and not MONTH.fullmatch(month):
        raise BadRequest("a month is written YYYY-MM")
    return await _page(context, caller, month)


async def _page(
    context: Context, caller: Caller, month: str | None = None, error: StudioError | None = None
) -> Response:
    found = await context.studio.costs(month)
    status = 200 if error is None else error.status
    months = [cost.key for cost in found.months]
    return page(
        "costs.html",
        caller,
        status,
        here="costs",
        costs=found,
        parts=[("Films", found.films), ("Engines", found.engines), ("Doors", found.doors)],
        months=months if found.month in months else [found.month, *months],
        current=context.studio.books.month,
        unlimited=found.limit_u >= NO_LIMIT,
        bases=_bases(found),
        error=error,
    )


def _bases(found: Costs) -> list[tuple[str, int]]:
    """How charges are known, in words."""
    words = {
        "measured": "by the worker's clock and the price",
        "provider": "as the provider stated it",
        "bound": "at the upper bound, since nobody could say",
        "held": "held by jobs that run",
    }
    return [(words[name], sum_u) for name, sum_u in found.by_basis.items() if sum_u]


@view("owner")
async def budget(request: Request, context: Context, caller: Caller) -> Response:
    """Set the monthly budget."""
    form = await checked(request, caller)
    try:
        await context.studio.books.set_budget(micro(field(form, "dollars")))
    except Invalid as error:
        return await _page(context, caller, error=error)
    there = field(form, "next")
    return goto(there if re.fullmatch(r"/quotes/[0-9a-f]{1,64}", there) else "/costs")


def micro(text: str) -> int:
    """Micro-dollars of what a person typed: `20`, `$20`, `19.50`. Raises `Invalid`."""
    try:
        dollars = Decimal(text.strip().removeprefix("$").replace(",", ""))
        if not dollars.is_finite() or not 0 <= dollars <= 10**6:
            raise InvalidOperation
    except InvalidOperation as error:
        raise Invalid("write the budget in dollars, such as 20 or 19.50, at most a million") from error
    return int(dollars * 10**6)


@view("owner")
async def bill(request: Request, context: Context, caller: Caller) -> Response:
    """Lay a provider's bill beside our jobs."""
    async with bodies.form(request, BILL_BYTES) as form:
        auth.check_forgery(request, caller, field(form, "csrf"))
        file = form.get("file")
        text = bodies.text(await file.read()) if isinstance(file, UploadFile) and file.filename else ""
        door, names = field(form, "door"), field(form, "account")
    try:
        if not text.strip():
            raise Invalid("choose the file that holds the provider's bill")
        named = {name: Account(door) for name in names.split() if door}
        await context.studio.books.take_bill(bills.read(text), named)
    except (Invalid, Conflict) as error:
        return await _page(context, caller, error=error)
    return goto("/costs")


@view()
async def quote(request: Request, context: Context, caller: Caller) -> Response:
    """What a render would cost, to be accepted."""
    return await _quote(context, caller, await context.studio.stored_quote(request.path_params["quote"]))


async def _quote(context: Context, caller: Caller, found: Quote, error: StudioError | None = None) -> Response:
    status = 200 if error is None else error.status
    return page(
        "quote.html",
        caller,
        status,
        film=await context.studio.film(found.film_id),
        quote=found,
        expired=found.render_id is None and (found.expires_at or 0) <= context.clock(),
        error=error,
    )


@view("crew")
async def accept(request: Request, context: Context, caller: Caller) -> Response:
    """Start the render of a quote."""
    await checked(request, caller)
    found = await context.studio.stored_quote(request.path_params["quote"])
    try:
        await context.studio.accept_quote(found.id)
    except (BudgetExceeded, Conflict) as error:
        return await _quote(context, caller, found, error)
    return goto(f"/films/{found.film_id}")


ROUTES = [
    Route("/costs", costs),
    Route("/costs/budget", budget, methods=["POST"]),
    Route("/costs/bill", bill, methods=["POST"]),
    Route("/quotes/{quote}", quote),
    Route("/quotes/{quote}/accept", accept, methods=["POST"]),
]
