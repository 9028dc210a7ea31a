"""A film's timeline for editing programs, from its plan and what has been made of it."""

from pathlib import Path

from control.commands.board import read
from control.commands.films import known_film
from control.errors import StoryboardError
from control.graph.edl import Made, otio_cut
from control.graph.model import Plan
from control.render.service import Studio
from control.settings import Settings
from control.store import ObjectStore
from control.storyboard.models import Storyboard
from control.storyboard.otio import timeline as otio_text
from control.studio import open_session


async def timeline(settings: Settings, path: Path) -> str:
    """OpenTimelineIO text of the newest finished render of a storyboard file. Raises `StoryboardError`."""
    board = read(path).board
    async with open_session(settings.model_copy(update={"door": False, "runner": False})) as session:
        studio = session.studio
        film_id = await known_film(studio, settings, path)
        done = [r for r in (await studio.renders(film_id, limit=50)).items if r.state == "done"] if film_id else []
        if film_id is None or not done:
            raise StoryboardError(f"nothing has been rendered of {path} yet; run: vivijure render {path}")
        text = await of_film(studio, session.store, done[0].id, board)
    if text is None:
        raise StoryboardError(f"no shot of {path} has a clip yet; render it as clips or as a film")
    return text


async def of_film(studio: Studio[Storyboard], store: ObjectStore, render_id: str, board: Storyboard) -> str | None:
    """The timeline of a render, None where it has no clip."""
    view = await studio.render(render_id)
    plan = await studio.plan(view.film_id, view.recipe, n=view.revision)
    return of_render(plan, board, {s.path: s.outputs for s in view.steps}, store)


def of_render(plan: Plan, board: Storyboard, made: Made, store: ObjectStore) -> str | None:
    """OTIO text; media are the objects of the store, as files where it is a folder."""
    root = store.folder

    def url(key: str) -> str:
        return (root.resolve() / key).as_uri() if root is not None else key

    cut = otio_cut(plan, board, made, url)
    return otio_text(cut) if cut is not None else None
