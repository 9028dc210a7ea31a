"""A stand-in RunPod endpoint over loopback HTTP: the job API at `/v2/<endpoint>/...`, which clients use, and the
routes by which the SDK's worker loop takes jobs and reports them. See `runpod_jobs` for what it keeps and its faults.
"""

import contextlib
import json
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.runpod_jobs import Document, Jobs, Rules

KEY = "rpa_a-key-for-tests"
WORKER_KEY = "rpw_a-worker-key-for-tests"
BODY_LIMIT = 10 * 1024 * 1024
HUGE = 100_000_000


class RunpodQueue(ThreadingHTTPServer):
    """One account with endpoints; `jobs` holds those of `endpoint`, and there are no others."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, endpoint: str = "ep-test", rules: Rules | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint, self.jobs = endpoint, Jobs(rules)
        self.requests: list[tuple[str, str]] = []
        """(method, path) of every request of clients and workers."""
        self.webhook_answers: list[int] = []
        self.closing = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is what is wanted."""

    @property
    def url(self) -> str:
        """The base that clients are given: `http://127.0.0.1:port/v2/<endpoint>`."""
        return f"http://127.0.0.1:{self.server_address[1]}/v2/{self.endpoint}"

    def worker_environment(self, worker: str) -> dict[str, str]:
        """How RunPod starts a worker: where it takes and reports jobs."""
        query = "?gpu=stand-in"
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{self.url}/job-take/$ID{query}",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{self.url}/job-done/$RUNPOD_POD_ID/$ID{query}",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{self.url}/job-stream/$RUNPOD_POD_ID/$ID{query}",
            "RUNPOD_WEBHOOK_PING": f"{self.url}/ping/$RUNPOD_POD_ID",
            "RUNPOD_PING_INTERVAL": "1000",
            "RUNPOD_AI_API_KEY": WORKER_KEY,
            "RUNPOD_POD_ID": worker,
            "RUNPOD_ENDPOINT_ID": self.endpoint,
        }

    def platform(self) -> None:
        """Pass time: sweep, and send webhooks as they come due."""
        while not self.closing.wait(0.05):
            with self.jobs.changed:
                self.jobs.sweep()
                due, self.jobs.webhooks = self.jobs.webhooks, []
            for url, body in due:
                threading.Thread(target=self._ring, args=(url, body), daemon=True).start()

    def _ring(self, url: str, body: Document) -> None:
        rules = self.jobs.rules
        headers = {"Content-Type": "application/json"}
        for _ in range(rules.webhook_tries):
            request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
            with contextlib.suppress(OSError):
                try:
                    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                        request, timeout=5
                    ) as answer:
                        self.webhook_answers.append(answer.status)
                        if answer.status == 200:
                            return
                except urllib.error.HTTPError as error:
                    self.webhook_answers.append(error.code)
                    error.close()
            if self.closing.wait(rules.webhook_pause_s):
                return


class _Handler(BaseHTTPRequestHandler):
    server: RunpodQueue
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._route({"status": self._status, "health": self._health, **WORKER_GET})

    def do_POST(self) -> None:
        self._route({"run": self._run, "cancel": self._cancel, **WORKER_POST})

    # routing --------------------------------------------------------------------------------------------------------

    def _route(self, verbs: dict[str, Any]) -> Any:
        parts = urlsplit(self.path)
        self.server.requests.append((self.command, parts.path))
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT + 1))
        head, *path = parts.path.removeprefix("/").split("/")
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        verb = path[1] if len(path) > 1 else ""
        if head != "v2" or verb not in verbs:
            return self._answer(404, {"error": "not found"})
        worker = verb in WORKER_GET or verb in WORKER_POST
        if self.headers.get("Authorization", "").removeprefix("Bearer ") != (WORKER_KEY if worker else KEY):
            return self._answer(401, {"error": "unauthorized"})
        if path[0] != self.server.endpoint:
            return self._answer(404, {"error": "endpoint not found"})
        handler = verbs[verb]
        return handler(self, path[2:], body) if worker else handler(path[2:], body)

    # clients --------------------------------------------------------------------------------------------------------

    def _run(self, _: list[str], body: bytes) -> Any:
        jobs = self.server.jobs
        with jobs.changed:
            fault = jobs.faults.run.popleft() if jobs.faults.run else "accept"
        if fault == "busy" or jobs.too_fast():
            return self._answer(429, {"error": "too many requests"})
        if len(body) > BODY_LIMIT:
            return self._answer(400, {"error": "request body too large"})
        if fault in REFUSED:
            return REFUSED[fault](self)
        try:
            asked = json.loads(body)
            if not isinstance(asked, dict):
                raise ValueError("not an object")
            job = jobs.accept(asked)
        except ValueError as error:
            return self._answer(400, {"error": str(error)})
        return ACCEPTED[fault](self, {"id": job.id, "status": "IN_QUEUE"})

    def _look(self) -> bool:
        """Whether a fault took this request."""
        jobs = self.server.jobs
        with jobs.changed:
            fault = jobs.faults.look.popleft() if jobs.faults.look else "ok"
        if fault == "ok":
            return False
        if fault.isdigit():
            self._answer(int(fault), {"error": "as the test wants"})
        else:
            ACCEPTED[fault](self, {})
        return True

    def _status(self, path: list[str], _: bytes) -> None:
        if self._look():
            return
        job = self.server.jobs.get(path[0] if path else "")
        if job is not None and "ttl" in self.query:
            job.ttl_ms = float(self.query["ttl"])
        self._answer(404, {"error": "job not found"}) if job is None else self._answer(200, job.told())

    def _cancel(self, path: list[str], _: bytes) -> None:
        if self._look():
            return None
        job = self.server.jobs.cancel(path[0] if path else "")
        if job is None:
            return self._answer(404, {"error": "job not found"})
        return self._answer(200, {"id": job.id, "status": job.state})

    def _health(self, _: list[str], __: bytes) -> None:
        self._answer(200, self.server.jobs.counts())

    # workers --------------------------------------------------------------------------------------------------------

    def _take(self, path: list[str], _: bytes) -> None:
        self._give(path[0], 1)

    def _take_batch(self, path: list[str], _: bytes) -> None:
        self._give(path[0], int(self.query["batch_size"]))

    def _give(self, worker: str, most: int) -> None:
        """One job as it is, several as a list."""
        if self.query["job_in_progress"] == "0":
            self.server.jobs.let_go(worker)
        found = [{"id": job.id, **job.body} for job in self.server.jobs.take(worker, most)]
        self._answer(*((200, found if "batch_size" in self.query else found[0]) if found else (204, None)))

    def _stop(self, path: list[str], _: bytes) -> None:
        told = self.server.jobs.stops(path[0])
        self._answer(200, {"jobsToStop": told}) if told else self._answer(204, None)

    def _done(self, path: list[str], body: bytes) -> None:
        jobs = self.server.jobs
        post = json.loads(body)
        with jobs.changed:
            final = post.get("status") != "IN_PROGRESS"
            fault = jobs.faults.done.popleft() if final and jobs.faults.done else "ok"
            if fault == "500":
                return self._answer(500, {})
            if fault == "reset":
                return self._reset()
            jobs.done(path[0], path[1], post)
            if fault == "stray":
                jobs.done(path[0], path[1], {"status": "IN_PROGRESS", "output": jobs.faults.late})
        return self._answer(200, {})

    def _stream(self, path: list[str], body: bytes) -> None:
        del path, body
        self._answer(200, {})

    def _ping(self, path: list[str], _: bytes) -> None:
        self.server.jobs.ping(path[0], self.query)
        self._answer(200, {})

    # answers --------------------------------------------------------------------------------------------------------

    def _answer(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(data)

    def _page(self) -> None:
        data = b"<html><body>Bad gateway</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _redirect(self) -> None:
        self.send_response(307)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(HUGE))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(HUGE // 100_000):
                self.wfile.write(b" " * 100_000)

    def _hang(self) -> None:
        until = time.monotonic() + self.server.jobs.faults.hang_s
        while time.monotonic() < until and not self.server.closing.wait(0.1):
            pass
        self._reset()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


WORKER_GET = {
    "job-take": _Handler._take,
    "job-take-batch": _Handler._take_batch,
    "job-stop": _Handler._stop,
    "ping": _Handler._ping,
}
WORKER_POST = {"job-done": _Handler._done, "job-stream": _Handler._stream}
REFUSED: dict[str, Any] = {
    "reject": lambda h: h._answer(400, {"error": "bad request"}),
    "drop": _Handler._reset,
    "outage": lambda h: h._answer(500, {"error": "internal error"}),
    "redirect": _Handler._redirect,
}
ACCEPTED: dict[str, Any] = {
    "accept": lambda h, told: h._answer(200, told),
    "break": lambda h, told: h._answer(500, {"error": "internal error"}),
    "reset": lambda h, told: h._reset(),
    "hang": lambda h, told: h._hang(),
    "html": lambda h, told: h._page(),
    "huge": lambda h, told: h._endless(),
}


@contextlib.contextmanager
def runpod_queue(endpoint: str = "ep-test", rules: Rules | None = None) -> Iterator[RunpodQueue]:
    """A running endpoint without workers."""
    with RunpodQueue(endpoint, rules) as server:
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}),
            threading.Thread(target=server.platform),
        ]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            for thread in threads:
                thread.join()
