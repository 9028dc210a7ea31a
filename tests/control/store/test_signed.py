"""One suite over every kind of store that signs: a folder that the Studio serves, SeaweedFS, Cloudflare's R2."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import httpx2
import pytest

from control.store import ObjectStore

pytestmark = pytest.mark.anyio
REFUSED = (400, 401, 403)
"""R2 says 400 of an expired URL and 401 of one with other signed headers; the others say 403."""


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A client that knows nothing but the URL."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def key() -> str:
    """A fresh one."""
    return f"artifacts/ab/{secrets.token_hex(8)}/image.png"


async def test_an_object_goes_in_and_comes_out(signing: ObjectStore, http: httpx2.AsyncClient, key: str) -> None:
    put = await signing.presign("PUT", key, 60, content_type="image/png", max_bytes=3_000_000)
    get = await signing.presign("GET", key, 60)
    data = secrets.token_bytes(2_500_000)
    assert (await http.get(get.url)).status_code == 404
    assert (await http.put(put.url, content=data, headers=put.headers)).status_code == 200
    found = await http.get(get.url)
    assert (found.status_code, found.content) == (200, data)
    assert await signing.read(key, len(data)) == data


async def test_what_is_created_is_never_overwritten(signing: ObjectStore, http: httpx2.AsyncClient, key: str) -> None:
    put = await signing.presign("PUT", key, 60, content_type="image/png")
    assert (await http.put(put.url, content=b"first", headers=put.headers)).status_code == 200
    again = await signing.presign("PUT", key, 60, content_type="image/png")
    for url in (put.url, again.url):
        assert (await http.put(url, content=b"second" * 100_000, headers=put.headers)).status_code == 412
    bare = {"Content-Type": "image/png"}
    assert (await http.put(put.url, content=b"third", headers=bare)).status_code in REFUSED
    assert await signing.read(key) == b"first"


async def test_of_many_creations_at_once_one_wins(signing: ObjectStore, http: httpx2.AsyncClient, key: str) -> None:
    put = await signing.presign("PUT", key, 60, content_type="image/png")
    sent = [f"writer {n}".encode() for n in range(6)]
    answers = await asyncio.gather(*(http.put(put.url, content=data, headers=put.headers) for data in sent))
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 409, 412, 429}
    assert await signing.read(key) == sent[codes.index(200)]


async def test_one_that_may_be_overwritten(signing: ObjectStore, http: httpx2.AsyncClient, key: str) -> None:
    put = await signing.presign("PUT", key, 60, content_type="image/png", create=False)
    assert "If-None-Match" not in put.headers
    for data in (b"first", b"second"):
        assert (await http.put(put.url, content=data, headers=put.headers)).status_code == 200
    assert await signing.read(key) == b"second"


@pytest.mark.parametrize(
    ("span", "status", "wanted"),
    [
        ("bytes=0-0", 206, b"0"),
        ("bytes=3-5", 206, b"345"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=10-", 416, None),
    ],
)
async def test_ranges(
    signing: ObjectStore, http: httpx2.AsyncClient, key: str, span: str, status: int, wanted: bytes | None
) -> None:
    await signing.put(key, b"0123456789", "image/png")
    get = await signing.presign("GET", key, 60)
    found = await http.get(get.url, headers={"Range": span})
    assert found.status_code == status
    if wanted is not None:
        assert found.content == wanted
        assert found.headers["content-range"].endswith("/10")


async def test_each_url_is_for_one_method_key_and_type(
    signing: ObjectStore, http: httpx2.AsyncClient, key: str
) -> None:
    put = await signing.presign("PUT", key, 60, content_type="image/png")
    get = await signing.presign("GET", key, 60)
    html = {**put.headers, "Content-Type": "text/html"}
    assert (await http.put(put.url, content=b"x", headers=html)).status_code in REFUSED
    assert (await http.put(get.url, content=b"x", headers=put.headers)).status_code in REFUSED
    assert await signing.head(key) is None
    await signing.put(key, b"x", "image/png")
    await signing.put("other/key.png", b"secret", "image/png")
    assert (await http.get(put.url)).status_code in REFUSED
    assert (await http.get(get.url.replace(key, "other/key.png"))).status_code in REFUSED
    assert (await http.delete(get.url)).status_code in (*REFUSED, 405)
    assert await signing.read(key) == b"x"


async def test_nothing_may_be_altered_or_left_out(signing: ObjectStore, http: httpx2.AsyncClient, key: str) -> None:
    await signing.put(key, b"x", "image/png")
    get = await signing.presign("GET", key, 60)
    url = httpx2.URL(get.url)
    assert (await http.get(url)).status_code == 200
    for name, value in url.params.multi_items():
        longer = "9" + value if value.isdigit() else value[:-1] + ("0" if value[-1] != "0" else "1")
        assert (await http.get(url.copy_set_param(name, longer))).status_code in REFUSED, name
        assert (await http.get(url.copy_remove_param(name))).status_code in REFUSED, name
    assert (await http.get(str(url).partition("?")[0])).status_code in REFUSED


async def test_a_url_expires(signing: ObjectStore, http: httpx2.AsyncClient, key: str) -> None:
    await signing.put(key, b"x", "image/png")
    get = await signing.presign("GET", key, 3)
    put = await signing.presign("PUT", key, 3, content_type="image/png", create=False)
    assert (await http.get(get.url)).status_code == 200
    await asyncio.sleep(4.2)
    assert (await http.get(get.url)).status_code in REFUSED
    assert (await http.put(put.url, content=b"late", headers=put.headers)).status_code in REFUSED
    assert await signing.read(key) == b"x"


async def test_a_url_is_shown_nowhere(signing: ObjectStore, key: str) -> None:
    put = await signing.presign("PUT", key, 60)
    assert "http" not in repr(put) + str(put)
    assert signing.origin is not None
    assert put.url.startswith(signing.origin + "/")
