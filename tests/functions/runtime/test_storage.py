"""One suite over every kind of store, with the URLs that the Studio makes at dispatch: a folder, and one that a Studio
serves; SeaweedFS and Cloudflare's R2, each by credentials and by presigned URLs; plain URLs.
"""

import asyncio
import contextlib
import hashlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from control.render.request import dispatch
from control.store import ObjectStore
from functions.contract import keys
from functions.contract.errors import DiskFull, InputError, KeyRefused, StorageError
from functions.contract.job import JobRequest
from functions.runtime.bucket import BucketStorage
from functions.runtime.folder import FolderStorage
from functions.runtime.presigned import PresignedStorage
from functions.runtime.storage import Storage
from tests.servers.engines import OUTPUT
from tests.servers.jobs import STUDIO, request, upload
from tests.servers.objects import ObjectServer
from tests.servers.s3 import S3Server
from tests.servers.stores import s3_store, served_store

DATA = os.urandom(3_000_000)
JSON = "application/json"
BIN = "application/octet-stream"


def dispatched(job: JobRequest, store: ObjectStore) -> JobRequest:
    """The request with its URLs, as the Studio sends it."""

    async def dispatch_and_close() -> JobRequest:
        try:
            now = time.time_ns() // 1_000_000
            return await dispatch(job.model_copy(update={"transport": "presigned"}), 1, store, STUDIO, now)
        finally:
            await store.close()

    return asyncio.run(dispatch_and_close())


@pytest.fixture
def job() -> JobRequest:
    """Names the keys that the suite uses."""
    return request("write", inputs={"data": upload(DATA)}, max_bytes=len(DATA))


KINDS = ["folder", "served", "seaweed", "seaweed-signed", "r2", "r2-signed", "urls"]


@pytest.fixture(params=KINDS)
def any_store(
    request: pytest.FixtureRequest, job: JobRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Storage, Callable[[str, bytes], object]]]:
    """(a store, how an input comes to lie in it)."""
    kind = request.param
    if kind == "folder":
        root = tmp_path / "objects"
        root.mkdir()
        folder = FolderStorage(root)
        yield folder, lambda key, data: folder.create(key, data, BIN)
    elif kind == "served":
        with served_store(tmp_path / "objects") as served:
            beside = FolderStorage(served.root)
            yield PresignedStorage(dispatched(job, served)), lambda key, data: beside.create(key, data, BIN)
    elif kind == "urls":
        objects: ObjectServer = request.getfixturevalue("objects")
        presigned = job.model_copy(update=objects.signed(job))
        yield PresignedStorage(presigned), lambda key, data: objects.objects.update({key: data})
    else:
        server: S3Server = request.getfixturevalue("d1").r2 if "r2" in kind else request.getfixturevalue("s3")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        bucket = BucketStorage(server.bucket)
        store: Storage = PresignedStorage(dispatched(job, s3_store(server))) if "signed" in kind else bucket
        yield store, lambda key, data: bucket.create(key, data, BIN)
        bucket.close()


Store = tuple[Storage, Callable[[str, bytes], object]]


def test_nothing_is_found_where_nothing_was_put(any_store: Store, job: JobRequest, tmp_path: Path) -> None:
    store, _ = any_store
    assert store.get(job.reserved.result.key, 100) is None
    assert store.fetch(job.inputs["data"].key, tmp_path / "x", 10**7) is None


def test_object_is_created_once(any_store: Store, job: JobRequest) -> None:
    store, _ = any_store
    key = job.reserved.result.key
    assert store.create(key, b"first", JSON) is True
    assert store.create(key, b"second", JSON) is False
    assert store.get(key, 100) == b"first"


def test_file_is_created_and_never_replaced(any_store: Store, job: JobRequest, tmp_path: Path) -> None:
    store, _ = any_store
    key, source = job.outputs[OUTPUT].key, tmp_path / "made"
    source.write_bytes(DATA)
    assert store.create(key, source, BIN) is True
    source.write_bytes(b"other")
    assert store.create(key, source, BIN) is False
    got = store.fetch(key, tmp_path / "copy", len(DATA))
    assert got is not None
    assert (got.sha256, got.size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert (tmp_path / "copy").read_bytes() == DATA


def test_of_many_creators_one_wins(any_store: Store, job: JobRequest) -> None:
    store, _ = any_store
    bodies = [str(n).encode() * 1000 for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(lambda data: store.create(job.reserved.started.key, data, JSON), bodies))
    assert wins.count(True) == 1
    assert store.get(job.reserved.started.key, 10_000) == bodies[wins.index(True)]


def test_put_overwrites(any_store: Store, job: JobRequest) -> None:
    store, _ = any_store
    key = job.reserved.progress.key
    store.put(key, b"one", JSON)
    store.put(key, b"two", JSON)


def test_reading_is_bounded(any_store: Store, job: JobRequest, tmp_path: Path) -> None:
    store, place = any_store
    place(job.inputs["data"].key, DATA)
    store.create(job.reserved.result.key, b"x" * 1000, JSON)
    with pytest.raises(StorageError, match="larger than 999"):
        store.get(job.reserved.result.key, 999)
    with pytest.raises(InputError, match="larger than"):
        store.fetch(job.inputs["data"].key, tmp_path / "x", len(DATA) - 1)


def test_full_disk_is_told(any_store: Store, job: JobRequest, tmp_path: Path) -> None:
    store, place = any_store
    place(job.inputs["data"].key, DATA)
    with file_size_limit(1_000_000), pytest.raises(DiskFull, match="free some"):
        store.fetch(job.inputs["data"].key, tmp_path / "x", len(DATA))


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Writing beyond so many bytes fails as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# a folder


HOSTILE = [
    "../outside",
    "/etc/passwd",
    "artifacts/../../outside",
    "artifacts/./x",
    "artifacts//x",
    "artifacts/x\0y",
    "artifacts/%2e%2e/x",
    "artifacts\\..\\x",
    "artifacts/ｘ",
    "artifacts/a\u2024\u2024/x",
    ".tmp/x",
    "",
]


@pytest.mark.parametrize("key", HOSTILE)
def test_folder_refuses_keys_that_are_no_plain_path(store: FolderStorage, key: str, tmp_path: Path) -> None:
    for act in (
        lambda: store.get(key, 10),
        lambda: store.fetch(key, tmp_path / "x", 10),
        lambda: store.put(key, b"x", JSON),
        lambda: store.create(key, b"x", JSON),
    ):
        with pytest.raises(KeyRefused):
            act()
    assert list(store.root.iterdir()) == []


def test_folder_follows_no_link(store: FolderStorage, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_bytes(b"secret")
    (store.root / "uploads").symlink_to(secret)
    (store.root / "link").symlink_to(secret / "file")
    assert store.get("uploads/file", 100) is None
    with pytest.raises(StorageError):
        store.get("link", 100)
    with pytest.raises(StorageError):
        store.create("uploads/new", b"x", JSON)
    assert store.create("link", b"x", JSON) is False
    store.put("link", b"replaced", JSON)
    assert sorted(p.name for p in secret.iterdir()) == ["file"]
    assert (secret / "file").read_bytes() == b"secret"


def test_folder_leaves_no_part_behind(store: FolderStorage, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(DATA)
    with file_size_limit(1_000_000), pytest.raises(DiskFull):
        store.create("artifacts/x", source, BIN)
    assert [p for p in store.root.rglob("*") if p.is_file()] == []


def test_folder_that_is_gone_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        FolderStorage(tmp_path / "nowhere").create("a/b", b"x", JSON)


# signed URLs


def test_urls_are_tried_again_while_the_store_is_busy(objects: ObjectServer) -> None:
    job = request("write")
    store = PresignedStorage(job.model_copy(update=objects.signed(job)))
    objects.answers += [503, 409]
    assert store.create(job.reserved.result.key, b"x", JSON) is True
    assert len(objects.requests) == 3


@pytest.mark.parametrize("answer", [301, 400, 403, 404])
def test_urls_that_are_refused_are_not_tried_again(objects: ObjectServer, answer: int) -> None:
    job = request("write")
    store = PresignedStorage(job.model_copy(update=objects.signed(job)))
    objects.answers += [answer]
    with pytest.raises(StorageError, match=str(answer)):
        store.create(job.reserved.result.key, b"x", JSON)
    assert len(objects.requests) == 1


def test_key_without_url_is_out_of_reach(objects: ObjectServer) -> None:
    job = request("write")
    store = PresignedStorage(job.model_copy(update=objects.signed(job)))
    with pytest.raises(KeyRefused):
        store.get(keys.artifact_key("0" * 64, job.job_id, "x"), 10)
    assert objects.requests == []


def test_expired_and_altered_urls_are_storage_errors(s3: S3Server) -> None:
    job = request("write")
    expired = s3.presign("PUT", job.reserved.result.key, seconds=1, content_type=JSON)
    altered = s3.presign("PUT", job.reserved.result.key, content_type=JSON).replace("Signature=", "Signature=0")
    time.sleep(2)
    for url in (expired, altered):
        held = job.reserved.model_copy(update={"result": job.reserved.result.model_copy(update={"put_url": url})})
        with pytest.raises(StorageError, match="403"):
            PresignedStorage(job.model_copy(update={"reserved": held})).create(job.reserved.result.key, b"x", JSON)
