"""Reading request bodies: capped while they arrive, content type checked, text as UTF-8."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from control.errors import BadRequest, TooLarge, UnsupportedMedia

CHUNK = 1 << 20


def media_type(request: Request) -> str:
    """The content type without its parameters, lower case; JSON where none is stated."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def expect(media: str, taken: Sequence[str]) -> None:
    """Raises `UnsupportedMedia` where `media` is none of `taken`."""
    if media not in taken:
        raise UnsupportedMedia(f"{media or 'no content type'} is not taken here; send {', '.join(taken)}")


def check_length(request: Request, cap: int) -> None:
    """Refuse a stated length beyond `cap` bytes before a byte is read. Raises `TooLarge`, `BadRequest`."""
    stated = request.headers.get("content-length", "0")
    if not (stated.isascii() and stated.isdigit()):
        raise BadRequest("Content-Length is not a number")
    if int(stated) > cap:
        raise TooLarge(f"{int(stated):,} bytes are more than the {cap:,} taken here")


async def stream(request: Request, cap: int) -> AsyncIterator[bytes]:
    """The body in pieces. Raises `TooLarge` as soon as it passes `cap` bytes, `BadRequest` where it breaks off."""
    check_length(request, cap)
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > cap:
                raise TooLarge(f"more than the {cap:,} bytes taken here")
            yield chunk
    except ClientDisconnect as error:
        raise BadRequest("the body broke off") from error


async def read(request: Request, cap: int) -> bytes:
    """The whole body, at most `cap` bytes."""
    return b"".join([chunk async for chunk in stream(request, cap)])


def text(data: bytes) -> str:
    """The body as text. Raises `BadRequest` with the position of what is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadRequest(f"not UTF-8 at byte {error.start}, line {line}; save the file as UTF-8") from error


@asynccontextmanager
async def form(request: Request, cap: int, files: int = 1) -> AsyncIterator[FormData]:
    """A form's fields and at most `files` files (spooled to disk), at most `cap` bytes in all."""
    check_length(request, cap)
    left = cap

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge(f"more than the {cap:,} bytes taken here")
        return message

    async with Request(request.scope, receive).form(max_files=files, max_fields=20, max_part_size=cap) as fields:
        yield fields


async def chunks(file: UploadFile) -> AsyncIterator[bytes]:
    """A form's file in pieces."""
    while chunk := await file.read(CHUNK):
        yield chunk
