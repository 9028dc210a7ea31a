"""`Idempotency-Key`: the same key and request give the first answer again, and do nothing twice.

A key is claimed before its effect and answered after it. A claim whose answer never came (the process died between
the two) is never run again on its own: the caller looks and uses another key.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from control.api.access import Caller
from control.api.context import Context
from control.db import Value
from control.errors import BadRequest, Busy, KeyReused, StudioError

KEY = re.compile(r"[!-~]{1,200}")
KEPT_MS = 86_400_000
REPLAYED = {"Idempotency-Replayed": "true"}
CLAIM = (
    "INSERT INTO idem(token,route,key,hash,status,response,created_at) VALUES(:token,:route,:key,:hash,0,'',:now) "
    "ON CONFLICT DO NOTHING RETURNING key"
)
RELEASE = "DELETE FROM idem WHERE token=:token AND route=:route AND key=:key"
ANSWER = "UPDATE idem SET status=:status,response=:response WHERE token=:token AND route=:route AND key=:key"
LOOK = "SELECT hash,status,response FROM idem WHERE token=:token AND route=:route AND key=:key"


def request_hash(request: Request, body: bytes) -> str:
    """What makes two requests the same: body, its type, the query and the stated revision."""
    parts = (
        request.url.query.encode(),
        request.headers.get("content-type", "").encode(),
        request.headers.get("if-match", "").encode(),
        body,
    )
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


async def once(
    request: Request, context: Context, caller: Caller, body: bytes, act: Callable[[], Awaitable[Response]]
) -> Response:
    """`act`'s answer, or the one it gave the first time.

    Raises `KeyReused` for another request under the key, `Busy` while (or if for ever) the first has no answer.
    """
    key = request.headers["idempotency-key"]
    if KEY.fullmatch(key) is None:
        raise BadRequest("Idempotency-Key is 1 to 200 visible ASCII characters")
    name: dict[str, Value] = {"token": caller.key, "route": f"{request.method} {request.url.path}", "key": key}
    digest = request_hash(request, body)
    now = context.clock()
    _, claim = await context.db.batch(
        [
            ("DELETE FROM idem WHERE created_at<:old", {"old": now - KEPT_MS}),
            (CLAIM, {**name, "hash": digest, "now": now}),
        ]
    )
    if not claim.rows:
        return await _again(context, name, digest)
    try:
        answer = await act()
    except StudioError:
        await context.db.batch([(RELEASE, name)])
        raise
    await _keep(context, name, answer)
    return answer


async def _keep(context: Context, name: dict[str, Value], answer: Response) -> None:
    kept = {"headers": dict(answer.headers), "body": bytes(answer.body).decode()}
    await context.db.batch([(ANSWER, {**name, "status": answer.status_code, "response": json.dumps(kept)})])


async def _again(context: Context, name: dict[str, Value], digest: str) -> Response:
    rows = await context.db.fetch(LOOK, name)
    if rows and rows[0]["hash"] != digest:
        raise KeyReused("send this request under a key of its own")
    if not rows or rows[0]["status"] == 0:
        raise Busy("the first request of this key has no answer yet; if it never comes, look and use another key")
    kept = json.loads(rows[0]["response"])
    return Response(kept["body"], rows[0]["status"], kept["headers"] | REPLAYED)
