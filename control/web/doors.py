"""The page of doors: where engines run, whether each is open and why not, and jobs whose outcome nobody knows."""

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.api import problems
from control.api.access import Caller
from control.api.context import Context
from control.doors.providers import providers
from control.doors.spec import NewDoor
from control.doors.views import Report
from control.errors import StudioError
from control.graph.prices import builtin as prices
from control.web.forms import checked, field, goto
from control.web.pages import page, view

PATIENCE_S = 20.0
"""How long the page waits for a worker that is to say what it runs."""
KINDS = {"runpod": "RunPod", "modal": "Modal", "local": "My own", "builtin": "Built in"}
NETWORKS = {
    "": "As its address says",
    "public": "Public",
    "private": "Private: my own network",
    "loopback": "This machine",
}


EXAMPLE = "https://door.example.org"
BLANK = {"id": "", "kind": "runpod", "base": "", "network": "", "engines": "", "price": ""}


@view()
async def doors(request: Request, context: Context, caller: Caller) -> Response:
    """All doors."""
    return await _page(context, caller)


async def _page(
    context: Context,
    caller: Caller,
    error: StudioError | None = None,
    report: Report | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    return page(
        "doors.html",
        caller,
        200 if error is None else error.status,
        here="doors",
        doors=await context.doors.views(),
        unknowns=await context.doors.unknowns(),
        report=report,
        error=error,
        problems=getattr(error, "problems", ()),
        given=given or BLANK,
        kinds=KINDS,
        example=EXAMPLE,
        networks=NETWORKS,
        providers=providers(),
        prices=prices().values(),
    )


@view("owner")
async def add(request: Request, context: Context, caller: Caller) -> Response:
    """Add a door."""
    form = await checked(request, caller)
    try:
        await context.doors.add(_new(form))
    except ValidationError as error:
        return await _page(context, caller, problems.invalid(error), given=_given(form))
    except StudioError as error:
        return await _page(context, caller, error, given=_given(form))
    return goto("/doors")


@view("owner")
async def try_door(request: Request, context: Context, caller: Caller) -> Response:
    """Try a door, and show what was found."""
    await checked(request, caller)
    report = await context.doors.patient(PATIENCE_S).test(request.path_params["door"])
    return await _page(context, caller, report=report)


@view("owner")
async def remove(request: Request, context: Context, caller: Caller) -> Response:
    """Send a door nothing more."""
    await checked(request, caller)
    await context.doors.remove(request.path_params["door"])
    return goto("/doors")


@view("crew")
async def decide(request: Request, context: Context, caller: Caller) -> Response:
    """Go on waiting for a job, or accept that its step may be paid twice."""
    await checked(request, caller)
    job, act = request.path_params["job"], request.path_params["act"]
    try:
        await (context.doors.accept_risk(job) if act == "accept-risk" else context.doors.keep_waiting(job))
    except StudioError as error:
        return await _page(context, caller, error)
    return goto("/doors")


def _given(form: FormData) -> dict[str, str]:
    """What the form said, but for the secret."""
    return {name: field(form, name) for name in BLANK}


def _new(form: FormData) -> NewDoor:
    given = _given(form)
    pairs = [part.strip().partition("=") for part in given["engines"].replace("\n", ",").split(",") if part.strip()]
    rented = given["kind"] == "runpod"
    return NewDoor.model_validate(
        {
            **{name: given[name].strip() for name in ("id", "kind", "base", "price")},
            "network": given["network"] or None,
            "engines": () if rented else tuple(name.strip() for name, _, _ in pairs),
            "endpoints": {name.strip(): endpoint.strip() for name, _, endpoint in pairs} if rented else {},
            "secret": field(form, "secret"),
        }
    )


ROUTES = [
    Route("/doors", doors),
    Route("/doors", add, methods=["POST"]),
    Route("/doors/{door}/test", try_door, methods=["POST"]),
    Route("/doors/{door}/remove", remove, methods=["POST"]),
    Route("/jobs/{job}/{act}", decide, methods=["POST"]),
]
