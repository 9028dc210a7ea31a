import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control.db.sqlite import SqliteDatabase
from control.errors import DatabaseError, DatabaseLocked

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """An empty database with one table."""
    found = SqliteDatabase(tmp_path / "studio.db", busy_ms=200)
    await found.batch([("CREATE TABLE thing(id TEXT PRIMARY KEY, n INTEGER NOT NULL)", {})])
    yield found
    await found.close()


async def test_a_database_locked_by_another_process_says_so(db: SqliteDatabase) -> None:
    script = (
        "import sqlite3,sys,time; c=sqlite3.connect(sys.argv[1],isolation_level=None); c.execute('BEGIN IMMEDIATE');"
        "print('locked',flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(db.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(DatabaseLocked, match=r"another process .*studio\.db.* try again"):
            await db.batch([("INSERT INTO thing VALUES('a',1)", {})])
        assert await db.fetch("SELECT * FROM thing") == []  # reading goes on
        other.communicate()
    await db.batch([("INSERT INTO thing VALUES('a',1)", {})])


async def test_two_processes_write_one_file(tmp_path: Path, db: SqliteDatabase) -> None:
    other = SqliteDatabase(db.path)
    for each in range(20):
        await asyncio.gather(
            db.batch([("INSERT INTO thing VALUES(:id,1)", {"id": f"a{each}"})]),
            other.batch([("INSERT INTO thing VALUES(:id,1)", {"id": f"b{each}"})]),
        )
    await other.close()
    assert (await db.fetch("SELECT COUNT(*) AS n FROM thing"))[0]["n"] == 40


async def test_a_reading_that_was_slow_once_holds_nothing_up_again(db: SqliteDatabase) -> None:
    slow = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<300000)
        SELECT SUM(i) AS n FROM n"""

    async def turns_meanwhile() -> int:
        reading, turns = asyncio.create_task(db.fetch(slow)), 0
        while not reading.done():
            await asyncio.sleep(0)
            turns += 1
        assert (await reading)[0]["n"] == 45_000_150_000
        return turns

    assert await turns_meanwhile() < 5
    assert await turns_meanwhile() > 20


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from control.db.sqlite import SqliteDatabase
from control.errors import DatabaseError

async def main():
    db = SqliteDatabase(Path(sys.argv[1]))
    await db.batch([("CREATE TABLE thing(text TEXT)", {}), ("INSERT INTO thing VALUES('kept')", {})])
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    for _ in range(3):
        try:
            await db.batch([("INSERT INTO thing VALUES(:text)", {"text": "x" * 1_000_000})])
        except DatabaseError as error:
            print(type(error).__name__, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await db.batch([("INSERT INTO thing VALUES('after')", {})])
    print([row["text"] for row in await db.fetch("SELECT text FROM thing")])
    await db.close()

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(main())
"""


async def test_a_full_disk_fails_clearly_and_loses_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", FULL, str(tmp_path / "full.db")]
    done = await asyncio.to_thread(subprocess.run, argv, cwd=ROOT, capture_output=True, text=True, check=True)
    *failures, kept = done.stdout.splitlines()
    assert len(failures) == 3
    assert all("full.db" in line for line in failures)
    assert kept == "['kept', 'after']"


async def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from control.db.sqlite import SqliteDatabase

async def main():
    db = SqliteDatabase(Path(sys.argv[1]))
    await db.batch([("CREATE TABLE thing(n INTEGER)", {})])
    n = 0
    while True:
        await db.batch([("INSERT INTO thing VALUES(:n)", {"n": n})])
        print(n, flush=True)
        n += 1

asyncio.run(main())
"""
    path = tmp_path / "killed.db"
    with subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = [child.stdout.readline() for _ in range(20)]
        child.kill()
        answered = [int(line) for line in b"".join([*first, child.stdout.read()]).split()]
    connection = sqlite3.connect(path)
    kept = [row[0] for row in connection.execute("SELECT n FROM thing ORDER BY n")]
    connection.close()
    assert kept[: len(answered)] == answered


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    db = SqliteDatabase(tmp_path / "x.db")
    await db.close()
    await db.close()
    with pytest.raises(DatabaseError, match="closed"):
        await db.fetch("SELECT 1")


async def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"hello" * 1000)
    with pytest.raises(DatabaseError, match=r"x\.db failed: file is not a database"):
        SqliteDatabase(path)
