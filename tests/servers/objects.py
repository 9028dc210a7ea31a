"""An object store over HTTP in memory: GET and PUT with `If-None-Match: *`. Counts requests and can be made to fail."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from functions.contract.job import JobRequest
from functions.runtime.verify import execution_name


class ObjectServer(ThreadingHTTPServer):
    """Paths are keys. `answers` holds status codes that are given instead, one a request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.answers: list[int] = []
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is none of the server's business."""

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def url(self, key: str) -> str:
        """Where an object lies."""
        return f"{self.origin}/{key}"

    def signed(self, request: JobRequest) -> dict[str, Any]:
        """The parts of a request that name URLs, filled in; for `jobs.request(**...)`."""

        def urls(ref: Any, *sides: str) -> Any:
            return ref.model_copy(update=dict.fromkeys(sides, self.url(ref.key)))

        held = request.reserved
        both = ("get_url", "put_url")
        named = {execution_name(n): self.url(f"{held.work.key}/{execution_name(n)}") for n in range(1, 11)}
        kept = {name: self.url(f"{held.work.key}/{name}") for name in held.work.keeps}
        work = held.work.model_copy(update={"put_urls": named | kept, "get_urls": kept})
        refs = {name: urls(getattr(held, name), *both) for name in ("started", "result", "progress", "preview")}
        return {
            "transport": "presigned",
            "inputs": {name: urls(ref, "get_url") for name, ref in request.inputs.items()},
            "outputs": {name: urls(ref, *both) for name, ref in request.outputs.items()},
            "reserved": held.model_copy(update={**refs, "work": work}),
        }


class _Handler(BaseHTTPRequestHandler):
    server: ObjectServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        data = self.server.objects.get(self._key())
        self._answer(404 if data is None else 200, data or b"")

    def do_PUT(self) -> None:
        key = self._key()
        data = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            if self.server.answers:
                return self._answer(self.server.answers.pop(0), b"")
            if self.headers.get("If-None-Match") == "*" and key in self.server.objects:
                return self._answer(412, b"")
            self.server.objects[key] = data
        return self._answer(200, b"")

    def _key(self) -> str:
        key = self.path.removeprefix("/").partition("?")[0]
        self.server.requests.append((self.command, key))
        return key

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def object_server() -> Iterator[ObjectServer]:
    """A running server."""
    with ObjectServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
