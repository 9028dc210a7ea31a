"""What the pages' forms do. Each answers with a page that can be loaded again (POST, redirect, GET)."""

from collections.abc import Sequence
from pathlib import PurePath

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from control.api import auth, boards, bodies, editing
from control.api.access import Caller
from control.api.context import Context
from control.errors import BadRequest, BudgetExceeded, Invalid, StaleRevision
from control.graph.model import Recipe
from control.web.film_view import missing_files
from control.web.pages import view
from control.web.views import new_page, storyboard_page

FORM_BYTES = 20_000
FILES = 100


def goto(address: str) -> Response:
    """Load this page next."""
    return RedirectResponse(address, 303)


def field(form: FormData, name: str) -> str:
    """A field's text, empty where there is none."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


async def _text(form: FormData) -> tuple[str, str]:
    """The text of the form and its file's name: the file wins where one is chosen."""
    file = form.get("file")
    if isinstance(file, UploadFile) and file.filename:
        return bodies.text(await file.read()), file.filename
    return field(form, "text").replace("\r\n", "\n"), ""


@view("crew")
async def create(request: Request, context: Context, caller: Caller) -> Response:
    """Make a film of a text or file."""
    async with bodies.form(request, context.settings.body_mb * 1_000_000) as form:
        auth.check_forgery(request, caller, field(form, "csrf"))
        text, name = await _text(form)
        chosen = field(form, "format")
    try:
        if not text.strip():
            raise BadRequest("paste a storyboard or a script, or choose a file")
        form_of = boards.guess(text, name) if chosen not in ("yaml", "fountain") else chosen
        read = boards.parse(text, "fountain" if form_of == "fountain" else "yaml")
    except (Invalid, BadRequest) as error:
        return new_page(caller, text, chosen, error)
    source = "import" if form_of == "fountain" else "person"
    film = await context.studio.create_film(read.board, author=caller.name, source=source)
    return goto(f"/films/{film.id}")


@view("crew")
async def save(request: Request, context: Context, caller: Caller) -> Response:
    """Save a storyboard as the next revision."""
    film = await context.studio.film(request.path_params["film"])
    async with bodies.form(request, context.settings.body_mb * 1_000_000) as form:
        auth.check_forgery(request, caller, field(form, "csrf"))
        base, (text, _) = field(form, "base"), await _text(form)
    if not (base.isascii() and base.isdigit()):
        raise BadRequest("the form does not say which revision it edits")
    try:
        board = boards.parse(text, "yaml").board
        await context.studio.save_revision(film.id, int(base), board, author=caller.name)
    except (Invalid, StaleRevision) as error:
        return storyboard_page(caller, film, int(base), text, error)
    return goto(f"/films/{film.id}")


async def checked(request: Request, caller: Caller) -> FormData:
    """A small form that came from a page of ours. Raises `Forbidden`."""
    async with bodies.form(request, FORM_BYTES) as form:
        auth.check_forgery(request, caller, field(form, "csrf"))
        return form


@view("crew")
async def render(request: Request, context: Context, caller: Caller) -> Response:
    """Start a render, or show what it would cost."""
    form = await checked(request, caller)
    tier = field(form, "tier")
    if tier not in ("draft", "standard", "final"):
        raise BadRequest("choose draft, standard or final")
    film = request.path_params["film"]
    recipe = Recipe.model_validate({"tier": tier})
    try:
        await context.studio.order_render(film, recipe)
    except BudgetExceeded:
        # It costs money: the page that says how much, on what prices, asks, and says what the budget leaves.
        return goto(f"/quotes/{(await context.studio.quote(film, recipe, keep=True)).id}")
    return goto(f"/films/{film}")


@view("crew")
async def steer(request: Request, context: Context, caller: Caller) -> Response:
    """Pause, resume or cancel a render."""
    await checked(request, caller)
    studio, render_id = context.studio, request.path_params["render"]
    acts = {"pause": studio.pause, "resume": studio.resume, "cancel": studio.cancel}
    await acts[request.path_params["act"]](render_id)
    return goto(f"/films/{(await studio.render(render_id)).film_id}")


@view("crew")
async def choose(request: Request, context: Context, caller: Caller) -> Response:
    """Circle a take."""
    await checked(request, caller)
    take = await editing.choose(context, request.path_params["take"], caller.name)
    return goto(f"/films/{take.film_id}" + (f"/shots/{take.shot}" if take.shot else ""))


@view("crew")
async def send_files(request: Request, context: Context, caller: Caller) -> Response:
    """Take files that the storyboard names; which is which, their own names say."""
    film = await context.studio.film(request.path_params["film"])
    _, board = await context.studio.revision(film.id)
    missing = missing_files(board, await context.studio.files(film.id))
    async with bodies.form(request, context.settings.upload_mb * 1_000_000, FILES) as form:
        auth.check_forgery(request, caller, field(form, "csrf"))
        sent = [f for f in form.getlist("file") if isinstance(f, UploadFile) and f.filename]
        for name, file in matched(missing, sent):
            info = await context.studio.put_upload(bodies.chunks(file), name=file.filename or name)
            await context.studio.name_file(film.id, name, info.sha256)
    return goto(f"/films/{film.id}")


def matched(missing: Sequence[str], sent: Sequence[UploadFile]) -> list[tuple[str, UploadFile]]:
    """Each file with the name it is for: the same last part, or the only one there is. Raises `BadRequest`."""
    if not sent:
        raise BadRequest("choose a file")
    if len(missing) == len(sent) == 1:
        return [(missing[0], sent[0])]
    pairs = [(name, file) for file in sent for name in missing if PurePath(name).name == file.filename]
    lost = [file.filename for file in sent if all(file is not known for _, known in pairs)]
    if lost:
        raise BadRequest(f"the film needs {', '.join(missing)}; none of them is called {lost[0]}")
    return pairs


ROUTES = [
    Route("/new", create, methods=["POST"]),
    Route("/films/{film}/storyboard", save, methods=["POST"]),
    Route("/films/{film}/renders", render, methods=["POST"]),
    Route("/films/{film}/files", send_files, methods=["POST"]),
    Route("/renders/{render}/{act:str}", steer, methods=["POST"]),
    Route("/takes/{take}/choose", choose, methods=["POST"]),
]
