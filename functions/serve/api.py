"""RunPod's serverless API over the door's queue: `/v2/<engine>/run`, `status/{id}`, `cancel/{id}`, `health`.

Every answer is JSON. A refusal is `{"error": {"code", "message", "retryable"}, "instance"}` with a 4xx: then nothing
was accepted.
"""

import asyncio
import hmac
import sqlite3
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.contract.canonical import digest
from functions.contract.errors import ContractError, EngineMismatch
from functions.contract.job import JobRequest
from functions.runtime.verify import Trust, check, parse
from functions.serve.answers import read_body, refusal, refused, too_large
from functions.serve.describe import describe
from functions.serve.pool import Pool
from functions.serve.queue import Entry, JobQueue

Handler = Callable[[Request], Awaitable[Response]]


class DoorApi:
    """The routes of one door."""

    def __init__(self, queue: JobQueue, pool: Pool, trust: Trust, token: str, now_ms: Callable[[], int]) -> None:
        self._queue, self._pool, self._trust, self._now = queue, pool, trust, now_ms
        self._token = f"Bearer {token}".encode()

    def app(self) -> Starlette:
        """The ASGI application."""
        base = "/v2/{engine}"
        return Starlette(
            routes=[
                Route("/health", self.alive),
                Route(f"{base}/run", self._guarded(self.run), methods=["POST"]),
                Route(f"{base}/status/{{id}}", self._guarded(self.status)),
                Route(f"{base}/cancel/{{id}}", self._guarded(self.cancel), methods=["POST"]),
                Route(f"{base}/health", self._guarded(self.health)),
                Route(f"{base}/describe", self._guarded(self.describe)),
            ],
            exception_handlers={404: self._no_route, 405: self._no_route},
        )

    def _no_route(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self._refuse(status, "no_route", f"this door has no {request.method} {request.url.path}")

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, self._token):
                return self._refuse(401, "unauthorized", "this door wants its bearer token")
            if request.path_params["engine"] not in self._trust.catalog:
                return self._refuse(404, "no_endpoint", f"this door has no engine {request.path_params['engine']!r}")
            return await handler(request)

        return guarded

    async def alive(self, request: Request) -> Response:
        """Whether the door is up; needs no token and tells nothing else."""
        del request
        return JSONResponse({"status": "draining" if self._pool.draining else "ok", "instance": self._queue.instance})

    async def run(self, request: Request) -> Response:
        """Accept a job, once for each job id."""
        body = await read_body(request)
        if body is None:
            return too_large(self._queue.instance)
        try:
            job = await asyncio.to_thread(self._checked, body, request.path_params["engine"])
        except ContractError as error:
            return refused(self._queue.instance, error)
        if (known := self._queue.get(job.job_id)) is not None:
            return self._again(known, job)
        if self._pool.draining:
            return self._refuse(429, "draining", "this door is stopping and takes no new jobs", retryable=True)
        try:
            entry, new = await asyncio.get_running_loop().run_in_executor(self._queue.thread, self._queue.accept, job)
        except sqlite3.Error as error:
            return self._refuse(429, "queue_failed", f"the job could not be kept: {error}", retryable=True)
        if not new:
            return self._again(entry, job)
        self._pool.submit(entry)
        return self._answer(entry)

    async def status(self, request: Request) -> Response:
        """Where a job is; `output` holds its progress, then its result."""
        entry = self._entry(request)
        return self._unknown(request) if entry is None else self._answer(entry)

    async def cancel(self, request: Request) -> Response:
        """Cancel a job; asking twice is harmless."""
        entry = self._entry(request)
        if entry is None:
            return self._unknown(request)
        await self._pool.cancel(entry)
        return self._answer(entry)

    async def health(self, request: Request) -> Response:
        """RunPod's counts for one endpoint."""
        states = [entry.state for entry in self._queue.of(request.path_params["engine"])]
        workers, busy = self._pool.size, self._pool.busy
        return JSONResponse(
            {
                "jobs": {
                    "completed": states.count("COMPLETED"),
                    "failed": states.count("FAILED") + states.count("TIMED_OUT"),
                    "inProgress": states.count("IN_PROGRESS"),
                    "inQueue": states.count("IN_QUEUE"),
                    "retried": self._pool.retried,
                },
                "workers": {
                    "idle": workers - busy,
                    "running": busy,
                    "initializing": 0,
                    "ready": workers,
                    "throttled": 0,
                    "unhealthy": 0,
                },
                "instance": self._queue.instance,
            }
        )

    async def describe(self, request: Request) -> Response:
        """The manifest of the engine and the contracts that this door speaks."""
        told = describe(self._trust, request.path_params["engine"])
        return JSONResponse({**told, "instance": self._queue.instance})

    def _checked(self, body: bytes, engine: str) -> JobRequest:
        job = parse(body).input
        if job.engine != engine:
            raise EngineMismatch(f"the job is for {job.engine}, this endpoint is {engine}")
        if self._queue.get(job.job_id) is None:
            check(job, self._trust, now_ms=self._now())
        return job

    def _entry(self, request: Request) -> Entry | None:
        entry = self._queue.get(request.path_params["id"])
        return entry if entry is not None and entry.request.engine == request.path_params["engine"] else None

    def _again(self, known: Entry, job: JobRequest) -> Response:
        if digest(job.wire()) != known.digest:
            return self._refuse(409, "job_exists", f"job {known.id} was accepted with another request")
        return self._answer(known)

    def _answer(self, entry: Entry) -> Response:
        return JSONResponse(entry.status(self._queue.instance).model_dump(mode="json", exclude_none=True))

    def _unknown(self, request: Request) -> Response:
        return self._refuse(404, "no_job", f"this queue never accepted job {request.path_params['id']!r}")

    def _refuse(self, status: int, code: str, message: str, *, retryable: bool = False) -> Response:
        return refusal(self._queue.instance, status, code, message, retryable=retryable)
