"""One client for every door: RunPod's serverless API under `/v2/<endpoint>`.

What an error of `run` means is what matters here: `DoorUnreachable` and `DoorRefused` say that nothing was accepted,
`OutcomeUnknown` that it may have been. Redirects are refused and answers are read up to a cap.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx2
from pydantic import ValidationError

from control.doors.network import CheckedTransport, Network
from control.errors import DoorError, DoorRefused, DoorUnreachable, OutcomeUnknown
from functions.contract.errors import WireError
from functions.contract.job import DoorStatus, JobRequest

ANSWER_LIMIT = 1_000_000
"""Bytes of an answer that are read; more is refused."""
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
BUSY = (408, 425, 429)
"""HTTP statuses that refuse for now: the request itself is not at fault."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door says of a job: None where it knows none of this id. `instance` names the queue that answers."""

    status: DoorStatus | None
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a door is now, and the bearer token it wants."""

    base: str
    token: str = field(repr=False)


class _Useless(DoorError):
    """An answer that cannot be read."""


class DoorClient:
    """Speaks to the door at `address()`, which is asked at each request; None while the door is starting."""

    def __init__(
        self, address: Callable[[], Address | None], network: Network, *, timeout: httpx2.Timeout = TIMEOUT
    ) -> None:
        self._address, self._network, self._timeout = address, network, timeout

    @cached_property
    def _http(self) -> httpx2.AsyncClient:
        """Made at the first request: it reads the certificates of all authorities."""
        transport = CheckedTransport(self._network)
        return httpx2.AsyncClient(transport=transport, timeout=self._timeout, follow_redirects=False, trust_env=False)

    @property
    def base(self) -> str:
        """Where the door is, for messages."""
        address = self._address()
        return "(starting)" if address is None else address.base

    async def run(self, request: JobRequest) -> Answer:
        """Submit a signed job. Raises `DoorUnreachable`, `DoorRefused` or `OutcomeUnknown` (see the module)."""
        body = json.dumps({"input": request.wire()}).encode()
        try:
            status, data = await self._send("POST", f"/v2/{request.engine}/run", body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise DoorUnreachable(f"the door at {self.base} cannot be reached: {_why(error)}") from error
        except (httpx2.TransportError, _Useless) as error:
            raise OutcomeUnknown(f"the door at {self.base} gave no answer to a job: {_why(error)}") from error
        if status >= 500:
            raise OutcomeUnknown(f"the door at {self.base} failed with {status} on a job")
        if status >= 300:
            raise _refusal(self.base, status, data)
        answer = _answer(data)
        if answer is None:
            raise OutcomeUnknown(f"the door at {self.base} answered a job with something that is no job status")
        return answer

    async def status(self, engine: str, handle: str) -> Answer:
        """Where a job is. Raises `DoorUnreachable` for no answer, `DoorError` for a useless one."""
        return await self._ask("GET", f"/v2/{engine}/status/{handle}")

    async def cancel(self, engine: str, handle: str) -> Answer:
        """Ask for its end. Raises as `status`."""
        return await self._ask("POST", f"/v2/{engine}/cancel/{handle}")

    async def health(self, engine: str) -> dict[str, Any]:
        """Counts of jobs and workers, as the door gives them. Raises as `status`."""
        return await self._fetch("GET", f"/v2/{engine}/health")

    async def close(self) -> None:
        """Close pooled connections."""
        if "_http" in self.__dict__:
            await self._http.aclose()

    async def _ask(self, method: str, path: str) -> Answer:
        try:
            answer = _answer(await self._fetch(method, path))
        except DoorRefused as error:
            if error.fields["http"] != 404:
                raise
            return Answer(None, error.fields["instance"])
        if answer is None:
            raise DoorError(f"the door at {self.base} answered with something that is no job status")
        return answer

    async def _fetch(self, method: str, path: str) -> dict[str, Any]:
        try:
            status, data = await self._send(method, path, None)
        except httpx2.TransportError as error:
            raise DoorUnreachable(f"the door at {self.base} gives no answer: {_why(error)}") from error
        if status >= 500:
            raise DoorError(f"the door at {self.base} failed with {status}")
        if status >= 300:
            raise _refusal(self.base, status, data)
        return data

    async def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, dict[str, Any]]:
        address = self._address()
        if address is None:
            raise DoorUnreachable("the door is starting")
        headers = {"Authorization": f"Bearer {address.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with self._http.stream(method, address.base + path, content=body, headers=headers) as answer:
            data = bytearray()
            async for chunk in answer.aiter_bytes():
                data += chunk
                if len(data) > ANSWER_LIMIT:
                    raise _Useless(f"the door at {self.base} answered with more than {ANSWER_LIMIT} bytes")
        return answer.status_code, _object(bytes(data))


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _answer(data: dict[str, Any]) -> Answer | None:
    try:
        status = DoorStatus.model_validate(data)
    except ValidationError:
        return None
    return Answer(status, _instance(data))


def _instance(data: dict[str, Any]) -> str | None:
    found = data.get("instance")
    return found if isinstance(found, str) else None


def _refusal(base: str, status: int, data: dict[str, Any]) -> DoorRefused:
    """Fields: `http` status, `code`, `retryable`, `instance`."""
    try:
        error = WireError.model_validate(data.get("error"))
    except ValidationError:
        why = "redirects, which is not followed" if status < 400 else f"refused with {status}"
        error = WireError(code="door_refused", message=why)
    return DoorRefused(
        f"the door at {base}: {error.message}",
        http=status,
        code=error.code,
        retryable=error.retryable or status in BUSY,
        instance=_instance(data),
    )


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
