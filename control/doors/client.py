"""One client for every door: RunPod's serverless API under `/v2/<endpoint>`.

What an error of `run` means is what matters here: `DoorUnreachable` and `DoorRefused` say that nothing was accepted,
`OutcomeUnknown` that it may have been. Redirects are refused, answers are read up to a cap and a time.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx2
from pydantic import ValidationError

from control.doors.limits import BUSY_MS, Gate, Verb, retry_ms
from control.doors.network import CheckedTransport, Network
from control.errors import DoorError, DoorRefused, DoorUnreachable, OutcomeUnknown
from functions.contract.errors import WireError
from functions.contract.job import DoorStatus, JobRequest

ANSWER_LIMIT = 1_000_000
"""Bytes of an answer that are read; more is refused."""
ANSWER_S = 60.0
"""How long a whole request may take: an answer that trickles for ever ends here."""
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
BUSY = (408, 425, 429)
"""HTTP statuses that refuse for now: the request itself is not at fault."""
HANDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""Ids that a door may give jobs: they become part of addresses."""
POLICY_MS = (10_000, 604_800_000)
"""Least and most of RunPod's `ttl`; its `executionTimeout` may be 5 s."""
DESCRIBE_S = 120
"""How long a worker may take to say what it is."""
FRESH_MS = 60_000
"""How long an endpoint counts as able to work once it was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door says of a job: None where it knows none of this id. `instance` names the queue that answers."""

    status: DoorStatus | None
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a door is now, and the bearer token it wants; with `key` they are the pair that a proxy wants."""

    base: str
    token: str = field(repr=False)
    key: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What shows that a request is ours."""
        if self.key:
            return {"Modal-Key": self.key, "Modal-Secret": self.token}
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Manners:
    """How this door differs from others: the endpoint of each engine where it is not the engine's name, whether `run`
    takes a policy and a webhook, where the scaling of an endpoint is told, and how often it may be asked.
    """

    endpoints: Mapping[str, str] = field(default_factory=dict)
    policy: bool = False
    management: str = ""
    gates: Sequence[Gate] = ()
    broken: str = ""
    """Why nothing can be sent at all, such as a secret that cannot be read."""


class _Useless(DoorError):
    """An answer that cannot be read."""


@dataclass(frozen=True)
class _Reply:
    status: int
    body: dict[str, Any] | None
    """None for what is no JSON object."""
    retry: int | None = None


def _epoch() -> int:
    return 0


class DoorClient:
    """Speaks to the door at `address()`, which is asked at each request; None while the door is starting.

    `clock` gives milliseconds since the epoch; it is asked only where `manners` need it.
    """

    def __init__(
        self,
        address: Callable[[], Address | None],
        network: Network,
        *,
        timeout: httpx2.Timeout = TIMEOUT,
        answer_s: float = ANSWER_S,
        manners: Manners | None = None,
        clock: Callable[[], int] = _epoch,
    ) -> None:
        self._address, self._network, self._timeout, self._answer_s = address, network, timeout, answer_s
        self._manners, self._clock = manners or Manners(), clock
        self._able: dict[str, int] = {}

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
        return await self._submit(request.engine, {"input": request.wire(), **self._policy(request)})

    async def run_describe(self, engine: str) -> Answer:
        """Submit the job that describes an engine, where the provider has no other way. Raises as `run`."""
        policy = {"policy": {"executionTimeout": DESCRIBE_S * 1000, "ttl": 900_000}} if self._manners.policy else {}
        return await self._submit(engine, {"input": {"describe": engine}, **policy})

    async def status(self, engine: str, handle: str) -> Answer:
        """Where a job is. Raises `DoorUnreachable` for no answer, `DoorError` for a useless one."""
        return await self._ask("GET", "status", engine, handle)

    async def cancel(self, engine: str, handle: str) -> Answer:
        """Ask for its end. Raises as `status`."""
        return await self._ask("POST", "cancel", engine, handle)

    async def health(self, engine: str) -> dict[str, Any]:
        """Counts of jobs and workers, as the door gives them. Raises as `status`."""
        return await self._fetch("GET", f"{self._root(engine)}/health")

    async def describe(self, engine: str) -> dict[str, Any]:
        """What the door says of an engine. Raises as `status`."""
        return await self._fetch("GET", f"{self._root(engine)}/describe")

    async def able(self, engine: str) -> None:
        """Make sure that the engine's endpoint may start workers, where that can be asked: what is sent to one that was
        scaled to nothing waits for ever. Raises `DoorError`.
        """
        if not self._manners.management or self._clock() < self._able.get(engine, 0):
            return
        endpoint = self._manners.endpoints.get(engine, engine)
        workers = (await self._managed(engine)).get("workers")
        most = workers.get("max") if isinstance(workers, dict) else None
        if most == 0:
            raise DoorRefused(
                f"the endpoint {endpoint} may start no worker, so a job would wait for ever: its max workers is 0, as "
                "after a week without jobs; raise it in the provider's console",
                http=200, code="scaled_to_zero", retryable=True, instance=None,
            )  # fmt: skip
        self._able[engine] = self._clock() + FRESH_MS

    async def image(self, engine: str) -> str:
        """The image that the engine's endpoint starts, empty where that cannot be asked. Raises as `status`."""
        found = (await self._managed(engine)).get("image") if self._manners.management else None
        return found[:300] if isinstance(found, str) else ""

    async def _managed(self, engine: str) -> dict[str, Any]:
        """An endpoint as its management tells of it, nothing for a key that is for its jobs alone."""
        endpoint = self._manners.endpoints.get(engine, engine)
        try:
            return await self._fetch("GET", f"/v2/serverless/{endpoint}", base=self._manners.management)
        except DoorRefused as error:
            if error.fields["http"] not in (401, 403):
                raise
            return {}

    async def close(self) -> None:
        """Close pooled connections."""
        if "_http" in self.__dict__:
            await self._http.aclose()

    # submitting ----------------------------------------------------------------------------------------------------

    async def _submit(self, engine: str, body: Mapping[str, Any]) -> Answer:
        path = f"{self._root(engine)}/run"
        try:
            reply = await self._send("POST", path, json.dumps(body).encode(), verb="run")
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise DoorUnreachable(f"the door at {self.base} cannot be reached: {_why(error)}") from error
        except (httpx2.TransportError, _Useless) as error:
            raise OutcomeUnknown(f"the door at {self.base} gave no answer to a job: {_why(error)}") from error
        if reply.status >= 500:
            raise OutcomeUnknown(f"the door at {self.base} failed with {reply.status} on a job")
        if reply.status >= 300:
            raise self._refusal(reply)
        answer = _answer(reply.body)
        if answer is None:
            raise OutcomeUnknown(f"the door at {self.base} answered a job with something that is no job status")
        return answer

    def _policy(self, request: JobRequest) -> dict[str, Any]:
        """Limits that end a job at the provider when it ends here, and where it may ring."""
        if not self._manners.policy:
            return {}
        run_ms = request.deadline_s * 1000
        left = request.start_by - self._clock() + run_ms * request.executions
        policy = {"executionTimeout": min(run_ms, POLICY_MS[1]), "ttl": min(max(left, POLICY_MS[0]), POLICY_MS[1])}
        return {"policy": policy} if request.callback is None else {"policy": policy, "webhook": request.callback}

    # asking --------------------------------------------------------------------------------------------------------

    async def _ask(self, method: str, verb: Verb, engine: str, handle: str) -> Answer:
        if HANDLE.fullmatch(handle) is None:
            raise DoorError(f"the door at {self.base} gave a job an id that cannot be asked for")
        try:
            answer = _answer(await self._fetch(method, f"{self._root(engine)}/{verb}/{handle}", verb=verb))
        except DoorRefused as error:
            if error.fields["http"] != 404:
                raise
            return Answer(None, error.fields["instance"])
        if answer is None or answer.status is None:
            raise DoorError(f"the door at {self.base} answered with something that is no job status")
        if answer.status.id != handle:
            raise DoorError(f"the door at {self.base} was asked for one job and answered with another")
        return answer

    async def _fetch(self, method: str, path: str, *, verb: Verb = "other", base: str = "") -> dict[str, Any]:
        where = base or self.base
        try:
            reply = await self._send(method, path, None, verb=verb, base=base)
        except httpx2.TransportError as error:
            raise DoorUnreachable(f"the door at {where} gives no answer: {_why(error)}") from error
        if reply.status >= 500:
            raise DoorError(f"the door at {where} failed with {reply.status}")
        if reply.status >= 300:
            raise self._refusal(reply, base)
        if reply.body is None:
            raise DoorError(f"{where} answers with something that is no JSON; is this the address of a door?")
        return reply.body

    # the wire ------------------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Awaited before each request. Raises `DoorUnreachable`."""

    async def _send(self, method: str, path: str, body: bytes | None, *, verb: Verb, base: str = "") -> _Reply:
        if self._manners.broken:
            raise DoorUnreachable(self._manners.broken, lasting=True)
        await self._prepare()
        address = self._address()
        if address is None:
            raise DoorUnreachable("the door is starting", starting=True)
        self._admit(verb)
        headers = {**address.headers, "Accept-Encoding": "identity"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with asyncio.timeout(self._answer_s):
                return await self._exchange(method, (base or address.base) + path, body, headers, verb)
        except TimeoutError as error:
            raise httpx2.ReadTimeout(f"the answer took longer than {self._answer_s:g} s") from error

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], verb: Verb
    ) -> _Reply:
        async with self._http.stream(method, url, content=body, headers=dict(headers)) as answer:
            data = bytearray()
            async for chunk in answer.aiter_raw():
                data += chunk
                if len(data) > ANSWER_LIMIT:
                    raise _Useless(f"the door at {self.base} answered with more than {ANSWER_LIMIT} bytes")
        wait = retry_ms(answer.headers.get("retry-after"), self._clock())
        if answer.status_code in (429, 503):
            for gate in self._manners.gates:
                gate.pause(verb, self._clock() + (BUSY_MS if wait is None else wait))
        return _Reply(answer.status_code, _object(bytes(data)), wait)

    def _admit(self, verb: Verb) -> None:
        """Count a request. Raises `DoorRefused`, with nothing sent, where it would be one too many."""
        now = self._clock()
        wait = max((gate.wait_ms(verb, now) for gate in self._manners.gates), default=0)
        if wait > 0:
            raise DoorRefused(
                f"the door at {self.base} is asked as often as it allows; the next time in {wait / 1000:.1f} s",
                http=429, code="rate_limited", retryable=True, instance=None, retry_ms=wait, kept=True,
            )  # fmt: skip
        for gate in self._manners.gates:
            gate.take(verb, now)

    def _root(self, engine: str) -> str:
        return f"/v2/{self._manners.endpoints.get(engine, engine)}"

    def _refusal(self, reply: _Reply, base: str = "") -> DoorRefused:
        """Fields: `http` status, `code`, `retryable`, `instance`, `retry_ms` where the door says when."""
        body = reply.body or {}
        error = _error(body, reply.status)
        return DoorRefused(
            f"the door at {base or self.base}: {error.message}",
            http=reply.status,
            code=error.code,
            retryable=error.retryable or reply.status in BUSY,
            instance=_instance(body),
            retry_ms=reply.retry,
        )


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _answer(data: dict[str, Any] | None) -> Answer | None:
    try:
        status = DoorStatus.model_validate(data)
    except ValidationError:
        return None
    return Answer(status, _instance(data or {})) if HANDLE.fullmatch(status.id) else None


def _instance(data: Mapping[str, Any]) -> str | None:
    found = data.get("instance")
    return found[:200] if isinstance(found, str) else None


def _error(body: Mapping[str, Any], status: int) -> WireError:
    """What the door says of its refusal, in whichever form."""
    said = body.get("error")
    try:
        return WireError.model_validate(said)
    except ValidationError:
        pass
    if status < 400:
        return WireError(code="door_refused", message="redirects, which is not followed")
    if status in (401, 403):
        return WireError(code="unauthorized", message=f"refused our key with {status}; store the right one")
    told = f": {said[:200]}" if isinstance(said, str) and said else ""
    return WireError(code="door_refused", message=f"refused with {status}{told}")


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
