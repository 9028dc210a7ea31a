"""Live events as server-sent events (WHATWG HTML, section 9.2)."""

import json
import re
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request

from control.api.context import Context
from control.api.hub import Signal
from control.api.operation import Call, Nothing, Operation, operation
from control.errors import BadRequest

PING_S = 15
SEND_TIMEOUT_S = 30.0


def since(request: Request) -> int | None:
    """`Last-Event-ID`, None without it. Raises `BadRequest`."""
    stated = request.headers.get("last-event-id", "")
    if not stated:
        return None
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


@operation("GET", "/events", scope="viewer", media_type="text/event-stream", tags=("events",))
async def watch(call: Call[Nothing, Nothing]) -> EventSourceResponse:
    """Everything that happens, live: `change`, and `reset` where Last-Event-ID is too old."""
    return stream(call.context, None, since(call.request))


@operation(
    "GET", "/films/{film}/events", scope="viewer", media_type="text/event-stream", errors=(404,), tags=("events",)
)
async def watch_film(call: Call[Nothing, Nothing]) -> EventSourceResponse:
    """What happens to a film, live: `change`, `progress` of running shots, and `reset`."""
    film = await call.context.studio.film(call.path("film"))
    return stream(call.context, film.id, since(call.request))


OPERATIONS: tuple[Operation, ...] = (watch, watch_film)
