"""Films, their revisions, checks and plans."""

import asyncio

from starlette.responses import PlainTextResponse, Response

from control.api import boards, editing
from control.api.models import (
    Board,
    BoardQuery,
    Checked,
    EditAnswer,
    Edits,
    FilmPage,
    NewFilm,
    NewRevision,
    Paging,
    PlanRequest,
    RevisionPage,
    RevisionQuery,
    StaleParts,
    StaleStep,
    StoryboardAnswer,
)
from control.api.operation import Call, Nothing, Operation, Reply, operation
from control.graph.model import Plan
from control.render.views import FilmInfo, Page, Quote, RevisionInfo

TEXTS = {
    "application/yaml": lambda text: NewFilm(text=text, format="yaml"),
    "text/yaml": lambda text: NewFilm(text=text, format="yaml"),
    "text/vnd.fountain": lambda text: NewFilm(text=text, format="fountain"),
}
REVISED = {
    "application/yaml": lambda text: NewRevision(text=text, format="yaml"),
    "text/yaml": lambda text: NewRevision(text=text, format="yaml"),
    "text/vnd.fountain": lambda text: NewRevision(text=text, format="fountain"),
}
CHECKED = {
    "application/yaml": lambda text: Board(text=text, format="yaml"),
    "text/yaml": lambda text: Board(text=text, format="yaml"),
    "text/vnd.fountain": lambda text: Board(text=text, format="fountain"),
}


@operation("GET", "/films", scope="viewer", query=Paging, answer=FilmPage, tags=("films",))
async def list_films(call: Call[Nothing, Paging]) -> Page[FilmInfo]:
    """List films, newest first."""
    return await call.context.studio.films(limit=call.query.limit, cursor=call.query.cursor)


@operation("POST", "/films", scope="crew", body=NewFilm, answer=FilmInfo, status=201, tags=("films",), texts=TEXTS)
async def create_film(call: Call[NewFilm, Nothing]) -> Reply:
    """Create a film from a storyboard or a script."""
    board = (await asyncio.to_thread(boards.read, call.body)).board
    source = "import" if call.body.format == "fountain" and call.body.text is not None else "person"
    film = await call.context.studio.create_film(board, title=call.body.title, author=call.caller.name, source=source)
    return Reply(film, headers={"Location": f"/api/films/{film.id}", "ETag": f'"{film.revision}"'})


@operation("GET", "/films/{film}", scope="viewer", answer=FilmInfo, errors=(404,), tags=("films",))
async def get_film(call: Call[Nothing, Nothing]) -> Reply:
    """A film and the number of its current revision."""
    film = await call.context.studio.film(call.path("film"))
    return Reply(film, headers={"ETag": f'"{film.revision}"'})


@operation(
    "GET", "/films/{film}/revisions", scope="viewer", query=Paging, answer=RevisionPage, errors=(404,), tags=("films",)
)
async def list_revisions(call: Call[Nothing, Paging]) -> Page[RevisionInfo]:
    """List a film's revisions, newest first."""
    return await call.context.studio.revisions(call.path("film"), limit=call.query.limit, cursor=call.query.cursor)


@operation(
    "GET",
    "/films/{film}/storyboard",
    scope="viewer",
    query=BoardQuery,
    answer=StoryboardAnswer,
    errors=(404,),
    tags=("films",),
)
async def get_storyboard(call: Call[Nothing, BoardQuery]) -> Reply | Response:
    """A film's storyboard: JSON, or YAML or Fountain as text."""
    revision, board = await call.context.studio.revision(call.path("film"), call.query.revision)
    tag = {"ETag": f'"{revision.n}"'}
    if call.query.format == "json":
        return Reply(StoryboardAnswer(revision=revision, storyboard=board), headers=tag)
    media = boards.MEDIA[call.query.format]
    return PlainTextResponse(boards.write(board, call.query.format), headers=tag, media_type=media)


@operation(
    "PUT",
    "/films/{film}/storyboard",
    scope="crew",
    body=NewRevision,
    answer=RevisionInfo,
    errors=(404, 428),
    tags=("films",),
    texts=REVISED,
    based=True,
)
async def put_storyboard(call: Call[NewRevision, Nothing]) -> Reply:
    """Save a whole storyboard as the next revision."""
    base = call.base(call.body.base)
    board = (await asyncio.to_thread(boards.read, call.body)).board
    saved = await call.context.studio.save_revision(
        call.path("film"), base, board, author=call.caller.name, reason=call.body.reason
    )
    return Reply(saved, headers={"ETag": f'"{saved.n}"'})


@operation(
    "POST",
    "/films/{film}/edits",
    scope="crew",
    body=Edits,
    answer=EditAnswer,
    errors=(404, 428),
    tags=("films",),
    based=True,
)
async def edit_film(call: Call[Edits, Nothing]) -> Reply:
    """Apply edit operations as the next revision, or with `dry_run` say what they would make stale."""
    film, wanted, base = call.path("film"), call.body, call.base(call.body.base)
    if wanted.dry_run:
        made = await editing.applied(call.context, film, base, wanted.ops, wanted.imports)
        return Reply(_answer(made, None, await editing.stale(call.context, film, made, wanted.recipe)))
    made, saved = await editing.save(
        call.context,
        film,
        base,
        wanted.ops,
        author=call.caller.name,
        reason=wanted.reason,
        imports=wanted.imports,
    )
    return Reply(_answer(made, saved, ()), headers={"ETag": f'"{saved.n}"'})


def _answer(made: editing.Applied, saved: RevisionInfo | None, steps: tuple[StaleStep, ...]) -> EditAnswer:
    edited = made.edited
    return EditAnswer(
        revision=saved,
        stale=StaleParts(shots=dict(edited.stale.shots), film=edited.stale.film),
        steps=steps,
        undo=edited.inverses,
        problems=edited.problems,
    )


@operation("POST", "/check", scope="viewer", body=Board, answer=Checked, tags=("films",), texts=CHECKED)
async def check_storyboard(call: Call[Board, Nothing]) -> Checked:
    """Check a storyboard or script without saving it."""
    return (await asyncio.to_thread(boards.read, call.body)).checked()


@operation(
    "GET", "/films/{film}/check", scope="viewer", query=RevisionQuery, answer=Checked, errors=(404,), tags=("films",)
)
async def check_film(call: Call[Nothing, RevisionQuery]) -> Checked:
    """Check a film's storyboard."""
    _, board = await call.context.studio.revision(call.path("film"), call.query.revision)
    return boards.Read(board, boards.findings(board)).checked()


@operation(
    "POST", "/films/{film}/plan", scope="viewer", body=PlanRequest, answer=Plan, errors=(404,), tags=("renders",)
)
async def plan_film(call: Call[PlanRequest, Nothing]) -> Plan:
    """The film's build graph: every step, its engine, parameters and fingerprint."""
    return await call.context.studio.plan(call.path("film"), call.body.recipe, n=call.body.revision)


@operation(
    "POST", "/films/{film}/quote", scope="viewer", body=PlanRequest, answer=Quote, errors=(404,), tags=("renders",)
)
async def quote_film(call: Call[PlanRequest, Nothing]) -> Quote:
    """What a render would make and cost; for those who may accept it, it is kept for an hour."""
    keep = call.caller.scope != "viewer"
    return await call.context.studio.quote(call.path("film"), call.body.recipe, n=call.body.revision, keep=keep)


OPERATIONS: tuple[Operation, ...] = (
    list_films,
    create_film,
    get_film,
    list_revisions,
    get_storyboard,
    put_storyboard,
    edit_film,
    check_storyboard,
    check_film,
    plan_film,
    quote_film,
)
