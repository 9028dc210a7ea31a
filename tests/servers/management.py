"""A stand-in for RunPod's management API: what one endpoint is, at `/v2/serverless/<endpoint>`."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Management(ThreadingHTTPServer):
    """`workers` and `image` are what it tells of `endpoint`; `refuse` is an HTTP status to answer instead."""

    daemon_threads = True

    def __init__(self, endpoint: str, key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint, self.key = endpoint, key
        self.workers: dict[str, Any] = {"min": 0, "max": 3, "idleTimeout": 10}
        self.image = "registry.example.org/vivijure/echo@sha256:" + "a" * 64
        self.refuse: int | None = None
        self.asked = 0

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Management
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        server.asked += 1
        if server.refuse is not None:
            return self._answer(server.refuse, {"title": "refused", "status": server.refuse})
        if self.headers.get("Authorization") != f"Bearer {server.key}":
            return self._answer(401, {"title": "unauthorized", "status": 401})
        if self.path != f"/v2/serverless/{server.endpoint}":
            return self._answer(404, {"title": "not found", "status": 404})
        told = {"id": server.endpoint, "type": "QUEUE", "workers": server.workers, "image": server.image}
        return self._answer(200, told)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def management(endpoint: str, key: str) -> Iterator[Management]:
    """A running one."""
    with Management(endpoint, key) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
