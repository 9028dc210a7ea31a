"""Uploads: files that a storyboard names, identified by their content."""

from urllib.parse import unquote

from starlette.responses import Response

from control.api import bodies, media
from control.api.models import DownloadQuery, FileName, Files
from control.api.operation import Call, Nothing, Operation, Reply, operation
from control.errors import BadRequest
from control.render.views import UploadInfo

BINARY = "application/octet-stream"


@operation(
    "POST", "/uploads", scope="crew", answer=UploadInfo, status=201, errors=(507,), tags=("files",), raw=(BINARY,)
)
async def upload(call: Call[Nothing, Nothing]) -> Reply:
    """Send a file in: the body is the file. The same content twice is one upload."""
    bodies.expect(bodies.media_type(call.request), (BINARY,))
    cap = call.context.settings.upload_mb * 1_000_000
    name = unquote(call.request.headers.get("x-file-name", ""))
    info = await call.context.studio.put_upload(bodies.stream(call.request, cap), name=name)
    return Reply(info, headers={"Location": f"/api/uploads/{info.sha256}", "ETag": f'"{info.sha256}"'})


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
