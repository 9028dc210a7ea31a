"""Files that people send in."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from control.errors import StoreError, TooLarge, UnsupportedMedia
from control.store import ObjectStore
from control.store.folder import FolderStore
from control.store.upload import receive

pytestmark = pytest.mark.anyio


async def stream(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    """A picture."""
    path = tmp_path / "portrait.png"
    Image.effect_noise((62, 40), 50).save(path)
    return path


async def test_a_file_is_kept_under_its_digest_once(store: ObjectStore, portrait: Path) -> None:
    data = portrait.read_bytes()
    sha = hashlib.sha256(data).hexdigest()
    first = await receive(store, portrait)
    second = await receive(store, stream(data), name="again.jpeg")
    assert first.key == second.key == f"uploads/{sha}.png"
    assert (first.sha256, first.size) == (sha, len(data))
    assert await store.read(first.key) == data
    assert [head.key async for head in store.list("uploads/")] == [first.key]


async def test_what_is_refused_leaves_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects")
    with pytest.raises(UnsupportedMedia, match=r"art\.png is a web page"):
        await receive(store, stream(b"<html>no picture</html>"), name="art.png")
    assert [head async for head in store.list("")] == []


async def test_a_cap_holds_for_files_and_for_streams(tmp_path: Path, portrait: Path) -> None:
    store = FolderStore(tmp_path / "objects")
    with pytest.raises(TooLarge, match=r"portrait\.png is larger than 0\.0005 MB"):
        await receive(store, portrait, limit=500)
    with pytest.raises(TooLarge):
        await receive(store, stream(b"x" * 600, 100), limit=500)


async def test_a_damaged_copy_in_the_store_is_noticed(tmp_path: Path, portrait: Path) -> None:
    store = FolderStore(tmp_path / "objects")
    received = await receive(store, portrait)
    (store.root / received.key).write_bytes(b"rotten")
    with pytest.raises(StoreError, match="damaged"):
        await receive(store, portrait)


async def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone\.png cannot be read"):
        await receive(FolderStore(tmp_path / "objects"), tmp_path / "gone.png")
