"""Signed object URLs as the Studio serves them: what only it can refuse, and that it refuses before it looks."""

import asyncio
import hashlib
import hmac
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx2
import pytest
from nacl.signing import SigningKey

from control.errors import Forbidden, StoreError
from control.store import Presigned
from control.store.served import WEEK_S, Permit, ServedFolder, Signer, object_key
from tests.servers.stores import served_store
from tests.servers.studio import studio

KEY = "artifacts/ab/film/image.png"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ServedFolder]:
    """A folder whose Studio runs."""
    with served_store(tmp_path / "objects") as found:
        yield found


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """A client that knows nothing but the URL."""
    with httpx2.Client(trust_env=False, timeout=30) as client:
        yield client


def put_url(store: ServedFolder, **options: object) -> Presigned:
    return asyncio.run(store.presign("PUT", KEY, 60, **{"content_type": "image/png", **options}))  # type: ignore[arg-type]


def get_url(store: ServedFolder) -> str:
    return asyncio.run(store.presign("GET", KEY, 60)).url


def left(store: ServedFolder) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_no_more_than_the_signed_size_is_taken(store: ServedFolder, http: httpx2.Client) -> None:
    put = put_url(store, max_bytes=1000)
    assert http.put(put.url, content=b"x" * 1001, headers=put.headers).status_code == 413
    assert left(store) == []
    assert http.put(put.url, content=b"x" * 1000, headers=put.headers).status_code == 200


def test_a_body_of_unknown_size_is_refused(store: ServedFolder, http: httpx2.Client) -> None:
    put = put_url(store, max_bytes=1000)
    answer = http.put(put.url, content=iter([b"x" * 600] * 3), headers=put.headers)
    assert answer.status_code == 400
    assert left(store) == []


def test_an_upload_that_breaks_off_leaves_nothing(store: ServedFolder) -> None:
    put = put_url(store)
    parts = urlsplit(put.url)
    headers = "".join(f"{name}: {value}\r\n" for name, value in put.headers.items())
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}Content-Length: 100\r\n\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as line:
        line.sendall(head.encode() + b"x" * 50)
    with httpx2.Client(trust_env=False) as http:
        assert http.get(get_url(store)).status_code == 404
        assert http.put(put.url, content=b"whole", headers=put.headers).status_code == 200
    assert [path.read_bytes() for path in left(store) if ".tmp" not in path.parts] == [b"whole"]


def test_what_only_looks_like_the_signed_request_is_refused(store: ServedFolder, http: httpx2.Client) -> None:
    asyncio.run(store.put(KEY, b"x", "image/png"))
    url = get_url(store)
    path, _, query = url.partition("?")
    base = path.removesuffix(KEY)
    assert http.get(url).status_code == 200
    for other in (
        url + "&expires=9999999999",
        url + "&more=1",
        url.replace("mac=", "mac=0"),
        url.replace("mac=", "MAC="),
        f"{path}?{query}&mac={'0' * 64}",
        f"{base}artifacts/ab/%2e/film/image.png?{query}",
        f"{base}artifacts//ab/film/image.png?{query}",
        f"{base}{quote('artifacts/ab/film/../film/image.png', safe='')}?{query}",
        f"{base}%2e%2e/objects/{KEY}?{query}",
        f"{base}{KEY}/?{query}",
        f"{base}?{query}",
        f"{base}{quote(KEY + chr(0), safe='')}?{query}",
        f"{base}{KEY.replace('image', 'imаge')}?{query}",
        f"{path}?{urlencode([(k, v) for k, v in parse_qsl(query) if k != 'expires'])}",
    ):
        assert http.get(other).status_code in (403, 404), other
    for method in ("HEAD", "DELETE", "POST", "OPTIONS"):
        assert http.request(method, url).status_code in (403, 405), method


def test_a_forged_address_is_refused_before_the_folder_is_touched(tmp_path: Path, http: httpx2.Client) -> None:
    with served_store(tmp_path / "objects") as store:
        good = put_url(store)
        forged = good.url[:-1] + ("0" if good.url[-1] != "0" else "1")
        (tmp_path / "objects").rename(tmp_path / "away")  # whatever touches it fails with another answer
        for method, body in (("GET", None), ("PUT", b"x" * 5_000_000)):
            assert http.request(method, forged, content=body, headers=good.headers).status_code == 403
        assert http.put(good.url, content=b"x", headers=good.headers).status_code == 404
        (tmp_path / "away").rename(tmp_path / "objects")
        assert left(store) == []


def test_nothing_lists_or_names_what_is_stored(store: ServedFolder, http: httpx2.Client) -> None:
    asyncio.run(store.put(KEY, b"x", "image/png"))
    base = f"{store.signer.base}/objects"
    for path in ("", "/", "/artifacts", "/artifacts/", f"/{KEY}"):
        answer = http.get(base + path)
        assert answer.status_code in (403, 404)
        assert "film/image" not in answer.text.replace(f"/objects/{KEY}", "")


def test_what_is_served_is_no_page(store: ServedFolder, http: httpx2.Client) -> None:
    asyncio.run(store.put("artifacts/ab/page.html", b"<script>", "text/html"))
    answer = http.get(asyncio.run(store.presign("GET", "artifacts/ab/page.html", 60)).url)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]


def test_a_studio_without_a_folder_serves_none(tmp_path: Path, http: httpx2.Client) -> None:
    store = "s3://films?endpoint=http://127.0.0.1:9"
    with studio(tmp_path, store=store, s3_key_id="k", s3_secret="s") as running:
        assert http.get(f"{running.url}/objects/{KEY}?mac=x").status_code == 404


# the signer itself


def test_each_purpose_has_its_own_key() -> None:
    key = SigningKey(b"k" * 32)
    others = {hmac.new(bytes(key), label, hashlib.sha256).digest() for label in (b"", b"vivijure doorbell")}
    assert object_key(key) not in {bytes(key), object_key(SigningKey(b"l" * 32)), *others}


def test_another_studios_address_is_refused(tmp_path: Path) -> None:
    ours, theirs = (Signer(object_key(SigningKey(c * 32)), "http://x", lambda: 0) for c in (b"a", b"b"))
    url = urlsplit(asyncio.run(ServedFolder(tmp_path, theirs).presign("GET", KEY, 60)).url)
    with pytest.raises(Forbidden, match="not signed"):
        ours.permit("GET", KEY, dict(parse_qsl(url.query)))


def test_no_address_lives_longer_than_seven_days(tmp_path: Path) -> None:
    now = [1_000_000]
    signer = Signer(b"k", "http://x", lambda: now[0])
    url = urlsplit(asyncio.run(ServedFolder(tmp_path, signer).presign("GET", KEY, 10**9)).url)
    query = dict(parse_qsl(url.query))
    now[0] += WEEK_S * 1000 - 1
    assert signer.permit("GET", KEY, query).key == KEY
    now[0] += 1
    with pytest.raises(Forbidden, match="expired"):
        signer.permit("GET", KEY, query)


def test_no_part_of_an_address_passes_for_another() -> None:
    signer = Signer(b"k", "http://x", lambda: 0)
    query = {"expires": "99", "create": "1", "max": "5", "type": "image/png"}
    mac = dict(parse_qsl(urlsplit(signer.url(Permit("PUT", "a/b", 99, True, 5, "image/png"))).query))["mac"]
    assert signer.permit("PUT", "a/b", {**query, "mac": mac}).max_bytes == 5
    for key, changed in (
        ("a/bcreate=1", {name: value for name, value in query.items() if name != "create"}),
        ("a/b8:create=1", {name: value for name, value in query.items() if name != "create"}),
        ("a/b", {**query, "max": "59:type=image/png"}),
        ("a/b", {"expires": "99", "create": "1", "max": "5", "type": "image/png9:expires=9"}),
    ):
        with pytest.raises(Forbidden):
            signer.permit("PUT", key, {**changed, "mac": mac})


def test_what_is_no_key_is_not_signed(tmp_path: Path) -> None:
    store = ServedFolder(tmp_path, Signer(b"k", "http://x", lambda: 0))
    for key in ("../x", "/x", "", "a//b", ".tmp/x"):
        with pytest.raises(StoreError, match="is not an object key"):
            asyncio.run(store.presign("GET", key, 60))
