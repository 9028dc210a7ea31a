"""Live events as server-sent events (WHATWG HTML, section 9.2)."""

import json
import re
from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request

from control.api.context import Context
from control.api.hub import Signal
from control.api.operation import Call, Nothing, Operation, operation
from control.errors import BadRequest
from functions.contract.base import Strict

PING_S = 15
SEND_TIMEOUT_S = 30.0


class EventQuery(Strict):
    """Where to begin: after the event `after`, from now on without it. `Last-Event-ID` goes before it."""

    after: Annotated[int, Field(ge=0, lt=2**53)] | None = None


def since(request: Request, after: int | None) -> int | None:
    """`Last-Event-ID`, else `after`. Raises `BadRequest`."""
    stated = request.headers.get("last-event-id", "")
    if not stated:
        return after
    if re.fullmatch(r"\d{1,18}", stated) is None:
        raise BadRequest("Last-Event-ID is the id of an event: a number")
    return int(stated)


def sent(signal: Signal) -> ServerSentEvent:
    """A signal on the wire. `progress` has no id: nobody needs to come back to it."""
    seq = None if signal.seq is None else str(signal.seq)
    return ServerSentEvent(json.dumps(dict(signal.data)), event=signal.kind, id=seq)


def stream(context: Context, film_id: str | None, after: int | None) -> EventSourceResponse:
    """The events of a film, or of all with None."""

    async def events() -> AsyncIterator[ServerSentEvent]:
        async with context.hub.listen(film_id, after) as signals:
            yield ServerSentEvent(comment="listening", retry=1000)
            async for signal in signals:
                yield sent(signal)

    return EventSourceResponse(events(), ping=PING_S, send_timeout=SEND_TIMEOUT_S)


@operation("GET", "/events", scope="viewer", query=EventQuery, media_type="text/event-stream", tags=("events",))
async def watch(call: Call[Nothing, EventQuery]) -> EventSourceResponse:
    """Everything that happens, live: `change`, and `reset` where Last-Event-ID is too old."""
    return stream(call.context, None, since(call.request, call.query.after))


@operation(
    "GET",
    "/films/{film}/events",
    scope="viewer",
    query=EventQuery,
    media_type="text/event-stream",
    errors=(404,),
    tags=("events",),
)
async def watch_film(call: Call[Nothing, EventQuery]) -> EventSourceResponse:
    """What happens to a film, live: `change`, `progress` of running shots, and `reset`."""
    film = await call.context.studio.film(call.path("film"))
    return stream(call.context, film.id, since(call.request, call.query.after))


OPERATIONS: tuple[Operation, ...] = (watch, watch_film)
