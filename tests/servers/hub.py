"""A hub of models over a real socket: the listing of a repository at a revision, and its small files."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = 1024
"""Bytes from which a file is kept outside of the repository, with a pointer in it."""


class Hub(ThreadingHTTPServer):
    """Holds `files` of one `repository` at one `revision`; `sent` is what it sends in place of a small file."""

    def __init__(self, repository: str, revision: str, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository, self.revision, self.files = repository, revision, dict(files)
        self.sent: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.page = 1000

    @property
    def origin(self) -> str:
        """`http://...`."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def listing(self) -> list[dict[str, Any]]:
        """As the hub's API lists a tree."""
        return [_entry(path, data) for path, data in self.files.items()]


def _entry(path: str, data: bytes) -> dict[str, Any]:
    sha = hashlib.sha256(data).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha}\nsize {len(data)}\n".encode()
    kept = pointer if len(data) >= LARGE else data
    oid = hashlib.sha1(b"blob %d\0" % len(kept) + kept, usedforsecurity=False).hexdigest()
    entry: dict[str, Any] = {"type": "file", "oid": oid, "size": len(data), "path": path}
    if len(data) >= LARGE:
        entry["lfs"] = {"oid": sha, "size": len(data), "pointerSize": len(pointer)}
    return entry


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub, path = self.server, unquote(urlsplit(self.path).path)
        hub.asked.append(path)
        name = path.removeprefix(f"/{hub.repository}/resolve/{hub.revision}/")
        if path == f"/api/models/{hub.repository}/tree/{hub.revision}":
            self._list(path)
        elif name in hub.files and len(hub.files[name]) < LARGE:
            self._answer(hub.sent.get(name, hub.files[name]), "text/plain")
        else:
            self.send_error(404)

    def _list(self, path: str) -> None:
        """A page of the listing, with the address of the next one."""
        at = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
        listing, end = self.server.listing(), at + self.server.page
        following = f'<{self.server.origin}{path}?recursive=true&cursor={end}>; rel="next"'
        self._answer(json.dumps(listing[at:end]).encode(), "application/json", following if listing[end:] else "")

    def _answer(self, body: bytes, kind: str, link: str = "") -> None:
        self.send_response(200)
        if link:
            self.send_header("Link", link)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """The hub, answering."""
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
