"""The Studio as an ASGI app. Importing this does no work; the app opens its parts when it starts."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Router
from starlette.staticfiles import StaticFiles

from control.api import guard, objects
from control.api.access import Access
from control.api.context import Context
from control.api.hub import Hub
from control.api.routes import PREFIX, routes
from control.doors.doorbell import doorbell_key
from control.errors import StudioError
from control.render.desk import wall_ms
from control.settings import Settings
from control.studio import open_session
from control.web import costs, doors, forms, login, pages, views
from control.worker import Worker

STATIC = Path(__file__).parent / "web" / "static"
Clock = Callable[[], int]


def build_app(settings: Settings, *, clock: Clock = wall_ms, apart: bool = False) -> Starlette:
    """The app. When it starts it opens database, store and the built-in door, and advances renders until it stops;
    with `apart` a process of its own does that, where the settings want it done.

    `clock` gives milliseconds since the epoch, in this process.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            worker = Worker(settings) if apart and settings.runner else None
            session = await stack.enter_async_context(open_session(settings, clock, served=True, elsewhere=worker))
            if worker is not None:
                await stack.enter_async_context(worker)  # once the database is as it should be
            hub = Hub(session.studio, session.desk.pace_s)
            app.state.context = Context(
                settings=settings,
                studio=session.studio,
                planning=session.desk.planning,
                db=session.db,
                store=session.store,
                access=Access(session.db, clock),
                hub=hub,
                clock=clock,
                doorbell_key=doorbell_key(session.desk.key),
                doors=session.doors,
            )
            yield
            await hub.close()

    app = Starlette(
        routes=[
            Mount(PREFIX, Router(routes(), redirect_slashes=False)),
            objects.ROUTE,
            Mount("/static", StaticFiles(directory=STATIC)),
            *views.ROUTES,
            *forms.ROUTES,
            *costs.ROUTES,
            *doors.ROUTES,
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
    app.router.redirect_slashes = False
    return app
