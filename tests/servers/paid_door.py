"""A door over HTTP that misbehaves as told: a provider's API, whose jobs the test itself begins and ends.

It takes every job it is sent, twice if it is sent twice, and remembers them all: `accepted` is the bill.
"""

import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from functions.contract.errors import WireError
from functions.contract.job import JobRequest, JobResult, Metrics, OutputFact, Started
from functions.contract.media import MediaFacts

TOKEN = "a paid door's token"


@dataclass
class PaidJob:
    """A job as the provider sees it."""

    handle: str
    request: JobRequest
    status: str = "IN_QUEUE"
    output: Any = None
    cancelled: int = 0


@dataclass
class State:
    """What the test tells the door, and what the door has seen.

    `run` holds what to do with the next POSTs of `run`, one each: `accept` (also when empty), `busy` (429), `reject`
    (422), `redirect`, `swallow` (take the job, break the connection), `drop` (break it, take nothing), `break` (take
    the job, answer 500), `huge` (take it, answer 2 MB), `nonsense` (take it, answer no status).
    `answers` does the same for the other requests: `ok`, `500`, `drop`, `404`, `hang`.
    """

    store: Path
    run: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    repeatable: bool = False
    instance: str = "queue-1"
    jobs: dict[str, PaidJob] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    on_run: Callable[[JobRequest], None] | None = None
    """Called when a job arrives, before anything is done with it."""

    def job(self, job_id: str) -> PaidJob:
        """The job of this id."""
        return next(job for job in self.jobs.values() if job.request.job_id == job_id)

    def begin(self, job_id: str, *, told: bool = True) -> None:
        """The job starts: its `started` object is there, with or without the provider's id for it."""
        job = self.job(job_id)
        started = Started(job_id=job_id, provider_id=job.handle if told else None)
        self.put(job.request.reserved.started.key, started.model_dump_json().encode())
        job.status = "IN_PROGRESS"
        job.output = {"job_id": job_id, "attempt": job.request.attempt, "stage": "work", "done": 1, "total": 2}

    def finish(self, job_id: str, status: Any = "done", *, error: WireError | None = None, leave: bool = True) -> None:
        """The job ends: its outputs and result are there, unless nothing is to be left of it."""
        job = self.job(job_id)
        outputs = {}
        if leave and status in ("done", "degraded"):
            for name, ref in job.request.outputs.items():
                data = f"{job.request.fingerprint} {name}".encode()
                self.put(ref.key, data)
                sha = hashlib.sha256(data).hexdigest()
                outputs[name] = OutputFact(key=ref.key, sha256=sha, size=len(data), media=MediaFacts(type="data"))
        if leave:
            result = JobResult(
                job_id=job_id,
                attempt=job.request.attempt,
                fingerprint=job.request.fingerprint,
                status=status,
                outputs=outputs,
                error=error,
                metrics=Metrics(total_s=1.5),
            )
            self.put(job.request.reserved.result.key, result.model_dump_json().encode())
        job.status = {"failed": "FAILED", "cancelled": "CANCELLED"}.get(status, "COMPLETED")

    def put(self, key: str, data: bytes) -> None:
        """An object in the shared folder."""
        path = self.store / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class PaidDoor(ThreadingHTTPServer):
    """The server."""

    daemon_threads = True

    def __init__(self, state: State) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is what is wanted."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: PaidDoor
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        state, body = self.server.state, self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.path.endswith("/run"):
            return self._look()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": {"code": "unauthorized", "message": "no token"}})
        with state.lock:
            what = state.run.pop(0) if state.run else "accept"
            return self._run(what, JobRequest.model_validate_json(json.dumps(json.loads(body)["input"])))

    def _run(self, what: str, request: JobRequest) -> None:
        if self.server.state.on_run is not None:
            self.server.state.on_run(request)
        if what == "busy":
            return self._answer(429, {"error": {"code": "busy", "message": "later", "retryable": True}})
        if what == "reject":
            return self._answer(422, {"error": {"code": "bad_request", "message": "not this one"}})
        if what == "redirect":
            self.send_response(307)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if what == "drop":
            return self._break()
        job = self._take(request)
        if what == "swallow":
            return self._break()
        if what == "break":
            return self._answer(500, {"error": "boom"})
        if what == "nonsense":
            return self._answer(200, {"hello": "world"})
        if what == "huge":
            return self._answer(200, {"id": job.handle, "status": "IN_QUEUE", "output": "x" * 2_000_000})
        return self._status(job)

    def _take(self, request: JobRequest) -> PaidJob:
        state = self.server.state
        known = next((j for j in state.jobs.values() if j.request.job_id == request.job_id), None)
        if state.repeatable and known is not None:
            return known
        handle = request.job_id if state.repeatable else f"provider-{len(state.accepted)}"
        state.accepted.append(request.job_id)
        state.jobs[handle] = PaidJob(handle, request)
        return state.jobs[handle]

    def do_GET(self) -> None:
        self._look()

    def _look(self) -> None:
        state = self.server.state
        state.asked.append(self.path)
        *_, verb, handle = self.path.split("/")
        with state.lock:
            what = state.answers.pop(0) if state.answers else "ok"
            job = state.jobs.get(handle)
            if what == "500":
                return self._answer(500, {})
            if what == "drop":
                return self._break()
            if job is None or what == "404":
                return self._answer(404, {"error": {"code": "no_job", "message": "no such job"}})
            if verb == "cancel":
                job.cancelled += 1
                job.status = "CANCELLED" if job.status in ("IN_QUEUE", "IN_PROGRESS") else job.status
            return self._status(job)

    def _status(self, job: PaidJob) -> None:
        self._answer(200, {"id": job.handle, "status": job.status, "output": job.output})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps({**body, "instance": self.server.state.instance}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _break(self) -> None:
        """Reset the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def paid_door(store: Path) -> Iterator[PaidDoor]:
    """A running door over the store's folder."""
    with PaidDoor(State(store)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
