"""Large documents lie in the store, and nobody who reads the rows notices."""

import hashlib
import json
import secrets
from pathlib import Path

import pytest

from control.db import Database
from control.db.documents import MARK, ROW_BYTES, DocumentDatabase, document_key
from control.errors import ObjectMissing, StoreError
from control.store.folder import FolderStore

pytestmark = pytest.mark.anyio
INSERT = "INSERT INTO thing(id,outline,other) VALUES(:id,:outline,:other)"
SELECT = "SELECT outline, other FROM thing WHERE id=:id"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """An empty one."""
    return FolderStore(tmp_path / "objects")


@pytest.fixture
async def db(empty: Database, store: FolderStore) -> DocumentDatabase:
    """Each kind of database, with one table."""
    await empty.batch([("CREATE TABLE thing(id TEXT PRIMARY KEY, outline TEXT, other TEXT)", {})])
    return DocumentDatabase(empty, store)


def document(size: int) -> str:
    return json.dumps({"text": secrets.token_hex(size // 2)})[: size - 2] + '"}'


async def keys(store: FolderStore) -> list[str]:
    return [head.key async for head in store.list("")]


@pytest.mark.parametrize("size", [2, 1000, ROW_BYTES, ROW_BYTES + 1, 3_000_000])
async def test_a_document_of_any_size_comes_back(db: DocumentDatabase, store: FolderStore, size: int) -> None:
    text = document(size) if size > 2 else "{}"
    assert len(text) == size
    look = (SELECT, {"id": "a"})
    results = await db.batch([(INSERT, {"id": "a", "outline": text, "other": "{}"}), look])
    assert results[1].rows[0]["outline"] == text
    assert await db.fetch(*look) == [{"outline": text, "other": "{}"}]
    lies = [document_key(hashlib.sha256(text.encode()).hexdigest())] if size > ROW_BYTES else []
    assert await keys(store) == lies
    kept = (await db.inner.fetch(*look))[0]["outline"]
    assert (kept == text) == (size <= ROW_BYTES)
    assert len(kept) <= ROW_BYTES


async def test_bytes_are_counted_not_characters(db: DocumentDatabase, store: FolderStore) -> None:
    text = json.dumps({"text": "ä" * 200_000}, ensure_ascii=False)
    await db.batch([(INSERT, {"id": "a", "outline": text, "other": None})])
    assert len(await keys(store)) == 1
    assert (await db.fetch(SELECT, {"id": "a"}))[0]["outline"] == text


async def test_the_same_document_twice_is_one_object(db: DocumentDatabase, store: FolderStore) -> None:
    text = document(300_000)
    for name in ("a", "b"):
        await db.batch([(INSERT, {"id": name, "outline": text, "other": None})])
    assert len(await keys(store)) == 1


async def test_only_columns_of_documents_lead_to_the_store(db: DocumentDatabase) -> None:
    forged = MARK + "0" * 64
    await db.batch([(INSERT, {"id": "a", "outline": "{}", "other": forged})])
    assert (await db.fetch(SELECT, {"id": "a"}))[0]["other"] == forged


async def test_a_document_that_is_gone_or_damaged_is_told(db: DocumentDatabase, store: FolderStore) -> None:
    await db.batch([(INSERT, {"id": "a", "outline": document(300_000), "other": None})])
    (key,) = await keys(store)
    await store.put(key, b"{}", "application/json")
    with pytest.raises(StoreError, match="is not what was put there"):
        await db.fetch(SELECT, {"id": "a"})
    await store.delete(key)
    with pytest.raises(ObjectMissing):
        await db.fetch(SELECT, {"id": "a"})
