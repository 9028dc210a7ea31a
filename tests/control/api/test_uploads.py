"""Files sent in."""

import socket
from collections.abc import Iterator

import httpx2
import pytest

from tests.control.api.test_media import png
from tests.servers.studio import RunningStudio, studio

OCTETS = {"content-type": "application/octet-stream"}


def test_the_same_content_is_one_upload_however_it_comes(owner: httpx2.Client) -> None:
    first = owner.post("/api/uploads", content=png(80, 40), headers=OCTETS).json()
    again = owner.post("/api/uploads", files={"file": ("board.png", png(80, 40), "text/html")}).json()
    assert first["sha256"] == again["sha256"]
    assert (first["content_type"], first["width"], first["height"]) == ("image/png", 80, 40)


def test_a_file_is_named_in_a_film(owner: httpx2.Client, film: str) -> None:
    sha256 = owner.post("/api/uploads", content=png(), headers=OCTETS).json()["sha256"]
    named = owner.put(f"/api/films/{film}/files/art/beam.png", json={"sha256": sha256})
    assert named.json()["files"]["art/beam.png"]["sha256"] == sha256
    assert owner.get(f"/api/films/{film}/files").json() == named.json()
    assert owner.put(f"/api/films/{film}/files/x.png", json={"sha256": "0" * 64}).status_code == 404


@pytest.mark.parametrize("content", [b"<html><script>alert(1)</script></html>", b"", b"MZ\x90\0", png()[:40]])
def test_what_is_no_picture_sound_or_clip_is_refused(owner: httpx2.Client, content: bytes) -> None:
    answer = owner.post("/api/uploads", content=content, headers=OCTETS)
    assert answer.status_code in (415, 422), answer.text
    assert answer.json()["detail"]


def test_only_files_are_taken(owner: httpx2.Client) -> None:
    assert owner.post("/api/uploads", json={"a": 1}).status_code == 415
    assert owner.post("/api/uploads", files={"other": ("a.png", png())}).status_code == 400


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A Studio that takes at most a megabyte."""
    with studio(tmp_path_factory.mktemp("small"), upload_mb=1, body_mb=1) as running:
        yield running


def test_caps_hold_where_a_length_is_stated(small: RunningStudio) -> None:
    with small.client() as client:
        assert client.post("/api/uploads", content=bytes(1_000_001), headers=OCTETS).status_code == 413
        assert client.post("/api/uploads", files={"file": ("a.png", bytes(1_000_001))}).status_code == 413
        big = b'{"text":"' + b"x" * 1_000_001 + b'"}'
        answer = client.post("/api/films", content=big, headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert answer.json()["code"] == "too_large"


FORM_HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    ("path", "media", "begin"),
    [
        ("/api/uploads", "application/octet-stream", b"\x89PNG\r\n\x1a\n"),
        ("/api/uploads", "multipart/form-data; boundary=x", FORM_HEAD),
        ("/api/films", "application/json", b'{"text":"'),
    ],
)
def test_caps_hold_without_a_stated_length(small: RunningStudio, path: str, media: str, begin: bytes) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {small.token()}\r\n"
        f"Content-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n{len(begin):x}\r\n"
    )
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", small.settings.port), timeout=30) as connection:
        connection.sendall(head.encode() + begin + b"\r\n" + piece * 20)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(piece * 1000)
