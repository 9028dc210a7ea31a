"""A Studio whose database is D1: opened by its settings, served over a real socket."""

import asyncio
from pathlib import Path

import pytest

from control.db.d1 import D1Database
from control.db.sqlite import SqliteDatabase
from control.settings import load
from control.studio import open_database
from tests.servers.d1 import TOKEN, D1Server
from tests.servers.studio import studio

BOARD = "title: On D1\nscenes:\n  - heading: INT. ROOM - DAY\n    shots: [{action: A room.}]\n"
KEY = {"Idempotency-Key": "1"}


def test_a_studio_keeps_its_films_on_d1(d1: D1Server, tmp_path: Path) -> None:
    d1.reset()
    (tmp_path / "token").write_text(TOKEN)
    values = {"database": f"d1+{d1.url}", "d1_token_file": str(tmp_path / "token")}
    with studio(tmp_path / "data", **values) as running, running.client() as client:
        made = client.post("/api/films", json={"text": BOARD}, headers=KEY)
        assert made.status_code == 201, made.text
    with studio(tmp_path / "data", **values) as running, running.client() as client:
        assert "On D1" in client.get("/api/films").text
    assert not (tmp_path / "data" / "studio.db").exists()


async def check_target(value: str, url: str) -> None:
    db = open_database(load({"VIVIJURE_DATABASE": value, "VIVIJURE_D1_TOKEN": "hush"}))
    assert isinstance(db, D1Database)
    assert db.target.url == url
    assert "hush" not in repr(db.target)
    await db.close()


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("d1://0a1b/c-d", "https://api.cloudflare.com/client/v4/accounts/0a1b/d1/database/c-d/query"),
        ("d1+https://db.example.org/films/", "https://db.example.org/films/batch"),
    ],
)
def test_a_setting_leads_to_its_database(value: str, url: str) -> None:
    asyncio.run(check_target(value, url))


def test_a_file_is_sqlite(tmp_path: Path) -> None:
    db = open_database(load({"VIVIJURE_DATABASE": str(tmp_path / "films.db")}))
    assert isinstance(db, SqliteDatabase)
    asyncio.run(db.close())
    assert (tmp_path / "films.db").exists()
