"""The pages that show: films, a film and its parts, a shot."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.api.access import Caller
from control.api.boards import write
from control.api.context import Context
from control.api.editing import pinnable
from control.errors import PlanError
from control.graph.model import Recipe, slot
from control.render.takes import MAIN, best_first
from control.render.views import FilmInfo, TakeInfo
from control.storyboard.labels import resolve
from control.storyboard.models import Storyboard
from control.web import words
from control.web.film_view import PICTURES, File, FilmView, ShotCard, load, missing_files
from control.web.pages import page, view

FILMS = 24


@dataclass(frozen=True)
class FilmCard:
    """A film among others."""

    id: str
    title: str
    ratio: str
    poster: File | None
    state: str
    words: str
    fraction: float
    shots: int
    updated_at: int


@dataclass(frozen=True)
class TakeCard:
    """A take with its player. `number` counts the takes of its step, oldest first; `score` says which is best."""

    id: str
    number: int
    type: str
    output: str
    words: str
    said: str
    chosen: bool
    choosable: bool
    created_at: int
    score: float | None = None


@view()
async def films(request: Request, context: Context, caller: Caller) -> Response:
    """All films, newest first."""
    found = await context.studio.films(limit=FILMS, cursor=request.query_params.get("cursor"))
    cards = [await _film_card(context, film) for film in found.items]
    return page("films.html", caller, films=cards, cursor=found.cursor, here="films")


async def _film_card(context: Context, film: FilmInfo) -> FilmCard:
    _, board = await context.studio.revision(film.id)
    renders = (await context.studio.renders(film.id, limit=1)).items
    takes = (await context.studio.takes(film.id, shot="", limit=20)).items
    state, fraction = (renders[0].state if renders else "new"), 0.0
    if state == "running":
        made = await context.studio.render(renders[0].id)
        fraction = sum(s.fraction for s in made.shots) / max(1, len(made.shots))
    poster = next((File(t.id, "poster.png") for t in takes if "poster.png" in t.outputs), None)
    ratio = {"9:16": "9x16", "1:1": "1x1", "4:3": "4x3"}.get(board.aspect, "16x9")
    count = sum(not shot.omit for _, shot in board.shots())
    said = words.render_state(state)
    return FilmCard(film.id, film.title, ratio, poster, state, said, fraction, count, film.updated_at)


@view()
async def film(request: Request, context: Context, caller: Caller) -> Response:
    """One film."""
    shown = await load(context, request.path_params["film"])
    known = await context.studio.files(shown.film.id)
    missing = missing_files(shown.board, known)
    return page("film.html", caller, missing=missing, **_values(shown))


def _values(shown: FilmView) -> dict[str, Any]:
    return {
        "film": shown.film,
        "seen": shown.seen,
        "ratio": shown.ratio,
        "aspect": shown.board.aspect,
        "fps": shown.board.fps,
        "length": shown.length,
        "shot_count": sum(not shot.omit for _, shot in shown.board.shots()),
        "recipe": shown.recipe,
        "problems": shown.problems,
        "plan_fails": any(p.severity == "error" for p in shown.problems),
        "cut": shown.cut,
        "newest": shown.newest,
        "scenes": shown.scenes(),
        **_now(shown),
    }


def _now(shown: FilmView) -> dict[str, Any]:
    render = shown.render
    if render is None:
        return {"render": None}
    return {
        "render": render,
        "finished": render.made + render.reused,
        "words": words.render_state(render.state, render.cancel_requested),
        "doing": shown.doing(),
        "failures": [s for s in render.steps if s.state in ("failed", "unknown")][:3],
    }


@view()
async def screen(request: Request, context: Context, caller: Caller) -> Response:
    """The film's player, as it is now."""
    return page("_screen.html", caller, **_values(await load(context, request.path_params["film"])))


@view()
async def now(request: Request, context: Context, caller: Caller) -> Response:
    """What is being made."""
    return page("_now.html", caller, **_now(await load(context, request.path_params["film"])))


@view()
async def shots(request: Request, context: Context, caller: Caller) -> Response:
    """The shots, as they are now."""
    return page("_shots.html", caller, **_values(await load(context, request.path_params["film"])))


@view()
async def quote(request: Request, context: Context, caller: Caller) -> Response:
    """What a render of this tier would make."""
    tier = request.query_params.get("tier", "draft")
    recipe = Recipe.model_validate({"tier": tier if tier in ("draft", "standard", "final") else "draft"})
    try:
        found = await context.studio.quote(request.path_params["film"], recipe)
    except PlanError as error:
        return page("_quote.html", caller, quote=None, problems=error.problems)
    errors = [p for p in found.problems if p.severity == "error"]
    return page("_quote.html", caller, quote=found, problems=errors)


@view()
async def shot(request: Request, context: Context, caller: Caller) -> Response:
    """One shot: script, clip, takes."""
    shown = await load(context, request.path_params["film"])
    card, before, after = _shot(shown, request.path_params["shot"])
    scene = next(s for s in shown.scenes() if any(c.id == card.id for c in s.shots))
    return page(
        "shot.html",
        caller,
        film=shown.film,
        seen=shown.seen,
        ratio=shown.ratio,
        shot=card,
        scene=scene,
        clip=_clip(shown, card),
        prompts=[{"kind": kind, "text": text} for kind, text in shown.prompts(card.id)],
        takes=_takes(shown.takes, card.id, shown.board),
        before=before,
        after=after,
    )


def _clip(shown: FilmView, card: ShotCard) -> File | None:
    found = shown.picture(card.id, PICTURES)
    return found if found is not None and found.output.endswith(".mp4") else None


def _shot(shown: FilmView, name: str) -> tuple[ShotCard, ShotCard | None, ShotCard | None]:
    cards = list(shown.shots())
    wanted = resolve(shown.board, name)
    at = next(i for i, card in enumerate(cards) if card.id == wanted)
    return cards[at], cards[at - 1] if at else None, cards[at + 1] if at + 1 < len(cards) else None


@view()
async def takes(request: Request, context: Context, caller: Caller) -> Response:
    """A shot's takes, as they are now."""
    _, board = await context.studio.revision(request.path_params["film"])
    name = request.path_params["shot"]
    found = (await context.studio.takes(request.path_params["film"], shot=name)).items
    return page("_takes.html", caller, takes=_takes(found, name, board))


def _takes(found: tuple[TakeInfo, ...], shot_id: str, board: Storyboard) -> list[TakeCard]:
    mine = best_first([take for take in found if take.shot == shot_id and take.kind != "conform"])
    said = {line.id: line.text for _, shot in board.shots() for line in shot.spoken}
    of_path: dict[str, list[TakeInfo]] = {}
    for take in sorted(mine, key=lambda take: take.created_at):
        of_path.setdefault(slot(take.path), []).append(take)
    return [_take_card(take, of_path[slot(take.path)], said.get(take.path.rpartition("/")[2], "")) for take in mine]


def _take_card(take: TakeInfo, same: list[TakeInfo], said: str) -> TakeCard:
    output = MAIN[take.kind]
    facts = take.outputs.get(output)
    return TakeCard(
        id=take.id,
        number=same.index(take) + 1,
        type=facts.media.type if facts is not None else "data",
        output=output,
        words=words.KINDS[take.kind],
        said=said,
        chosen=take.chosen,
        choosable=len(same) > 1 and pinnable(take),
        score=take.score,
        created_at=take.created_at,
    )


@view()
async def storyboard(request: Request, context: Context, caller: Caller) -> Response:
    """The storyboard as text, to edit."""
    film_info = await context.studio.film(request.path_params["film"])
    revision, board = await context.studio.revision(film_info.id)
    return storyboard_page(caller, film_info, revision.n, written(board))


def written(board: Storyboard) -> str:
    """The storyboard as the page shows it."""
    return write(board, "yaml")


def storyboard_page(caller: Caller, film_info: FilmInfo, base: int, text: str, error: Any = None) -> Response:
    """The page that edits a storyboard, with what was wrong with it."""
    status = 200 if error is None else error.status
    found = getattr(error, "problems", ())
    return page("storyboard.html", caller, status, film=film_info, base=base, text=text, error=error, problems=found)


@view("crew")
async def new(request: Request, context: Context, caller: Caller) -> Response:
    """The page that makes a film."""
    return new_page(caller)


def new_page(caller: Caller, text: str = "", form: str = "auto", error: Any = None) -> Response:
    """The page that makes a film, with what was wrong with the text."""
    status = 200 if error is None else error.status
    found = getattr(error, "problems", ())
    return page("new.html", caller, status, text=text, format=form, error=error, problems=found, here="new")


ROUTES = [
    Route("/", films),
    Route("/new", new),
    Route("/films/{film}", film),
    Route("/films/{film}/screen", screen),
    Route("/films/{film}/now", now),
    Route("/films/{film}/shots", shots),
    Route("/films/{film}/quote", quote),
    Route("/films/{film}/storyboard", storyboard),
    Route("/films/{film}/shots/{shot}", shot),
    Route("/films/{film}/shots/{shot}/takes", takes),
]
