"""Stored objects under signed URLs: what a door reads and writes where the store is a folder of this machine.

The address carries the whole right (`control.store.served`); it is checked before anything is read, of the request's
body or of the folder.
"""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from control.api import media
from control.api.context import context_of
from control.errors import BadRequest, Forbidden, NotFound, ObjectExists, ObjectMissing, TooLarge
from control.store.served import PATH, Permit, ServedFolder


async def serve(request: Request) -> Response:
    """GET or PUT one object."""
    store = context_of(request).store
    if not isinstance(store, ServedFolder):
        raise NotFound("objects are not served from here")
    query = request.query_params
    if len(query.multi_items()) != len(query):
        raise Forbidden("this address was not signed for this request")
    permit = store.signer.permit(request.method, request.path_params["key"], query)
    return await (_put if permit.method == "PUT" else _get)(request, store, permit)


async def _get(request: Request, store: ServedFolder, permit: Permit) -> Response:
    head = await store.head(permit.key)
    if head is None:
        raise ObjectMissing(f"there is no object {permit.key}")
    span = media.byte_range(request.headers.get("range"), head.size)
    first, last = span or (0, head.size - 1)
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(last - first + 1), "Content-Disposition": "attachment"}
    if span is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{head.size}"
    body = store.stream(permit.key, first, last + 1)
    return StreamingResponse(body, 200 if span is None else 206, headers, head.content_type)


async def _put(request: Request, store: ServedFolder, permit: Permit) -> Response:
    _check(request, permit)
    if permit.create and await store.head(permit.key) is not None:
        async for _ in request.stream():  # a client that is still sending would see a broken line, not the answer
            pass
        raise ObjectExists(f"the object {permit.key} exists already and is never overwritten")
    await store.receive(permit.key, request.stream(), permit.max_bytes, replace=not permit.create)
    return Response(None, 200)


def _check(request: Request, permit: Permit) -> None:
    """The headers are those that were signed, and the body is of a known and allowed size."""
    if request.headers.get("content-type", "") != permit.content_type:
        raise Forbidden(f"this address takes {permit.content_type} only")
    if permit.create and request.headers.get("if-none-match") != "*":
        raise Forbidden("this address takes a request with If-None-Match: * only")
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise BadRequest("send the body whole, with a Content-Length")
    if int(length) > permit.max_bytes:
        raise TooLarge(f"{permit.key} may have {permit.max_bytes} bytes, not {length}")


ROUTE = Route(PATH + "/{key:path}", serve, methods=["GET", "PUT"])
