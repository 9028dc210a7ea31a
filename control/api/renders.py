"""Renders: start, watch, pause, resume, cancel."""

from starlette.responses import Response

from control.api.media import disposition, unchanged_or
from control.api.models import Paging, RenderPage, RenderRequest
from control.api.operation import Call, Nothing, Operation, Reply, operation
from control.errors import NotFound
from control.graph.edl import otio_cut
from control.render.views import Page, RenderInfo, RenderView
from control.storyboard.otio import timeline

OTIO = "application/vnd.opentimelineio+json"


@operation("GET", "/renders", scope="viewer", query=Paging, answer=RenderPage, tags=("renders",))
async def list_renders(call: Call[Nothing, Paging]) -> Page[RenderInfo]:
    """List all renders, newest first."""
    return await call.context.studio.renders(limit=call.query.limit, cursor=call.query.cursor)


@operation(
    "GET", "/films/{film}/renders", scope="viewer", query=Paging, answer=RenderPage, errors=(404,), tags=("renders",)
)
async def list_film_renders(call: Call[Nothing, Paging]) -> Page[RenderInfo]:
    """List a film's renders, newest first."""
    film = await call.context.studio.film(call.path("film"))
    return await call.context.studio.renders(film.id, limit=call.query.limit, cursor=call.query.cursor)


@operation(
    "POST",
    "/films/{film}/renders",
    scope="crew",
    body=RenderRequest,
    answer=RenderView,
    status=201,
    errors=(402, 404),
    tags=("renders",),
)
async def start_render(call: Call[RenderRequest, Nothing]) -> Reply:
    """Start a render; one that costs money by a quote, or within the most that its recipe names."""
    studio, wanted = call.context.studio, call.body
    render_id = await studio.order_render(call.path("film"), wanted.recipe, n=wanted.revision, quote_id=wanted.quote)
    return Reply(await studio.render(render_id), headers={"Location": f"/api/renders/{render_id}"})


@operation("GET", "/renders/{render}", scope="viewer", answer=RenderView, errors=(404,), tags=("renders",))
async def get_render(call: Call[Nothing, Nothing]) -> Response:
    """A render and all its steps; 304 where `If-None-Match` names what it still is."""
    return unchanged_or(call.request, await call.context.studio.render_json(call.path("render")))


@operation("POST", "/renders/{render}/pause", scope="crew", answer=RenderView, errors=(404,), tags=("renders",))
async def pause_render(call: Call[Nothing, Nothing]) -> RenderView:
    """Submit nothing more; what runs, ends."""
    await call.context.studio.pause(call.path("render"))
    return await call.context.studio.render(call.path("render"))


@operation("POST", "/renders/{render}/resume", scope="crew", answer=RenderView, errors=(404,), tags=("renders",))
async def resume_render(call: Call[Nothing, Nothing]) -> RenderView:
    """Go on with a paused render."""
    await call.context.studio.resume(call.path("render"))
    return await call.context.studio.render(call.path("render"))


@operation("POST", "/renders/{render}/cancel", scope="crew", answer=RenderView, errors=(404,), tags=("renders",))
async def cancel_render(call: Call[Nothing, Nothing]) -> RenderView:
    """Stop a render and every job that no other render wants."""
    await call.context.studio.cancel(call.path("render"))
    return await call.context.studio.render(call.path("render"))


@operation(
    "GET",
    "/renders/{render}/timeline",
    scope="viewer",
    media_type=OTIO,
    errors=(404,),
    tags=("renders",),
)
async def get_timeline(call: Call[Nothing, Nothing]) -> Response:
    """A render's cut as an OpenTimelineIO timeline, whose media are the files of its takes."""
    studio, base = call.context.studio, call.context.settings.base_url
    view = await studio.render(call.path("render"))
    _, board = await studio.revision(view.film_id, view.revision)
    plan = await studio.plan(view.film_id, view.recipe, n=view.revision)
    files = {
        fact.key: f"{base}/api/takes/{step.take_id}/files/{name}"
        for step in view.steps
        for name, fact in step.outputs.items()
    }
    cut = otio_cut(plan, board, {step.path: step.outputs for step in view.steps}, lambda key: files.get(key, key))
    if cut is None:
        raise NotFound("no shot of this render has a clip yet")
    headers = {"Content-Disposition": disposition(f"{view.title or 'film'}.otio", inline=False)}
    return Response(timeline(cut), 200, headers, OTIO)


OPERATIONS: tuple[Operation, ...] = (
    list_renders,
    list_film_renders,
    start_render,
    get_render,
    pause_render,
    resume_render,
    cancel_render,
    get_timeline,
)
