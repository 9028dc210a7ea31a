"""An object store behind the signed URLs of one request: no credential of its own, and no key but those named."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from functions.contract.errors import KeyRefused, StorageError
from functions.contract.job import InputRef, JobRequest, OutputRef
from functions.runtime.storage import CHUNK, Digest, Sink

TRIES = 4
PAUSE_S = 0.25
"""Pause before the second try; doubled before each further one."""
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed; 409 is two creations that met."""
MEANT = frozenset({200, 201, 204, 404, 412})


@functools.cache
def http_client() -> httpx2.Client:
    """The client of this process. Redirects are refused: they would leave the origins that were checked."""
    return httpx2.Client(timeout=60, follow_redirects=False)


class PresignedStorage:
    """Implements `storage.Storage` for the keys of one request. A missing object may be answered by 404 only."""

    def __init__(self, request: JobRequest) -> None:
        self._gets, self._puts = get_urls(request), put_urls(request)
        self._client = http_client()

    def get(self, key: str, limit: int) -> bytes | None:
        """See `Storage.get`."""
        with self._reading(key) as answer:
            if answer is None:
                return None
            data = bytearray()
            for chunk in answer.iter_bytes(CHUNK):
                data += chunk
                if len(data) > limit:
                    raise StorageError(f"{key} is larger than {limit} bytes")
        return bytes(data)

    def fetch(self, key: str, path: Path, limit: int) -> Digest | None:
        """See `Storage.fetch`."""
        with self._reading(key) as answer:
            if answer is None:
                return None
            with path.open("wb") as file:
                sink = Sink(file, key, limit)
                for chunk in answer.iter_bytes(CHUNK):
                    sink.write(chunk)
        return sink.digest()

    def put(self, key: str, data: bytes | Path, content_type: str) -> None:
        """See `Storage.put`."""
        self._send(key, data, {"Content-Type": content_type})

    def create(self, key: str, source: bytes | Path, content_type: str, *, lasting: bool = True) -> bool:
        """See `Storage.create`. Everything lasts."""
        del lasting
        return self._send(key, source, {"Content-Type": content_type, "If-None-Match": "*"}) != 412

    def _send(self, key: str, source: bytes | Path, headers: dict[str, str]) -> int:
        url = _url(self._puts, key, "written")
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        headers = {**headers, "Content-Length": str(size)}

        def once() -> httpx2.Response:
            return self._client.put(url, content=_chunks(source), headers=headers)

        answer = _persist(key, once)
        if answer.status_code == 404:
            raise _refused(key, answer)
        return answer.status_code

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[httpx2.Response | None]:
        request = self._client.build_request("GET", _url(self._gets, key, "read"))
        answer = _persist(key, lambda: self._client.send(request, stream=True))
        with contextlib.closing(answer), _typed(key):
            yield None if answer.status_code == 404 else answer


def get_urls(request: JobRequest) -> dict[str, str]:
    """key -> URL of all that the job may read."""
    held = request.reserved
    refs: list[InputRef | OutputRef] = [*request.inputs.values(), *request.outputs.values(), held.started, held.result]
    named = {f"{held.work.key}/{name}": url for name, url in held.work.get_urls.items()}
    return named | {ref.key: ref.get_url for ref in refs if ref.get_url is not None}


def put_urls(request: JobRequest) -> dict[str, str]:
    """key -> URL of all that the job may write."""
    held = request.reserved
    refs = [*request.outputs.values(), held.started, held.result, held.progress, held.preview]
    named = {f"{held.work.key}/{name}": url for name, url in held.work.put_urls.items()}
    return named | {ref.key: ref.put_url for ref in refs if ref.put_url is not None}


def _url(urls: dict[str, str], key: str, what: str) -> str:
    try:
        return urls[key]
    except KeyError:
        raise KeyRefused(f"{key} may not be {what}: the request brings no URL for it") from None


def _chunks(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _persist(key: str, once: Callable[[], httpx2.Response]) -> httpx2.Response:
    """Send until an answer that means something. Raises `StorageError` when none comes or it is a refusal."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        last = attempt == TRIES - 1
        try:
            answer = once()
        except httpx2.TransportError as error:
            if last:
                raise StorageError(f"{key}: the object store could not be reached: {error}") from error
            continue
        if answer.status_code in MEANT:
            return answer
        answer.close()
        if last or answer.status_code not in PASSING:
            raise _refused(key, answer)
    raise StorageError(f"{key}: the object store did not answer")


def _refused(key: str, answer: httpx2.Response) -> StorageError:
    return StorageError(f"{key}: the object store answered {answer.status_code}")


@contextlib.contextmanager
def _typed(key: str) -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        raise StorageError(f"{key}: the object store broke off: {error}") from error
