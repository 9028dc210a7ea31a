"""The database on Cloudflare D1: Cloudflare's own HTTP API for one person, or the Worker in `d1_worker/` for more.

Both speak one wire: POST {"batch": [{"sql", "params"}, ...]}, answered by {"success", "errors", "result": [{"results",
"meta"}, ...]}; a batch is one transaction. Nothing that writes is ever sent again here: a batch without an answer may
have been committed (`DatabaseUncertain`), and its caller, who knows the guards in it, sends it again.

Limits and errors: https://developers.cloudflare.com/d1/platform/limits/ and
https://developers.cloudflare.com/d1/observability/debug-d1/.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

from control.db import Result, Row, Statement, Value
from control.db.allowance import Allowance, Rate
from control.db.dialect import numbered
from control.db.readings import Readings
from control.errors import DatabaseBusy, DatabaseError, DatabaseRefused, DatabaseUncertain, DatabaseUnreachable

API = "https://api.cloudflare.com"
API_RATE = Rate(per_s=3.0, burst=200)
"""Cloudflare blocks a user for 5 minutes after 1,200 requests in 5 minutes: 1,100 are ours, the rest is the dashboard's
(https://developers.cloudflare.com/fundamentals/api/reference/limits/).
"""
WORKER_RATE = Rate(per_s=1000.0, burst=1000)
API_PACE_S, WORKER_PACE_S = 2.0, 0.25
STATEMENTS = 100
"""Statements of one batch; the Worker refuses more."""
REQUEST_BYTES = 16_000_000
ANSWER_BYTES = 64_000_000
TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
CONNECTIONS = 6
"""A database runs one statement at a time: more would only queue there."""
RETRY_AFTER_S = 5.0
"""Where a refusal for now does not say how long."""
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_LOST = ("network connection lost", "to be reset", "code was updated", "transient issue", "client disconnected")
_BUSY = ("overloaded", "too many requests queued")
_READING = ("SELECT", "WITH", "EXPLAIN")


@dataclass(frozen=True)
class Target:
    """Where the wire is spoken. `pace_s`: the least time between two looks at an idle database that it can carry."""

    url: str
    token: str = field(repr=False)
    rate: Rate = WORKER_RATE
    pace_s: float = WORKER_PACE_S


def hosted(account: str, database: str, token: str, *, base: str = API) -> Target:
    """Cloudflare's HTTP API; the token needs the permission `D1 Edit`."""
    return Target(f"{base}/client/v4/accounts/{account}/d1/database/{database}/query", token, API_RATE, API_PACE_S)


def worker(base: str, token: str) -> Target:
    """The Worker in `d1_worker/`."""
    return Target(f"{base.rstrip('/')}/batch", token)


@dataclass
class Meter:
    """What was used since the database was opened; rows as D1 counts (and bills) them."""

    requests: int = 0
    statements: int = 0
    rows_read: int = 0
    rows_written: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


class D1Database:
    """A `Database` at `target`."""

    def __init__(
        self, target: Target, *, timeout: httpx2.Timeout = TIMEOUT, allowance: Allowance | None = None
    ) -> None:
        self.meter = Meter()
        self.target = target
        self._allowance = allowance or Allowance(target.rate)
        self._closed = False
        self._readings = Readings(self._ask)
        url = httpx2.URL(target.url)
        self._name = f"the database at {url.scheme}://{url.netloc.decode()}"
        self._http = httpx2.AsyncClient(
            timeout=timeout,
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            headers={"Authorization": f"Bearer {target.token}", "Content-Type": "application/json"},
            follow_redirects=False,
            trust_env=url.host not in ("127.0.0.1", "localhost", "::1"),
        )

    async def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Rows of one reading statement. A reading that got no answer is sent once more."""
        if not sql.lstrip().upper().startswith(_READING):
            raise DatabaseError(f"attempt to write a readonly database: {sql.strip()[:40]!r} is no reading")
        return await self._readings.rows((sql, params or {}))

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """All statements or none, in order; durable when it returns."""
        return await self._ask(statements)

    async def close(self) -> None:
        """Let go of connections."""
        self._closed = True
        await self._readings.close()
        await self._http.aclose()

    async def _ask(self, statements: Sequence[Statement]) -> list[Result]:
        if self._closed:
            raise DatabaseError(f"{self._name} has been closed")
        if not statements:
            return []
        if len(statements) > STATEMENTS:
            raise DatabaseRefused(f"a batch has {len(statements)} statements; {self._name} takes {STATEMENTS}")
        body = _body(statements)
        status, headers, data = await self._send(body)
        self.meter.requests += 1
        self.meter.statements += len(statements)
        self.meter.bytes_sent += len(body)
        self.meter.bytes_received += len(data)
        return self._results(status, headers, data, len(statements))

    async def _send(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        await self._allowance.take()
        data = bytearray()
        try:
            async with self._http.stream("POST", self.target.url, content=body) as answer:
                async for chunk in answer.aiter_bytes():
                    data += chunk
                    if len(data) > ANSWER_BYTES:
                        raise DatabaseUncertain(f"{self._name} answered with more than {ANSWER_BYTES} bytes")
        except _UNSENT as error:
            raise DatabaseUnreachable(f"{self._name} cannot be reached: {_why(error)}") from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise DatabaseUncertain(f"{self._name} gave no answer: {_why(error)}") from error
        return answer.status_code, answer.headers, bytes(data)

    def _results(self, status: int, headers: Mapping[str, str], data: bytes, count: int) -> list[Result]:
        try:
            answer = _Answer.model_validate_json(data)
        except ValidationError:
            answer = _Answer(success=False)
        if status != 200 or not answer.success:
            raise self._refusal(status, headers, answer)
        if len(answer.result or ()) != count:
            raise DatabaseUncertain(f"{self._name} answered {count} statements with something else")
        return [self._result(found) for found in answer.result or ()]

    def _result(self, found: "_Found") -> Result:
        self.meter.rows_read += found.meta.rows_read
        self.meter.rows_written += found.meta.rows_written
        return Result(tuple(found.results), found.meta.changes)

    def _refusal(self, status: int, headers: Mapping[str, str], answer: "_Answer") -> DatabaseError:
        said = "; ".join(error.message for error in answer.errors)[:500]
        detail = f"{self._name} failed: {said or f'HTTP {status}'}"
        if status == 429:
            return self._busy(detail, headers.get("retry-after", ""))
        if any(word in said.lower() for word in _LOST):
            return DatabaseUncertain(detail)
        if any(word in said.lower() for word in _BUSY):
            return self._busy(detail, "")
        if status >= 500 or not said:
            redirected = "it redirects, which is not followed" if 300 <= status < 400 else ""
            return DatabaseRefused(f"{detail} {redirected}") if 300 <= status < 500 else DatabaseUncertain(detail)
        if status in (401, 403, 404, 413):
            return DatabaseRefused(f"{detail}; check its address, its id and the token")
        return DatabaseError(detail)

    def _busy(self, detail: str, after: str) -> DatabaseBusy:
        seconds = float(after) if after.isdigit() else RETRY_AFTER_S
        self._allowance.rest(seconds)
        return DatabaseBusy(f"{detail}; try again in {seconds:g} s", retry_after_s=seconds)


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Meta(_Lenient):
    changes: int = 0
    rows_read: int = 0
    rows_written: int = 0


class _Found(_Lenient):
    results: list[dict[str, Any]] = []
    meta: _Meta = _Meta()


class _Error(_Lenient):
    message: str = ""


class _Answer(_Lenient):
    success: bool
    errors: tuple[_Error, ...] = ()
    result: tuple[_Found, ...] | None = None


def _body(statements: Sequence[Statement]) -> bytes:
    """The wire's request. Raises `DatabaseRefused` beyond D1's limits."""
    batch = []
    for sql, params in statements:
        text, values = numbered(sql, params)
        batch.append({"sql": text, "params": values})
    try:
        body = json.dumps({"batch": batch}, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise DatabaseRefused(f"a parameter cannot be sent: {error}") from error
    if len(body) > REQUEST_BYTES:
        raise DatabaseRefused(f"a batch is larger than {REQUEST_BYTES} bytes")
    return body


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
