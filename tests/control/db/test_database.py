"""One suite over every kind of database: a SQLite file, D1 through our Worker, D1 through Cloudflare's API."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from control.db import Database, Statement
from control.errors import DatabaseError

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(empty: Database) -> Database:
    """A database with one table."""
    await empty.batch([("CREATE TABLE thing(id TEXT PRIMARY KEY, n INTEGER NOT NULL)", {})])
    return empty


async def test_a_batch_gives_rows_and_changes_of_each_statement(db: Database) -> None:
    results = await db.batch(
        [
            ("INSERT INTO thing VALUES(:id,1)", {"id": "a"}),
            ("UPDATE thing SET n=n+1", {}),
            ("UPDATE thing SET n=9 WHERE id='nobody'", {}),
            ("SELECT id, n FROM thing", {}),
        ]
    )
    assert [r.changes for r in results] == [1, 1, 0, 0]
    assert results[3].rows == ({"id": "a", "n": 2},)
    assert await db.fetch("SELECT n FROM thing WHERE id=:id", {"id": "a"}) == [{"n": 2}]


async def test_a_batch_that_fails_leaves_nothing_and_spares_the_others(db: Database) -> None:
    good = [db.batch([("INSERT INTO thing VALUES(:id,1)", {"id": f"good{i}"})]) for i in range(5)]
    bad = db.batch([("INSERT INTO thing VALUES('bad',1)", {}), ("INSERT INTO thing VALUES('bad',2)", {})])
    results = await asyncio.gather(*good[:3], bad, *good[3:], return_exceptions=True)
    assert [type(r) for r in results].count(DatabaseError) == 1
    assert {row["id"] for row in await db.fetch("SELECT id FROM thing")} == {f"good{i}" for i in range(5)}


async def test_batches_sent_together_all_arrive(db: Database) -> None:
    await asyncio.gather(*(db.batch([("INSERT INTO thing VALUES(:id,1)", {"id": str(i)})]) for i in range(60)))
    assert (await db.fetch("SELECT COUNT(*) AS n FROM thing"))[0]["n"] == 60


async def test_reads_see_what_was_written_before(db: Database) -> None:
    for n in range(20):
        await db.batch([("INSERT INTO thing VALUES('x',:n) ON CONFLICT(id) DO UPDATE SET n=excluded.n", {"n": n})])
        assert (await db.fetch("SELECT n FROM thing"))[0]["n"] == n


async def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(DatabaseError, match="readonly"):
        await db.fetch("DELETE FROM thing")


@pytest.mark.parametrize("value", [None, "", "ä 'quoted' :n ?1", "\x00null", 0, -1, 2**53, -(2**53), 0.5, 1e300])
async def test_a_value_comes_back_as_it_was_sent(db: Database, value: str | float | None) -> None:
    results = await db.batch([("SELECT :value AS value, typeof(:value) AS kind", {"value": value})])
    kind = {type(None): "null", str: "text", int: "integer", float: "real"}[type(value)]
    assert results[0].rows == ({"value": value, "kind": kind},)


async def test_an_integer_stays_one_where_no_column_gives_it_a_type(db: Database) -> None:
    sql = "SELECT json_object('n',:n) AS object, 'revision:'||:n AS text, :n / 2 AS half"
    assert await db.fetch(sql, {"n": 7}) == [{"object": '{"n":7}', "text": "revision:7", "half": 3}]


async def test_a_name_in_quotes_or_a_remark_is_no_parameter(db: Database) -> None:
    sql = "SELECT ':n' AS a, 'it''s :n' AS b, :n AS \":n\" /* :x */ -- :y\n, :n AS c"
    assert await db.fetch(sql, {"n": "1"}) == [{"a": ":n", "b": "it's :n", ":n": "1", "c": "1"}]


async def test_bulk_rows_travel_as_one_parameter(db: Database) -> None:
    rows = [{"id": str(n), "n": n} for n in range(2000)]
    insert = "INSERT INTO thing SELECT value->>'id', value->>'n' FROM json_each(:rows) WHERE true"
    results = await db.batch([(insert, {"rows": json.dumps(rows)}), ("SELECT SUM(n) AS n FROM thing", {})])
    assert results[0].changes == 2000
    assert results[1].rows[0]["n"] == sum(range(2000))


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("INSERT INTO thing VALUES('a',5) ON CONFLICT DO NOTHING", 0),
        ("INSERT INTO thing VALUES('a',5) ON CONFLICT(id) DO UPDATE SET n=excluded.n WHERE thing.n<0", 0),
        ("INSERT INTO thing VALUES('a',5) ON CONFLICT(id) DO UPDATE SET n=excluded.n", 1),
        ("INSERT INTO thing SELECT 'x',1 WHERE EXISTS(SELECT 1 FROM thing WHERE n>50)", 0),
        ("UPDATE thing SET n=1", 3),
        ("UPDATE thing SET n=7 WHERE id='a' RETURNING n", 1),
        ("DELETE FROM thing WHERE n<3", 2),
        ("SELECT * FROM thing", 0),
    ],
)
async def test_a_statement_knows_how_many_rows_it_changed(db: Database, sql: str, changes: int) -> None:
    before: Sequence[Statement] = [("INSERT INTO thing VALUES('a',1),('b',2),('c',3)", {}), (sql, {}), ("SELECT 1", {})]
    assert [r.changes for r in await db.batch(before)] == [3, changes, 0]


async def test_the_first_statement_that_fails_undoes_those_before_it(db: Database) -> None:
    await db.batch([("CREATE TABLE part(id TEXT REFERENCES thing(id))", {})])
    for bad in (
        "INSERT INTO part VALUES('nobody')",
        "INSERT INTO thing VALUES('a',1)",
        "SELECT nope FROM thing",
        "SELEC",
    ):
        with pytest.raises(DatabaseError):
            await db.batch([("INSERT INTO thing VALUES('a',1)", {}), (bad, {})])
    assert await db.fetch("SELECT * FROM thing") == []


async def test_an_error_says_which_rule_was_broken(db: Database) -> None:
    with pytest.raises(DatabaseError, match=r"UNIQUE constraint failed: thing\.id"):
        await db.batch([("INSERT INTO thing VALUES('a',1)", {}), ("INSERT INTO thing VALUES('a',1)", {})])


async def test_of_many_that_compare_and_set_at_once_one_wins(db: Database) -> None:
    await db.batch([("INSERT INTO thing VALUES('a',0)", {})])
    sql = "UPDATE thing SET n=:new WHERE id='a' AND n=0"
    results = await asyncio.gather(*(db.batch([(sql, {"new": n})]) for n in range(1, 9)))
    assert sorted(r[0].changes for r in results) == [0] * 7 + [1]


async def test_a_missing_parameter_is_told(db: Database) -> None:
    with pytest.raises(DatabaseError, match="id"):
        await db.batch([("INSERT INTO thing VALUES(:id,1)", {})])


async def test_no_statements_are_no_work(db: Database) -> None:
    assert await db.batch([]) == []


async def test_a_closed_database_says_so(db: Database) -> None:
    await db.close()
    with pytest.raises(DatabaseError, match="closed"):
        await db.fetch("SELECT 1")
    with pytest.raises(DatabaseError, match="closed"):
        await db.batch([("SELECT 1", {})])
