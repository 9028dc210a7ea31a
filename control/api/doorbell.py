"""Doorbells: a door says that a job may have moved. The Studio only looks; nothing that the caller says is believed."""

import hashlib
import hmac

from nacl.signing import SigningKey
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.api.context import context_of

LABEL = b"vivijure doorbell"


def doorbell_key(key: SigningKey) -> bytes:
    """The key of doorbells, derived from the Studio's own by a label, so that neither stands for the other."""
    return hmac.new(bytes(key), LABEL, hashlib.sha256).digest()


def mac(key: bytes, job_id: str) -> str:
    """What a doorbell's address ends in: HMAC-SHA-256 over the job's id, 64 hexadecimal digits."""
    return hmac.new(key, job_id.encode(), hashlib.sha256).hexdigest()


async def ring(request: Request) -> Response:
    """Look at a job soon. The answer never says whether the address was right."""
    context = context_of(request)
    job_id = request.path_params["job"]
    if hmac.compare_digest(mac(context.doorbell_key, job_id).encode(), request.path_params["mac"].encode()):
        await context.studio.ring(job_id)
    return Response(None, 204)


ROUTE = Route("/doorbell/{job}/{mac}", ring, methods=["POST"])
