"""What every door's HTTP API answers with, and how it reads."""

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from functions.contract.errors import ContractError, EngineMismatch, GrantRefused, KeyRefused, WireError, wire

BODY_LIMIT = 4_000_000
"""Bytes of the largest request that is read."""
STATUS: Mapping[type[ContractError], int] = {GrantRefused: 403, KeyRefused: 403, EngineMismatch: 409}


async def read_body(request: Request) -> bytes | None:
    """The body, None beyond the limit, empty where the client broke off."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def refusal(instance: str, status: int, code: str, message: str, *, retryable: bool = False) -> Response:
    """A refusal: nothing was accepted."""
    error = WireError(code=code, message=message, retryable=retryable)
    return JSONResponse({"error": error.model_dump(mode="json"), "instance": instance}, status_code=status)


def refused(instance: str, error: ContractError) -> Response:
    """The refusal of a request that must not run."""
    said = wire(error)
    return refusal(instance, STATUS.get(type(error), 400), said.code, said.message, retryable=said.retryable)


def too_large(instance: str) -> Response:
    """The refusal of a request that is not read to its end."""
    return refusal(instance, 413, "too_large", f"a request may have {BODY_LIMIT} bytes")
