"""Numbered SQL files brought into a database, once each; the book-keeping table is the one `wrangler` keeps."""

import sqlite3
from importlib import resources

from control.db import Database, Statement
from control.errors import DatabaseError

_TABLE = """CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)"""


def statements(sql: str) -> list[str]:
    """The single statements of a file; a trigger's inner semicolons do not end it."""
    found, rest = [], ""
    for line in sql.splitlines(keepends=True):
        if not rest and (not line.strip() or line.lstrip().startswith("--")):
            continue
        rest += line
        if sqlite3.complete_statement(rest):
            found.append(rest.strip())
            rest = ""
    if rest.strip():
        raise DatabaseError(f"a migration ends in the middle of a statement: {rest.strip()[:80]!r}")
    return found


def shipped() -> dict[str, str]:
    """The migrations of this release: file name to SQL, in order."""
    folder = resources.files("control.db") / "migrations"
    return {f.name: f.read_text("utf-8") for f in sorted(folder.iterdir(), key=lambda f: f.name) if f.name[0].isdigit()}


async def migrate(db: Database) -> list[str]:
    """Bring the database to this release and return the names applied now. Safe at the same moment in two processes.

    Raises `DatabaseError` for a database of a newer release.
    """
    known = shipped()
    await db.batch([(_TABLE, {})])
    applied = await _applied(db)
    if unknown := sorted(applied - known.keys()):
        raise DatabaseError(f"the database was written by a newer Vivijure ({unknown[-1]}); update this one")
    return [name for name, sql in known.items() if name not in applied and await _apply(db, name, sql)]


async def _apply(db: Database, name: str, sql: str) -> bool:
    # The unique name comes first: of two processes, one fails on it before it changes anything.
    batch: list[Statement] = [("INSERT INTO d1_migrations(name) VALUES(:name)", {"name": name})]
    batch += [(statement, {}) for statement in statements(sql)]
    try:
        await db.batch(batch)
    except DatabaseError:
        if name in await _applied(db):
            return False
        raise
    return True


async def _applied(db: Database) -> set[str]:
    return {row["name"] for row in await db.fetch("SELECT name FROM d1_migrations")}
