"""Takes: what was made for a shot or the film, and its files."""

from starlette.responses import Response

from control.api import editing, media
from control.api.models import DownloadQuery, TakePage, TakeQuery
from control.api.operation import Call, Nothing, Operation, operation
from control.render.views import Page, TakeInfo


@operation(
    "GET", "/films/{film}/takes", scope="viewer", query=TakeQuery, answer=TakePage, errors=(404,), tags=("takes",)
)
async def list_takes(call: Call[Nothing, TakeQuery]) -> Page[TakeInfo]:
    """List takes of a film, newest first."""
    film = await call.context.studio.film(call.path("film"))
    query = call.query
    return await call.context.studio.takes(film.id, shot=query.shot, limit=query.limit, cursor=query.cursor)


@operation("GET", "/takes/{take}", scope="viewer", answer=TakeInfo, errors=(404,), tags=("takes",))
async def get_take(call: Call[Nothing, Nothing]) -> TakeInfo:
    """A take and its outputs."""
    return await call.context.studio.take(call.path("take"))


@operation("POST", "/takes/{take}/choose", scope="crew", answer=TakeInfo, errors=(404,), tags=("takes",))
async def choose_take(call: Call[Nothing, Nothing]) -> TakeInfo:
    """Choose this take for its shot: an edit of the storyboard, where the take is one that the cut can show."""
    return await editing.choose(call.context, call.path("take"), call.caller.name)


@operation(
    "GET",
    "/takes/{take}/files/{output}",
    scope="viewer",
    query=DownloadQuery,
    media_type="*/*",
    errors=(404, 416),
    tags=("takes",),
)
async def get_take_file(call: Call[Nothing, DownloadQuery]) -> Response:
    """A file of a take, whole or by byte range."""
    studio = call.context.studio
    take = await studio.take(call.path("take"))
    file = await studio.artifact(take.id, call.path("output"))
    film = await studio.film(take.film_id)
    name = " ".join(part for part in (film.title, take.label, file.name) if part)
    return media.serve(call.request, call.context.store, file, name, call.query.download)


OPERATIONS: tuple[Operation, ...] = (list_takes, get_take, choose_take, get_take_file)
