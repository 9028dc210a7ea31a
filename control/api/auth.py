"""Lets a request in: by bearer token, or by session cookie and proof that the page is ours."""

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from control.api.access import NOBODY, REACH, Caller, TokenScope
from control.api.context import Context
from control.errors import Forbidden, Unauthenticated

COOKIE = "vivijure_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def identify(request: Request, context: Context) -> Caller | None:
    """The caller by bearer token, else by session cookie; None where neither is valid."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind:
        return await context.access.find("bearer", secret.strip()) if kind.lower() == "bearer" else None
    session = request.cookies.get(COOKIE)
    return await context.access.find("session", session) if session else None


async def allow(request: Request, context: Context, scope: TokenScope | None) -> Caller:
    """The caller, allowed to do what `scope` covers. None lets everybody in.

    Raises `Unauthenticated`, or `Forbidden` where the scope does not reach.
    """
    if scope is None:
        return NOBODY
    caller = await identify(request, context)
    if caller is None:
        raise Unauthenticated(
            "send `Authorization: Bearer TOKEN`, or log in with the link that `vivijure studio` prints"
        )
    if scope not in REACH[caller.scope]:
        raise Forbidden(f"this needs a token of scope {scope}; {caller.name!r} has {caller.scope}")
    return caller


def check_forgery(request: Request, caller: Caller, shown: str | None) -> None:
    """Raises `Forbidden` where a session's write may come from another site: `shown` is what our page carries."""
    if caller.csrf is not None and request.method not in SAFE:
        check_origin(request)
        check_csrf(caller, shown)


def check_csrf(caller: Caller, shown: str | None) -> None:
    """Raises `Forbidden` unless the session's anti-forgery token is shown."""
    if not hmac.compare_digest((shown or "").encode(), (caller.csrf or "").encode()):
        raise Forbidden("this page is out of date: load it again and repeat (X-CSRF-Token is missing or wrong)")


def check_origin(request: Request) -> None:
    """Raises `Forbidden` where the browser says that another site makes this request."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("another site may not do this in your name")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("another site may not do this in your name")
