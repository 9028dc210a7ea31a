"""All operations of the API, and their description."""

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from control.api import costs, doorbell, doors, events, films, house, openapi, operation, renders, takes, uploads
from control.api.operation import Operation

PREFIX = "/api"
OPERATIONS: tuple[Operation, ...] = (
    *films.OPERATIONS,
    *renders.OPERATIONS,
    *takes.OPERATIONS,
    *uploads.OPERATIONS,
    *events.OPERATIONS,
    *costs.OPERATIONS,
    *doors.OPERATIONS,
    *house.OPERATIONS,
)


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document."""
    return openapi.document(OPERATIONS, PREFIX)


async def describe(request: Request) -> Response:
    """The OpenAPI document, open to all: it says nothing about this Studio."""
    return JSONResponse(description())


def routes() -> list[BaseRoute]:
    """Routes under the prefix."""
    return [*operation.routes(OPERATIONS), doorbell.ROUTE, Route("/openapi.json", describe)]
