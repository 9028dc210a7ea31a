"""Serving stored objects: byte ranges, entity tags, safe types and names (RFC 9110 sections 13 and 14)."""

import hashlib
import re
import unicodedata
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from control.errors import RangeUnsatisfiable
from control.render.views import ArtifactFile
from control.store import ObjectStore

INLINE = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/webp",
        "video/mp4",
        "video/webm",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "audio/x-wav",
        "audio/flac",
        "text/vtt",
    }
)
"""Types a browser may show; anything else is a download of unnamed bytes."""
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
FOREVER = "private, max-age=31536000, immutable"


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte asked for, None for the whole. Raises `RangeUnsatisfiable`.

    Several ranges, other units and nonsense are ignored, as RFC 9110 allows.
    """
    match = RANGE.fullmatch((header or "").replace(" ", ""))
    if match is None or (not match[1] and not match[2]):
        return None
    if not match[1]:
        first, last = max(0, size - int(match[2])), size - 1
        satisfiable = int(match[2]) > 0 and size > 0
    else:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < first:
            return None
        satisfiable = first < size
    if not satisfiable:
        raise RangeUnsatisfiable(f"{header} of {size} bytes", size=size)
    return first, last


def disposition(name: str, inline: bool) -> str:
    """`Content-Disposition` with an ASCII name and the true one (RFC 6266)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^\w .()-]", "_", plain).strip() or "file"
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def serve(request: Request, store: ObjectStore, file: ArtifactFile, name: str, download: bool = False) -> Response:
    """The object, or the part of it that was asked for, as `name`. Raises `RangeUnsatisfiable`."""
    safe = file.content_type.partition(";")[0] in INLINE
    tag = f'"{file.sha256}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": FOREVER,
        "Content-Disposition": disposition(name, safe and not download),
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    header = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    span = byte_range(header, file.size) if request.method == "GET" else None
    first, last = span or (0, file.size - 1)
    headers["Content-Length"] = str(last - first + 1)
    if span is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    media_type = file.content_type if safe else "application/octet-stream"
    if request.method == "HEAD":
        return Response(None, 200, headers, media_type)
    return StreamingResponse(
        store.stream(file.key, first, last + 1), 206 if span is not None else 200, headers, media_type
    )


def unchanged_or(request: Request, data: bytes) -> Response:
    """JSON that may be kept and asked for again: 304 where `If-None-Match` names what it still is (RFC 9110, 13.1)."""
    tag = f'"{hashlib.blake2b(data, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(data, 200, headers, "application/json")
