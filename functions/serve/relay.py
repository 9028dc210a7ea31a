"""The door's API over a provider that runs calls: `/v2/<engine>/run`, `status/{id}`, `cancel/{id}`, `health`.

A job is claimed under its own id before it is called, so `run` may be sent again and a lost answer loses no job. Where
the relay ends between the claim and the call, the job is never called: its Studio sees that it did not begin in time.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.contract.canonical import digest
from functions.contract.errors import ContractError, EngineMismatch
from functions.contract.job import DoorStatus, JobRequest, JobResult
from functions.runtime.verify import Trust, check, parse
from functions.serve.answers import read_body, refusal, refused, too_large
from functions.serve.describe import describe
from functions.serve.queue import end_state

Handler = Callable[[Request], Awaitable[Response]]
Notes = dict[str, Any]


class Busy(Exception):
    """The provider takes no more calls for now; this one was not taken."""


@dataclass(frozen=True)
class Call:
    """Where a call is. `value` is what it returned, `reason` why it has nothing to return."""

    state: Literal["pending", "returned", "failed", "timed_out"]
    value: Notes | None = None
    reason: str = ""


class Provider(Protocol):
    """What a provider offers: calls, and a shared dictionary that outlives every process."""

    async def instance(self) -> str:
        """A name of the dictionary, another one whenever it was lost."""
        ...

    async def claim(self, key: str, value: Notes) -> bool:
        """Write a key that must not exist; False where it does."""
        ...

    async def read(self, key: str) -> Notes | None:
        """What lies under a key."""
        ...

    async def write(self, key: str, value: Notes) -> None:
        """Write or overwrite a key."""
        ...

    async def drop(self, key: str) -> None:
        """Forget a key."""
        ...

    async def call(self, engine: str, job_id: str, body: str) -> str:
        """Begin a call and return its id. Raises `Busy`; anything else means that it may have begun."""
        ...

    async def look(self, call_id: str) -> Call:
        """Where a call is."""
        ...

    async def cancel(self, call_id: str) -> None:
        """End a call."""
        ...

    async def load(self, engine: str) -> tuple[int, int]:
        """(calls that wait, workers that are up)."""
        ...


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Relay:
    """The routes of one door. `failures` are what the provider raises where it cannot be reached, or failed."""

    def __init__(self, provider: Provider, trust: Trust, failures: Sequence[type[Exception]]) -> None:
        self._provider, self._trust, self._failures = provider, trust, failures

    def app(self) -> Starlette:
        """The ASGI application."""
        base = "/v2/{engine}"
        return Starlette(
            routes=[
                Route("/health", self.alive),
                Route(f"{base}/run", self._known(self.run), methods=["POST"]),
                Route(f"{base}/status/{{id}}", self._known(self.status)),
                Route(f"{base}/cancel/{{id}}", self._known(self.cancel), methods=["POST"]),
                Route(f"{base}/health", self._known(self.health)),
                Route(f"{base}/describe", self._known(self.describe)),
            ],
            exception_handlers={
                404: self._no_route,
                405: self._no_route,
                **dict.fromkeys(self._failures, self._failed),
            },
        )

    async def _failed(self, request: Request, error: Exception) -> Response:
        """Whether anything was accepted is not known."""
        message = f"the provider failed at {request.method} {request.url.path}: {error}"
        return refusal("", 500, "provider_failed", message, retryable=True)

    async def _no_route(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return await self._refuse(status, "no_route", f"this door has no {request.method} {request.url.path}")

    def _known(self, handler: Handler) -> Handler:
        async def known(request: Request) -> Response:
            engine = request.path_params["engine"]
            if engine not in self._trust.catalog:
                return await self._refuse(404, "no_endpoint", f"this door has no engine {engine!r}")
            return await handler(request)

        return known

    async def alive(self, request: Request) -> Response:
        """Whether the door is up."""
        del request
        return JSONResponse({"status": "ok", "instance": await self._provider.instance()})

    async def run(self, request: Request) -> Response:
        """Accept a job, once for each job id."""
        engine, instance = request.path_params["engine"], await self._provider.instance()
        body = await read_body(request)
        if body is None:
            return too_large(instance)
        try:
            job = parse(body).input
            if job.engine != engine:
                raise EngineMismatch(f"the job is for {job.engine}, this endpoint is {engine}")
            if (known := await self._provider.read(job.job_id)) is not None:
                return await self._again(job, known)
            await asyncio.to_thread(check, job, self._trust, now_ms=now_ms())
        except ContractError as error:
            return refused(instance, error)
        return await self._call(job, body)

    async def _call(self, job: JobRequest, body: bytes) -> Response:
        claim: Notes = {"engine": job.engine, "digest": digest(job.wire()), "at": now_ms()}
        if not await self._provider.claim(job.job_id, claim):
            return await self._again(job, await self._provider.read(job.job_id) or claim)
        try:
            call_id = await self._provider.call(job.engine, job.job_id, body.decode())
        except Busy as error:
            await self._provider.drop(job.job_id)
            return await self._refuse(429, "busy", str(error), retryable=True)
        await self._provider.write(call_key(job.job_id), {"id": call_id})
        return await self._answer(job.job_id, claim)

    async def _again(self, job: JobRequest, known: Notes) -> Response:
        if digest(job.wire()) != known["digest"]:
            return await self._refuse(409, "job_exists", f"job {job.job_id} was accepted with another request")
        return await self._answer(job.job_id, known)

    async def status(self, request: Request) -> Response:
        """Where a job is; `output` holds its progress, then its result."""
        job_id, known = await self._find(request)
        return await (self._unknown(job_id) if known is None else self._answer(job_id, known))

    async def cancel(self, request: Request) -> Response:
        """Cancel a job; asking twice is harmless."""
        job_id, known = await self._find(request)
        if known is None:
            return await self._unknown(job_id)
        await self._provider.write(cancel_key(job_id), {"at": now_ms()})
        if (call := await self._provider.read(call_key(job_id))) is not None:
            await self._provider.cancel(call["id"])
        return await self._answer(job_id, known)

    async def health(self, request: Request) -> Response:
        """RunPod's counts for one endpoint, as far as the provider tells them."""
        waiting, workers = await self._provider.load(request.path_params["engine"])
        jobs = {"completed": 0, "failed": 0, "inProgress": 0, "inQueue": waiting, "retried": 0}
        running = {"idle": 0, "running": workers, "initializing": 0, "throttled": 0, "unhealthy": 0}
        return JSONResponse({"jobs": jobs, "workers": running, "instance": await self._provider.instance()})

    async def describe(self, request: Request) -> Response:
        """The manifest of the engine and the contracts that this door speaks."""
        told = describe(self._trust, request.path_params["engine"])
        return JSONResponse({**told, "instance": await self._provider.instance()})

    async def _find(self, request: Request) -> tuple[str, Notes | None]:
        job_id = request.path_params["id"]
        known = await self._provider.read(job_id)
        mine = known is not None and known.get("engine") == request.path_params["engine"]
        return job_id, known if mine else None

    async def _answer(self, job_id: str, known: Notes) -> Response:
        keys = (call_key(job_id), cancel_key(job_id), progress_key(job_id))
        call, cancel, progress = await asyncio.gather(*map(self._provider.read, keys))
        found = Call("pending") if call is None else await self._provider.look(call["id"])
        said = _said(found, cancel is not None, progress, known)
        told = {"id": job_id, "instance": await self._provider.instance(), **said}
        return JSONResponse(DoorStatus.model_validate(told).model_dump(mode="json", exclude_none=True))

    async def _unknown(self, job_id: str) -> Response:
        return await self._refuse(404, "no_job", f"this door never accepted job {job_id!r}")

    async def _refuse(self, status: int, code: str, message: str, *, retryable: bool = False) -> Response:
        return refusal(await self._provider.instance(), status, code, message, retryable=retryable)


def call_key(job_id: str) -> str:
    """Where the id of a job's call lies."""
    return f"{job_id}/call"


def cancel_key(job_id: str) -> str:
    """What lies here says that the job is to be cancelled."""
    return f"{job_id}/cancel"


def progress_key(job_id: str) -> str:
    """Where a running job says how far it is."""
    return f"{job_id}/progress"


def _said(found: Call, cancelled: bool, progress: Notes | None, known: Mapping[str, Any]) -> Notes:
    """State, output, error and times of a job."""
    if found.state == "pending":
        if progress is None:
            return {"status": "CANCELLED" if cancelled else "IN_QUEUE"}
        times = {"delayTime": progress["begun"] - known["at"], "workerId": progress.get("worker")}
        return {"status": "IN_PROGRESS", "output": progress.get("position"), **times}
    if found.value is not None:
        return _returned(found.value, known)
    if cancelled:
        return {"status": "CANCELLED"}
    state = "TIMED_OUT" if found.state == "timed_out" else "FAILED"
    return {"status": state, "error": f"the provider ended the call: {found.reason}"}


def _returned(value: Notes, known: Mapping[str, Any]) -> Notes:
    result = JobResult.model_validate_json(json.dumps(value["result"]))
    state = end_state(result)
    told: Notes = {
        "status": state,
        "output": value["result"],
        "delayTime": value["begun"] - known["at"],
        "executionTime": value["ended"] - value["begun"],
        "workerId": value.get("worker"),
    }
    if result.error is not None and state != "CANCELLED":
        told["error"] = result.error.message
    return told
