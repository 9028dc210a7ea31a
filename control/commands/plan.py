"""`vivijure plan`: the graph of a film, what exists of it, what the rest would cost."""

from dataclasses import dataclass
from pathlib import Path

from control.commands.board import read
from control.commands.films import film_of
from control.graph.model import Recipe
from control.render.views import Quote
from control.settings import Settings
from control.studio import open_studio


@dataclass(frozen=True)
class Planned:
    """A quote and the film's length in seconds."""

    quote: Quote
    seconds: float


async def plan(settings: Settings, path: Path, recipe: Recipe) -> Planned:
    """Plan a storyboard file against what the Studio has already made. Raises `StudioError`."""
    board = read(path).board
    async with open_studio(settings.model_copy(update={"door": False, "runner": False})) as studio:
        film_id = await film_of(studio, settings, path, board)
        found = await studio.plan(film_id, recipe)
        quote = await studio.quote(film_id, recipe)
    return Planned(quote, found.rate.seconds(found.frames))
