"""The Studio itself: engines, tokens, health."""

from importlib import metadata

from control.api.access import DAY_MS, hashed
from control.api.models import EngineInfo, Engines, Health, IssuedToken, NewToken, Tokens
from control.api.operation import Call, Nothing, Operation, Reply, operation
from functions import catalog


@operation("GET", "/health", scope=None, answer=Health, tags=("studio",))
async def health(call: Call[Nothing, Nothing]) -> Health:
    """Whether the Studio answers, and its version."""
    return Health(version=metadata.version("vivijure"))


@operation("GET", "/engines", scope="viewer", answer=Engines, tags=("studio",))
async def list_engines(call: Call[Nothing, Nothing]) -> Engines:
    """The engines of the catalog."""
    known = catalog.builtin()
    found = (EngineInfo(manifest=m, runs=bool(m.entry), commercial=m.commercial) for m in known.engines.values())
    return Engines(catalog=known.sha256, engines=tuple(found))


@operation("GET", "/tokens", scope="owner", answer=Tokens, tags=("studio",))
async def list_tokens(call: Call[Nothing, Nothing]) -> Tokens:
    """List bearer tokens."""
    return Tokens(tokens=await call.context.access.tokens())


@operation(
    "POST",
    "/tokens",
    scope="owner",
    body=NewToken,
    answer=IssuedToken,
    status=201,
    tags=("studio",),
    replayed=False,
)
async def create_token(call: Call[NewToken, Nothing]) -> Reply:
    """Issue a bearer token; it is shown this once."""
    wanted = call.body
    lasts = None if wanted.days is None else wanted.days * DAY_MS
    secret = await call.context.access.issue("bearer", wanted.name, wanted.scope, lasts)
    return Reply(IssuedToken(id=hashed(secret)[:16], name=wanted.name, scope=wanted.scope, token=secret))


@operation("DELETE", "/tokens/{token}", scope="owner", status=204, errors=(404,), tags=("studio",))
async def revoke_token(call: Call[Nothing, Nothing]) -> Reply:
    """Revoke a bearer token."""
    await call.context.access.revoke(call.path("token"))
    return Reply()


OPERATIONS: tuple[Operation, ...] = (health, list_engines, list_tokens, create_token, revoke_token)
