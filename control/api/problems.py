"""Every error leaves as RFC 9457 problem details (`application/problem+json`), one shape everywhere."""

import logging

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from control import errors
from control.errors import StudioError
from control.graph.model import Problem

log = logging.getLogger("vivijure.http")
MEDIA_TYPE = "application/problem+json"


class ProblemDetails(BaseModel):
    """What went wrong: RFC 9457, with a stable `code` and, where parts of the request are wrong, `errors`."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    code: str
    detail: str | None = None
    instance: str | None = None
    errors: tuple[Problem, ...] = ()


def dotted(loc: tuple[int | str, ...]) -> str:
    """A pydantic location as a path: `ops[0].shot`."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def invalid(error: ValidationError) -> StudioError:
    """The request's own validation errors. JSON that cannot be read is a `BadRequest`."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return errors.BadRequest(f"the body is not JSON: {first['msg']}")
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return errors.Invalid(
        problems=[
            Problem(severity="error", path=dotted(e["loc"]), message=e["msg"].removeprefix("Value error, "))
            for e in found
        ]
    )


HTTP: dict[int, type[StudioError]] = {
    400: errors.BadRequest,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
}
"""Starlette's own refusals as ours."""


def response(error: StudioError, request: Request, headers: dict[str, str] | None = None) -> Response:
    """The answer that carries this error."""
    body = errors.problem(error, instance=request.url.path)
    extra = dict(headers or {})
    if isinstance(error, errors.Unauthenticated):
        extra["WWW-Authenticate"] = 'Bearer realm="vivijure"'
    if isinstance(error, errors.TooLarge):
        extra["Connection"] = "close"  # the rest of the body is not read
    if isinstance(error, errors.RangeUnsatisfiable):
        extra["Content-Range"] = f"bytes */{error.fields['size']}"
    return JSONResponse(body, error.status, extra, MEDIA_TYPE)


def typed(error: Exception, request: Request) -> StudioError:
    """Any exception as one of ours. A defect is logged whole and told to nobody."""
    if isinstance(error, StudioError):
        return error
    if isinstance(error, HTTPException):
        detail = f"{request.method} {request.url.path}" if error.status_code in (404, 405) else str(error.detail)
        return HTTP.get(error.status_code, errors.BadRequest)(detail)
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return StudioError("The Studio's log says more.")
