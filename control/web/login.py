"""Logging in and out: a one-time link or an access token becomes a session cookie."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from control.api import auth, bodies
from control.api.access import DAY_MS, Caller
from control.api.auth import COOKIE
from control.api.context import Context, context_of
from control.errors import Unauthenticated
from control.web.pages import page, view

FORM_BYTES = 20_000


def within(address: str) -> str:
    """The address if it lies on this site, else the first page."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else "/"


def _enter(context: Context, session: str, address: str) -> Response:
    settings = context.settings
    response = RedirectResponse(within(address), 303)
    age = settings.session_days * DAY_MS // 1000
    response.set_cookie(COOKIE, session, age, path="/", secure=settings.secure, httponly=True, samesite="lax")
    return response


async def by_link(request: Request) -> Response:
    """Redeem a one-time link."""
    context = context_of(request)
    try:
        session = await context.access.redeem(request.path_params["secret"], context.settings.session_days)
    except Unauthenticated as error:
        return page("login.html", None, error.status, error=error, next="/")
    return _enter(context, session, "/")


async def ask(request: Request) -> Response:
    """The login page."""
    return page("login.html", None, error=None, next=within(request.query_params.get("next", "/")))


async def by_token(request: Request) -> Response:
    """Log in with a bearer token."""
    context = context_of(request)
    auth.check_origin(request)
    async with bodies.form(request, FORM_BYTES) as form:
        token, there = str(form.get("token", "")), str(form.get("next", "/"))
    caller = await context.access.find("bearer", token)
    if caller is None:
        error = Unauthenticated("this token is not valid; check it, or use the login link")
        return page("login.html", None, error.status, error=error, next=within(there))
    lasts = context.settings.session_days * DAY_MS
    session = await context.access.issue("session", caller.name, caller.scope, lasts, parent=caller.key)
    return _enter(context, session, there)


@view("viewer")
async def leave(request: Request, context: Context, caller: Caller) -> Response:
    """End the session."""
    async with bodies.form(request, FORM_BYTES) as form:
        auth.check_forgery(request, caller, str(form.get("csrf", "")))
    await context.access.end(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


ROUTES = [
    Route("/login", ask, methods=["GET"]),
    Route("/login", by_token, methods=["POST"]),
    Route("/login/{secret}", by_link, methods=["GET"]),
    Route("/logout", leave, methods=["POST"]),
]
