"""Uploads: files that a storyboard names, identified by their content."""

from urllib.parse import unquote

from starlette.datastructures import UploadFile
from starlette.responses import Response

from control.api import bodies, media
from control.api.context import Context
from control.api.models import DownloadQuery, FileName, Files
from control.api.operation import Call, Nothing, Operation, Reply, operation
from control.errors import BadRequest
from control.render.views import UploadInfo

BINARY = "application/octet-stream"
FORM = "multipart/form-data"


@operation(
    "POST",
    "/uploads",
    scope="crew",
    answer=UploadInfo,
    status=201,
    errors=(507,),
    tags=("files",),
    raw=(BINARY, FORM),
    replayed=False,
)
async def upload(call: Call[Nothing, Nothing]) -> Reply:
    """Send a file in, as the body or as the form field `file`. The same content twice is one upload."""
    request, cap = call.request, call.context.settings.upload_mb * 1_000_000
    bodies.expect(bodies.media_type(request), (BINARY, FORM))
    if bodies.media_type(request) == FORM:
        async with bodies.form(request, cap) as form:
            info = await _stored(call.context, form.get("file"))
    else:
        name = unquote(request.headers.get("x-file-name", ""))[:200]
        info = await call.context.studio.put_upload(bodies.stream(request, cap), name=name)
    return Reply(info, headers={"Location": f"/api/uploads/{info.sha256}", "ETag": f'"{info.sha256}"'})


async def _stored(context: Context, file: object) -> UploadInfo:
    if not isinstance(file, UploadFile):
        raise BadRequest("send the file as the form field `file`")
    return await context.studio.put_upload(bodies.chunks(file), name=(file.filename or "")[:200])


@operation(
    "GET",
    "/uploads/{sha256}",
    scope="viewer",
    query=DownloadQuery,
    media_type="*/*",
    errors=(404, 416),
    tags=("files",),
)
async def get_upload(call: Call[Nothing, DownloadQuery]) -> Response:
    """An uploaded file, whole or by byte range."""
    file = await call.context.studio.upload_file(call.path("sha256"))
    return media.serve(call.request, call.context.store, file, file.name, call.query.download)


@operation("GET", "/films/{film}/files", scope="viewer", answer=Files, errors=(404,), tags=("files",))
async def list_files(call: Call[Nothing, Nothing]) -> Files:
    """The film's file names and the uploads they mean."""
    return Files(files=await call.context.studio.files(call.path("film")))


@operation(
    "PUT", "/films/{film}/files/{name:path}", scope="crew", body=FileName, answer=Files, errors=(404,), tags=("files",)
)
async def name_file(call: Call[FileName, Nothing]) -> Files:
    """Say which upload a file name of the storyboard means."""
    name = call.path("name")
    if len(name) > 200 or not name.isprintable():
        raise BadRequest("a file name is at most 200 printable characters")
    await call.context.studio.name_file(call.path("film"), name, call.body.sha256)
    return Files(files=await call.context.studio.files(call.path("film")))


OPERATIONS: tuple[Operation, ...] = (upload, get_upload, list_files, name_file)
