"""What every page shares: templates, who may see it, how errors look."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib import metadata
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from control import errors
from control.api import auth, problems
from control.api.access import Caller, TokenScope
from control.api.context import Context, context_of
from control.errors import StudioError
from control.web.words import FILTERS

View = Callable[[Request, Context, Caller], Awaitable[Response]]


@cache
def templates() -> Environment:
    """The templates of this package; a name that is not given is an error."""
    env = Environment(
        loader=PackageLoader("control.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(FILTERS)
    env.globals["version"] = metadata.version("vivijure")
    env.globals["here"] = ""
    return env


def page(template: str, caller: Caller | None, status: int = 200, **values: Any) -> Response:
    """A page or a part of one."""
    return HTMLResponse(templates().get_template(template).render(caller=caller, **values), status)


def view(scope: TokenScope = "viewer") -> Callable[[View], Callable[[Request], Awaitable[Response]]]:
    """Declare a page that callers of this scope may see."""

    def declare(made: View) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            context = context_of(request)
            return await made(request, context, await auth.allow(request, context, scope))

        return endpoint

    return declare


def error_page(error: StudioError, request: Request) -> Response:
    """An error as a page, or the way to the login."""
    if isinstance(error, errors.Unauthenticated) and request.method == "GET":
        there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(there, safe='/')}", 303)
    found = error.problems if isinstance(error, errors.Invalid) else ()
    return page("error.html", None, error.status, error=error, problems=found)


def wants_page(request: Request) -> bool:
    """Whether an error should be a page rather than problem details."""
    return not request.url.path.startswith("/api/")


async def failure(request: Request, error: Exception) -> Response:
    """Any error as this caller should see it."""
    known = problems.typed(error, request)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return error_page(known, request) if wants_page(request) else problems.response(known, request, headers)
