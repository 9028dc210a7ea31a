"""`vivijure render`: a storyboard file in, a film file out, through the same Studio that the page uses."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console

from control.commands.board import read
from control.commands.delivery import Delivered, deliver, deliver_text
from control.commands.display import Display
from control.commands.films import film_of, known_film
from control.commands.quote import accepted
from control.commands.timeline import of_film
from control.errors import QuoteNeeded, StudioError
from control.graph.model import Recipe
from control.render.service import Studio
from control.render.session import Session
from control.render.views import Quote, RenderView
from control.settings import Settings
from control.storyboard.models import Storyboard
from control.studio import open_session

POLL_S = (0.01, 0.5)
"""First and longest wait between two looks at the render: one that makes nothing ends at once."""


@dataclass(frozen=True)
class Rendered:
    """How a render ended. `film` is where the film lies (None for a target without one)."""

    film: Path | None
    view: RenderView = field(repr=False)  # asyncio words the result of its last task when it ends
    film_id: str
    seconds: float

    def summary(self) -> dict[str, object]:
        """The last line of `--json`."""
        return {
            "film": str(self.film) if self.film else None,
            "made": self.view.made,
            "reused": self.view.reused,
            "seconds": round(self.seconds, 3),
            "cost_usd": self.view.cost_u / 1e6,
        }


class RenderFailed(StudioError):
    """The render ended without what was asked for."""

    status, code, title = 500, "render_failed", "The film could not be made"


async def render(
    settings: Settings, path: Path, out: Path, recipe: Recipe, console: Console, *, yes: bool = False
) -> Rendered:
    """Render a storyboard file; what costs money is quoted and asked about, unless the answer is `yes` already.

    Raises `StudioError`; an interrupted render goes on with the next call.
    """
    began = time.monotonic()
    board = read(path).board
    async with open_session(settings, lazy_door=True) as session:
        studio = session.studio
        if session.door is not None and await _is_new(studio, settings, path, board):
            session.door.start()  # something must be made: let it start while that is planned
        film_id = await film_of(studio, settings, path, board)
        render_id = await _resumed_or_new(studio, film_id, recipe, partial(accepted, console, yes=yes))
        view = await _watch(session, render_id, console)
        if view.state != "done":
            raise RenderFailed(_why(view), render_id=render_id)
        film = await deliver(session.store, view, out, Delivered(settings.data / "delivered.json"))
        if film is not None:
            deliver_text(await of_film(studio, session.store, render_id, board), film.with_suffix(".otio"))
    return Rendered(film, view, film_id, time.monotonic() - began)


async def _is_new(studio: Studio[Storyboard], settings: Settings, path: Path, board: Storyboard) -> bool:
    """Whether this storyboard was not rendered before as it is now."""
    film_id = await known_film(studio, settings, path)
    return film_id is None or (await studio.revision(film_id))[1] != board


async def _resumed_or_new(
    studio: Studio[Storyboard], film_id: str, recipe: Recipe, ask: Callable[[Quote], Awaitable[bool]]
) -> str:
    """The render of this revision and recipe that was interrupted, or a new one, once its price is accepted."""
    info, _ = await studio.revision(film_id)
    for old in (await studio.renders(film_id, limit=20)).items:
        unfinished = old.state in ("running", "paused") and not old.cancel_requested
        if unfinished and old.revision == info.n and (await studio.render(old.id)).recipe == recipe:
            if old.state == "paused":
                await studio.resume(old.id)
            return old.id
    try:
        return await studio.order_render(film_id, recipe)
    except QuoteNeeded:
        quote = await studio.quote(film_id, recipe, keep=True)
        if not await ask(quote):
            raise
        return await studio.order_render(film_id, recipe, quote_id=quote.id)


async def _watch(session: Session, render_id: str, console: Console) -> RenderView:
    """The render as it ended. Raises `DoorError` where the door that it needs does not start."""
    pause, longest = POLL_S
    shown = time.monotonic()
    with Display(console) as display:
        while True:
            over = (await session.studio.render_info(render_id)).state not in ("running", "paused")
            if over or time.monotonic() - shown >= display.every_s:
                view = await session.studio.render(render_id)
                display.show(view)
                shown = time.monotonic()
                if over:
                    return view
            if session.door is not None:
                session.door.check()
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)


def _why(view: RenderView) -> str:
    failed = [f"{s.label or s.path}: {s.reason}" for s in view.steps if s.state == "failed"]
    return "; ".join(failed[:3]) or view.reason or f"the render ended as {view.state}"
