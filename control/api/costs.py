"""Money: quotes, what months cost, budgets, providers' bills."""

from typing import Annotated

from pydantic import Field, JsonValue
from starlette.responses import Response

from control.api.media import disposition
from control.api.models import MonthQuery
from control.api.operation import Call, Nothing, Operation, Reply, operation
from control.render import bills, sheet
from control.render.bills import Account
from control.render.views import Budget, Costs, Imported, Quote, RenderView
from functions.contract.base import Strict

CSV = "text/csv"
Dollars = Annotated[int, Field(ge=0, le=10**12)]


class NewBudget(Strict):
    """Most micro-dollars that all renders of a month may cost, from the present month on."""

    limit_u: Dollars


class BilledDoor(Strict):
    """What a provider's account stands for: a door, of it one engine where the provider bills each apart."""

    door: Annotated[str, Field(min_length=1, max_length=100)]
    engine: Annotated[str, Field(max_length=100)] = ""


class Bill(Strict):
    """A provider's bill by the hour: RunPod's `GET /v2/billing/serverless?bucketSize=hour`, or the list that
    `modal billing report -r h --json` prints. `accounts` says which door (and engine) an endpoint or app of it is.
    """

    bill: JsonValue
    accounts: Annotated[dict[str, BilledDoor], Field(max_length=1000)] = {}


@operation("GET", "/costs", scope="viewer", query=MonthQuery, answer=Costs, tags=("costs",))
async def get_costs(call: Call[Nothing, MonthQuery]) -> Costs:
    """What a month cost: spent, held by running jobs, its limit; by film, engine and door."""
    return await call.context.studio.costs(call.query.month)


@operation("GET", "/costs.csv", scope="viewer", query=MonthQuery, media_type=CSV, tags=("costs",))
async def get_ledger(call: Call[Nothing, MonthQuery]) -> Response:
    """Every job of a month and what it cost, as CSV."""
    books = call.context.studio.books
    costs = await books.costs(call.query.month)
    text = sheet.text(await books.entries(costs.month), costs.unmatched)
    headers = {"Content-Disposition": disposition(f"costs-{costs.month}.csv", inline=False)}
    return Response(text, 200, headers, CSV)


@operation("GET", "/budget", scope="viewer", query=MonthQuery, answer=Budget, tags=("costs",))
async def get_budget(call: Call[Nothing, MonthQuery]) -> Budget:
    """What may be spent in a month, and what is left of it."""
    return await call.context.studio.books.budget(call.query.month)


@operation("PUT", "/budget", scope="owner", body=NewBudget, answer=Budget, tags=("costs",))
async def set_budget(call: Call[NewBudget, Nothing]) -> Budget:
    """Set the monthly budget, from the present month on."""
    return await call.context.studio.books.set_budget(call.body.limit_u)


@operation("POST", "/bills", scope="owner", body=Bill, answer=Imported, tags=("costs",))
async def take_bill(call: Call[Bill, Nothing]) -> Imported:
    """Lay a provider's bill beside our jobs; the same bill again changes nothing."""
    accounts = {name: Account(found.door, found.engine) for name, found in call.body.accounts.items()}
    return await call.context.studio.books.take_bill(bills.lines_of(call.body.bill), accounts)


@operation("GET", "/quotes/{quote}", scope="viewer", answer=Quote, errors=(404,), tags=("costs",))
async def get_quote(call: Call[Nothing, Nothing]) -> Quote:
    """A quote as it was given, without its lines."""
    return await call.context.studio.stored_quote(call.path("quote"))


@operation(
    "POST",
    "/quotes/{quote}/accept",
    scope="crew",
    answer=RenderView,
    status=201,
    errors=(402, 404),
    tags=("costs",),
)
async def accept_quote(call: Call[Nothing, Nothing]) -> Reply:
    """Start the render of a quote, once; again it gives that render."""
    studio = call.context.studio
    render_id = await studio.accept_quote(call.path("quote"))
    return Reply(await studio.render(render_id), headers={"Location": f"/api/renders/{render_id}"})


OPERATIONS: tuple[Operation, ...] = (get_costs, get_ledger, get_budget, set_budget, take_bill, get_quote, accept_quote)
