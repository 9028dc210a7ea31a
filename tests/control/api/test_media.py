"""Serving objects: ranges, tags, types and names."""

import struct
import zlib

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.api.media import byte_range, disposition
from control.errors import RangeUnsatisfiable


def png(width: int = 64, height: int = 36) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(width)) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def uploaded(owner: httpx2.Client) -> str:
    """The address of an uploaded picture."""
    headers = {"content-type": "application/octet-stream", "x-file-name": "Grau%20%C3%9F.png"}
    answer = owner.post("/api/uploads", content=png(), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def test_the_whole_object_with_safe_headers(owner: httpx2.Client, uploaded: str) -> None:
    answer = owner.get(uploaded)
    assert answer.status_code == 200
    assert answer.content == png()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"].startswith("inline")
    assert "filename*=UTF-8''Grau%20%C3%9F.png" in answer.headers["content-disposition"]
    download = owner.get(uploaded, params={"download": "true"})
    assert download.headers["content-disposition"].startswith("attachment")
    head = owner.head(uploaded)
    assert head.headers["content-length"] == str(len(png()))
    assert head.content == b""


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-9", 0, 9), ("bytes=10-", 10, None), ("bytes=-7", -7, None), ("bytes=5-99999", 5, None)],
)
def test_a_part(owner: httpx2.Client, uploaded: str, asked: str, first: int, last: int | None) -> None:
    data = png()
    answer = owner.get(uploaded, headers={"range": asked})
    assert answer.status_code == 206
    expected = data[first : None if last is None else last + 1]
    assert answer.content == expected
    start = data.index(expected) if first < 0 else first
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(data)}"


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=-0"])
def test_a_part_that_lies_outside(owner: httpx2.Client, uploaded: str, asked: str) -> None:
    answer = owner.get(uploaded, headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(png())}"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=9-3", "bytes=a-b", "bytes=-"])
def test_other_ranges_are_ignored(owner: httpx2.Client, uploaded: str, asked: str) -> None:
    assert owner.get(uploaded, headers={"range": asked}).status_code == 200


def test_tags_save_and_guard_transfers(owner: httpx2.Client, uploaded: str) -> None:
    tag = owner.get(uploaded).headers["etag"]
    assert owner.get(uploaded, headers={"if-none-match": tag}).status_code == 304
    assert owner.get(uploaded, headers={"range": "bytes=0-1", "if-range": tag}).status_code == 206
    assert owner.get(uploaded, headers={"range": "bytes=0-1", "if-range": '"other"'}).status_code == 200


@given(st.integers(0, 40), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_what_slicing_gives(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    try:
        span = byte_range(f"bytes={first}-{last}", size)
    except RangeUnsatisfiable:
        assert first >= size
        return
    if span is None:
        assert last < first
    else:
        assert data[span[0] : span[1] + 1] == data[first : last + 1] != b""


@pytest.mark.parametrize("name", ['a"b\\c.png', "x\r\nset-cookie: a=b", "../../etc/passwd", "映画.mp4", ""])
def test_names_cannot_break_the_header(name: str) -> None:
    value = disposition(name, inline=False)
    assert value.isascii()
    assert "\r" not in value
    assert "\n" not in value
    assert value.count('"') == 2
