"""What may lie between a Studio and its database: forwards, or does what the script says with the next request."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2


@dataclass(frozen=True)
class Scripted:
    """One answer. `commit`: the database does it first. `status` 0: the connection is cut without an answer; `wait_s`:
    or kept waiting so long before.
    """

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    commit: bool = False
    wait_s: float = 0.0


class Between(ThreadingHTTPServer):
    """In front of `upstream`. `script` holds what happens next; `seen` counts requests."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.script: list[Scripted] = []
        self.seen = 0
        self.over = threading.Event()
        self.http = httpx2.Client(trust_env=False, timeout=30)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is none of the server's business."""


class _Handler(BaseHTTPRequestHandler):
    server: Between
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.seen += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        scripted = self.server.script.pop(0) if self.server.script else None
        if scripted is None or scripted.commit:
            headers = {"Authorization": self.headers["Authorization"], "Content-Type": "application/json"}
            found = self.server.http.post(self.server.upstream + self.path, content=body, headers=headers)
            if scripted is None:
                return self._answer(Scripted(found.status_code, found.content))
        if scripted.wait_s:
            self.server.over.wait(scripted.wait_s)
        if scripted.status:
            return self._answer(scripted)
        self.close_connection = True
        return None

    def _answer(self, scripted: Scripted) -> None:
        self.send_response(scripted.status)
        for name, value in scripted.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(scripted.body)))
        self.end_headers()
        self.wfile.write(scripted.body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def between(upstream: str) -> Iterator[Between]:
    """A running one."""
    with Between(upstream) as server, server.http:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
