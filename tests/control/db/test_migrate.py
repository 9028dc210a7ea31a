import asyncio
import sqlite3
from pathlib import Path

import pytest

from control.db import Database
from control.db.migrate import migrate, shipped, statements
from control.db.sqlite import SqliteDatabase
from control.errors import DatabaseError

pytestmark = pytest.mark.anyio


async def test_migrating_twice_does_nothing_the_second_time(empty: Database) -> None:
    assert await migrate(empty) == list(shipped())
    assert await migrate(empty) == []


async def test_two_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    both = [SqliteDatabase(tmp_path / "studio.db") for _ in range(2)]
    applied = await asyncio.gather(*(migrate(db) for db in both))
    assert sorted(name for names in applied for name in names) == sorted(shipped())
    for db in both:
        await db.close()


async def test_a_database_of_a_newer_release_is_refused(empty: Database) -> None:
    await migrate(empty)
    await empty.batch([("INSERT INTO d1_migrations(name) VALUES('9999_later.sql')", {})])
    with pytest.raises(DatabaseError, match=r"newer Vivijure \(9999_later.sql\)"):
        await migrate(empty)


def test_files_are_numbered_without_gaps() -> None:
    numbers = [int(name[:4]) for name in shipped()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_files_run_whole_as_the_platforms_tool_would_run_them(tmp_path: Path) -> None:
    whole = sqlite3.connect(":memory:")
    split = sqlite3.connect(":memory:")
    for sql in shipped().values():
        whole.executescript(sql)
        for statement in statements(sql):
            split.execute(statement)
    look = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    assert whole.execute(look).fetchall() == split.execute(look).fetchall()
    whole.close()
    split.close()


def test_no_migration_uses_what_d1_refuses() -> None:
    for sql in shipped().values():
        for word in ("BEGIN", "COMMIT", "SAVEPOINT", "ATTACH", "sqlite_version"):
            assert word not in sql.replace("BEGIN IMMEDIATE", "")


def test_a_trigger_is_one_statement() -> None:
    sql = (
        "-- why\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET n=1;\n  UPDATE a SET n=2;\nEND;\nSELECT 1;\n"
    )
    assert [s.split()[0] for s in statements(sql)] == ["CREATE", "SELECT"]


def test_a_file_that_ends_early_is_refused() -> None:
    with pytest.raises(DatabaseError, match="middle of a statement"):
        statements("CREATE TABLE a(\n")
