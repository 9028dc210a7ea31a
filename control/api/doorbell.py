"""The route of doorbells: the Studio looks at a job soon, and says nothing."""

import hmac

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.api.context import context_of
from control.doors.doorbell import mac


async def ring(request: Request) -> Response:
    """Look at a job soon. The body is not read, and the answer never says whether the address was right."""
    context = context_of(request)
    job_id, given = request.path_params["job"], request.path_params["mac"]
    right = hmac.compare_digest(mac(context.doorbell_key, job_id).encode(), given.encode())
    if right and context.ringer.may(job_id, context.clock()):
        await context.studio.ring(job_id)
    return Response(None, 204)


ROUTE = Route("/doorbell/{job}/{mac}", ring, methods=["POST"])
