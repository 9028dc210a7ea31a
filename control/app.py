"""The Studio as an ASGI app. Importing this does no work; the app opens its parts when it starts."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from control.api import guard
from control.api.context import Context
from control.api.login import now_ms
from control.api.routes import PREFIX, routes
from control.errors import StudioError
from control.parts import opened
from control.settings import Settings
from control.web import forms, login, pages, views

STATIC = Path(__file__).parent / "web" / "static"
Clock = Callable[[], int]
Opening = Callable[[Settings, Clock], AbstractAsyncContextManager[Context]]


def build_app(settings: Settings, *, clock: Clock = now_ms, parts: Opening = opened) -> Starlette:
    """The app. When it starts it opens database, store and the built-in door, and advances renders until it stops.

    `clock` gives milliseconds since the epoch. `parts` opens what requests use.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with parts(settings, clock) as context:
            app.state.context = context
            yield

    return Starlette(
        routes=[
            Mount(PREFIX, routes=routes()),
            Mount("/static", StaticFiles(directory=STATIC)),
            *views.ROUTES,
            *forms.ROUTES,
            *login.ROUTES,
        ],
        middleware=[
            Middleware(guard.Headers, secure=settings.secure),
            Middleware(guard.Hosts, allowed=settings.allowed_hosts),
            Middleware(guard.Edge, render=pages.failure),
        ],
        exception_handlers={StudioError: pages.failure, HTTPException: pages.failure},
        lifespan=lifespan,
    )
