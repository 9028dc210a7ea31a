"""Operations of the JSON API: one declaration each, from which routes, checks and OpenAPI are made."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.api import bodies, problems
from control.api.access import Caller, TokenScope
from control.api.auth import allow, check_forgery
from control.api.context import Context, context_of
from control.api.idempotency import once
from control.errors import BadRequest, PreconditionRequired
from functions.contract.base import Strict

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
ETAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')


class Nothing(Strict):
    """No body, or no query."""


B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)
Reader = Callable[[str], BaseModel]


@dataclass(frozen=True)
class Call(Generic[B, Q]):
    """One request, read and allowed."""

    context: Context
    caller: Caller
    request: Request
    body: B
    query: Q

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def base(self, stated: int | None) -> int:
        """The revision this write edits: `stated` in the body, else `If-Match`. Raises `PreconditionRequired`."""
        if stated is not None:
            return stated
        match = ETAG.fullmatch(self.request.headers.get("if-match", ""))
        if match is None:
            raise PreconditionRequired('send `base`, or If-Match: "N" with the revision you read')
        return int(match[1])


@dataclass(frozen=True)
class Reply:
    """An answer with a status or headers of its own."""

    content: BaseModel | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = BaseModel | Reply | Response
Handler = Callable[[Call[Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True)
class Operation:
    """What one method of one path takes and gives. `texts`: content types besides JSON and who reads them."""

    method: Method
    path: str
    name: str
    summary: str
    handler: Handler
    scope: TokenScope | None
    body: type[BaseModel] | None
    query: type[BaseModel]
    answer: type[BaseModel] | None
    media_type: str
    status: int
    errors: tuple[int, ...]
    tags: tuple[str, ...]
    texts: Mapping[str, Reader]
    raw: tuple[str, ...]
    based: bool
    replayed: bool

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    async def __call__(self, request: Request) -> Response:
        """Check, read, do, answer."""
        context = context_of(request)
        caller = await allow(request, context, self.scope)
        check_forgery(request, caller, request.headers.get("x-csrf-token"))
        query = self._query(request)
        data = b"" if self.body is None else await bodies.read(request, context.settings.body_mb * 1_000_000)
        call = Call(context, caller, request, self._body(request, data), query)
        if self.replayed and "idempotency-key" in request.headers:
            return await once(request, context, caller, data, lambda: self._answer(call))
        return await self._answer(call)

    async def _answer(self, call: Call[Any, Any]) -> Response:
        found = await self.handler(call)
        if isinstance(found, Response):
            return found
        reply = found if isinstance(found, Reply) else Reply(found)
        status = reply.status or self.status
        if reply.content is None:
            return Response(None, status, dict(reply.headers))
        return Response(reply.content.model_dump_json(), status, dict(reply.headers), "application/json")

    def _body(self, request: Request, data: bytes) -> BaseModel:
        if self.body is None:
            return Nothing()
        media = bodies.media_type(request)
        if media in self.texts:
            return self.texts[media](bodies.text(data))
        bodies.expect(media, ("application/json", *self.texts))
        return _valid(lambda: cast(type[BaseModel], self.body).model_validate_json(data))

    def _query(self, request: Request) -> BaseModel:
        pairs = dict(request.query_params)
        if len(pairs) != len(request.query_params.multi_items()):
            raise BadRequest("a query parameter is given twice")
        return _valid(lambda: self.query.model_validate_strings(pairs))


def _valid(make: Callable[[], BaseModel]) -> BaseModel:
    try:
        return make()
    except ValidationError as error:
        raise problems.invalid(error) from error


def operation(
    method: Method,
    path: str,
    *,
    scope: TokenScope | None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] = Nothing,
    answer: type[BaseModel] | None = None,
    media_type: str = "application/json",
    status: int = 200,
    errors: Sequence[int] = (),
    tags: Sequence[str] = (),
    texts: Mapping[str, Reader] | None = None,
    raw: Sequence[str] = (),
    based: bool = False,
    replayed: bool | None = None,
) -> Callable[[Handler], Operation]:
    """Declare a handler as an operation. Its docstring's first line is the summary.

    `raw`: content types that the handler reads from the request itself. `based`: takes `If-Match`.
    `replayed`: honours `Idempotency-Key`; every write does but those whose answer must not be kept.
    """

    def declare(handler: Handler) -> Operation:
        return Operation(
            method=method,
            path=path,
            name=handler.__name__,
            summary=(handler.__doc__ or handler.__name__).strip().splitlines()[0].rstrip("."),
            handler=handler,
            scope=scope,
            body=body,
            query=query,
            answer=answer,
            media_type=media_type,
            status=status,
            errors=tuple(errors),
            tags=tuple(tags),
            texts=texts or {},
            raw=tuple(raw),
            based=based,
            replayed=method != "GET" if replayed is None else replayed,
        )

    return declare


def routes(operations: Sequence[Operation]) -> list[Route]:
    """One route a path, so that a wrong method is told which ones there are."""
    by_path: dict[str, dict[str, Operation]] = {}
    for op in operations:
        by_path.setdefault(op.path, {})[op.method] = op
    return [_route(path, methods) for path, methods in by_path.items()]


def _route(path: str, methods: Mapping[str, Operation]) -> Route:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await methods[method](request)

    return Route(path, endpoint, methods=list(methods))
