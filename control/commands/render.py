"""`vivijure render`: a storyboard file in, a film file out, through the same Studio that the page uses."""

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from control.commands.board import read
from control.commands.delivery import deliver
from control.commands.display import Display
from control.errors import NotFound, StoryboardError, StudioError
from control.graph.model import Recipe
from control.render.service import Studio
from control.render.views import RenderView
from control.settings import Settings
from control.storyboard.files import files
from control.storyboard.models import Storyboard
from control.studio import open_session

POLL_S = 0.1


@dataclass(frozen=True)
class Rendered:
    """How a render ended. `film` is where the film lies (None for a target without one)."""

    film: Path | None
    view: RenderView
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


async def render(settings: Settings, path: Path, out: Path, recipe: Recipe, console: Console) -> Rendered:
    """Render a storyboard file. Raises `StudioError`; an interrupted render goes on with the next call."""
    began = time.monotonic()
    board = read(path).board
    async with open_session(settings) as session:
        studio = session.studio
        film_id = await film_of(studio, settings, path, board)
        render_id = await _resumed_or_new(studio, film_id, recipe)
        view = await _watch(studio, render_id, console)
        if view.state != "done":
            raise RenderFailed(_why(view), render_id=render_id)
        film = await deliver(session.store, view, out)
    return Rendered(film, view, film_id, time.monotonic() - began)


async def film_of(studio: Studio[Storyboard], settings: Settings, path: Path, board: Storyboard) -> str:
    """The film that belongs to this file, brought up to its text and its files; a new one the first time."""
    memo = _memo(settings, path)
    film_id = await _known(studio, memo)
    if film_id is None:
        film_id = (await studio.create_film(board, author="cli", source="import")).id
        memo.parent.mkdir(parents=True, exist_ok=True)
        memo.write_text(json.dumps({"film": film_id, "path": str(path.resolve())}), "utf-8")
    else:
        info, current = await studio.revision(film_id)
        if current != board:
            await studio.save_revision(
                film_id, info.n, board, author="cli", source="import", reason=f"from {path.name}"
            )
    await _upload(studio, film_id, path, board)
    return film_id


async def known_film(studio: Studio[Storyboard], settings: Settings, path: Path) -> str | None:
    """The film that this file was rendered as before, if any."""
    return await _known(studio, _memo(settings, path))


def _memo(settings: Settings, path: Path) -> Path:
    """Where is noted which film a file became."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:24]
    return settings.data / "boards" / f"{name}.json"


async def _known(studio: Studio[Storyboard], memo: Path) -> str | None:
    try:
        film_id = json.loads(memo.read_text("utf-8"))["film"]
        return (await studio.film(film_id)).id
    except (OSError, ValueError, KeyError, TypeError, NotFound):
        return None


async def _upload(studio: Studio[Storyboard], film_id: str, path: Path, board: Storyboard) -> None:
    """Bring in every file that the storyboard names, looked for beside it."""
    for name in files(board):
        source = path.parent / name
        if not source.is_file():
            raise StoryboardError(f"the storyboard names {name!r}, but there is no file {source}")
        try:
            found = await studio.put_upload(source, name=name)
        except StudioError as error:
            raise StoryboardError(f"{source}: {error.detail}") from error
        await studio.name_file(film_id, name, found.sha256)


async def _resumed_or_new(studio: Studio[Storyboard], film_id: str, recipe: Recipe) -> str:
    """The render of this revision and recipe that was interrupted, or a new one."""
    info, _ = await studio.revision(film_id)
    for old in (await studio.renders(film_id, limit=20)).items:
        unfinished = old.state in ("running", "paused") and not old.cancel_requested
        if unfinished and old.revision == info.n and (await studio.render(old.id)).recipe == recipe:
            if old.state == "paused":
                await studio.resume(old.id)
            return old.id
    return await studio.start_render(film_id, recipe)


async def _watch(studio: Studio[Storyboard], render_id: str, console: Console) -> RenderView:
    with Display(console) as display:
        while True:
            view = await studio.render(render_id)
            display.show(view)
            if view.state not in ("running", "paused"):
                return view
            await asyncio.sleep(POLL_S)


def _why(view: RenderView) -> str:
    failed = [f"{s.label or s.path}: {s.reason}" for s in view.steps if s.state == "failed"]
    return "; ".join(failed[:3]) or view.reason or f"the render ended as {view.state}"
