"""One suite over every kind of object store."""

import asyncio
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from control.errors import ObjectExists, ObjectMissing, StoreError, StoreFull
from control.store import CHUNK, ObjectStore
from control.store.folder import FolderStore
from tests.servers.objects import object_server
from tests.servers.s3 import S3Server
from tests.servers.stores import s3_store

pytestmark = pytest.mark.anyio
KEY = "artifacts/ab/x/image.png"
ROOT = Path(__file__).parents[3]


async def collected(store: ObjectStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.stream(key, start, end)])


async def test_an_object_comes_back_as_it_was_put(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(data := secrets.token_bytes(3 * CHUNK + 17))
    await store.put_create(KEY, source, "image/png")
    head = await store.head(KEY)
    assert head is not None
    assert (head.key, head.size, head.content_type) == (KEY, len(data), "image/png")
    assert head.modified > 1_700_000_000_000
    assert await store.read(KEY, len(data)) == data
    await store.fetch(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


async def test_what_exists_is_never_overwritten_by_a_creation(store: ObjectStore) -> None:
    await store.put_create(KEY, b"first", "image/png")
    with pytest.raises(ObjectExists, match="never overwritten"):
        await store.put_create(KEY, b"second", "image/png")
    assert await store.read(KEY) == b"first"
    await store.put(KEY, b"third", "image/png")
    assert await store.read(KEY) == b"third"


async def test_of_many_creations_at_once_one_wins(store: ObjectStore) -> None:
    bodies = [f"writer {n}".encode() for n in range(8)]
    results = await asyncio.gather(
        *(store.put_create(KEY, body, "image/png") for body in bodies), return_exceptions=True
    )
    assert [type(r) for r in results].count(ObjectExists) == 7
    assert await store.read(KEY) == bodies[results.index(None)]


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 1), (5, 10), (CHUNK - 1, CHUNK + 2), (2 * CHUNK, None), (0, 0), (9, 9)]
)
async def test_ranges(store: ObjectStore, start: int, end: int | None) -> None:
    data = secrets.token_bytes(2 * CHUNK + 5)
    await store.put(KEY, data, "image/png")
    assert await collected(store, KEY, start, end) == data[start:end]


async def test_an_empty_object(store: ObjectStore) -> None:
    await store.put_create(KEY, b"", "image/png")
    head = await store.head(KEY)
    assert head is not None
    assert head.size == 0
    assert await collected(store, KEY) == b""


async def test_what_is_not_there(store: ObjectStore, tmp_path: Path) -> None:
    assert await store.head("uploads/nothing.png") is None
    await store.delete("uploads/nothing.png")
    with pytest.raises(ObjectMissing, match=r"no object uploads/nothing\.png"):
        await store.read("uploads/nothing.png")
    with pytest.raises(ObjectMissing):
        await store.fetch("uploads/nothing.png", tmp_path / "copy")
    with pytest.raises(ObjectMissing):
        await collected(store, "uploads/nothing.png")


async def test_a_read_has_a_limit(store: ObjectStore) -> None:
    await store.put(KEY, b"12345", "image/png")
    assert await store.read(KEY, 5) == b"12345"
    with pytest.raises(StoreError, match="larger than the 4 bytes"):
        await store.read(KEY, 4)


async def test_listing_is_by_prefix_and_in_order(store: ObjectStore) -> None:
    for key in ("b/2", "a/1", "b/10", "b/1", "c"):
        await store.put(key, key.encode(), "image/png")
    assert [head.key async for head in store.list("b/")] == ["b/1", "b/10", "b/2"]
    assert [head.key async for head in store.list("b/1")] == ["b/1", "b/10"]
    assert [head.key async for head in store.list("")] == ["a/1", "b/1", "b/10", "b/2", "c"]
    assert [head async for head in store.list("nothing/")] == []
    await store.delete("b/10")
    assert [head.size async for head in store.list("b/")] == [3, 3]


@pytest.mark.parametrize(
    "key", ["../x", "a/../x", "/etc/passwd", "a//b", "", "A", ".tmp/x", "a/.b", "a\\b", "a/b/", "x" * 300, "a\n"]
)
async def test_a_folder_is_never_left(tmp_path: Path, key: str) -> None:
    store = FolderStore(tmp_path / "objects")
    with pytest.raises(StoreError, match="is not an object key"):
        await store.put(key, b"x", "image/png")
    with pytest.raises(StoreError, match="is not an object key"):
        await store.read(key)


async def test_no_unfinished_file_is_left_or_seen(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects")
    with pytest.raises(StoreError):
        await store.put_create(KEY, tmp_path / "no such source", "image/png")
    await store.put_create(KEY, b"x", "image/png")
    assert [head.key async for head in store.list("")] == [KEY]
    assert not list((tmp_path / "objects" / ".tmp").iterdir())


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from control.errors import StoreFull
from control.store.folder import FolderStore

async def main():
    store = FolderStore(Path(sys.argv[1]))
    try:
        await store.put_create("a/b", b"x" * 1_000_000, "image/png")
    except StoreFull as error:
        print(error)
    print([head async for head in store.list("")], list((Path(sys.argv[1]) / ".tmp").iterdir()))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
asyncio.run(main())
"""


async def test_a_full_disk_fails_clearly_and_leaves_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", FULL, str(tmp_path / "objects")]
    done = await asyncio.to_thread(subprocess.run, argv, cwd=ROOT, capture_output=True, text=True, check=True)
    said, left = done.stdout.splitlines()
    assert said.startswith("no space is left in")
    assert left == "[] []"
    assert StoreFull.status == 507


async def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="file"):
        FolderStore(tmp_path / "file" / "objects")


async def test_a_folder_cannot_sign(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert store.origin is None
    assert store.folder == tmp_path
    with pytest.raises(StoreError, match="cannot sign"):
        await store.presign("GET", KEY, 60)


async def test_an_upload_in_parts_is_created_once(s3: S3Server, tmp_path: Path) -> None:
    store = s3_store(s3, part=5 << 20)
    source = tmp_path / "large"
    source.write_bytes(data := secrets.token_bytes((20 << 20) + 1))
    key = f"parts/{secrets.token_hex(4)}.bin"
    await store.put_create(key, source, "application/octet-stream")
    assert await store.read(key, len(data)) == data
    with pytest.raises(ObjectExists):
        await store.put_create(key, source, "application/octet-stream")
    assert not s3.client().list_multipart_uploads(Bucket=s3.bucket).get("Uploads")
    await store.delete(key)
    await store.close()


async def test_wrong_credentials_and_no_server_are_told_apart(s3: S3Server) -> None:
    wrong = s3_store(s3, secret="not it")
    with pytest.raises(StoreError, match=r"refused a/b: (403|SignatureDoesNotMatch)"):
        await wrong.put("a/b", b"x", "image/png")
    await wrong.close()
    nowhere = s3_store(S3Server("http://127.0.0.1:9", "bucket"))
    with pytest.raises(StoreError, match="cannot be reached"):
        await nowhere.head("a/b")
    await nowhere.close()


async def test_creations_that_meet_are_sent_again(tmp_path: Path) -> None:
    with object_server() as server:
        store = s3_store(S3Server(server.origin, "films"))
        server.answers += [409, 409]
        await store.put_create("a/b", b"x", "image/png")
        assert len(server.requests) == 3
        server.answers += [412]
        with pytest.raises(ObjectExists):
            await store.put_create("a/b", b"x", "image/png")
        server.answers += [409] * 9
        with pytest.raises(StoreError, match="by somebody else; try again"):
            await store.put_create("a/c", b"x", "image/png")
        await store.close()
