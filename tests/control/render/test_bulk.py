"""Statements over many rows at once."""

import json
import sqlite3
from functools import partial
from typing import Any

import pytest

from control.db.migrate import shipped
from control.render import renders as sql
from tests.control.render.paid import row

pytestmark = pytest.mark.anyio


BULK = (
    *(sql._SAVE_STEPS, sql._DROP_STEPS, sql._OTHER_PRINTS, sql._STAND),
    *(sql._ATTEMPTS, sql._ARTIFACTS, sql._TAKE, sql._TAKE_EVENT),
)


def operations(count: int) -> dict[str, int]:
    """Hundreds of the database engine's operations that each bulk statement takes with so many rows."""
    connection = sqlite3.connect(":memory:")
    for file in shipped().values():
        connection.executescript(file)
    steps = [{**row(f"s{i}", f"{i:064x}"), "id": f"t{i}", "state": "done", "reason": ""} for i in range(count)]
    values: dict[str, Any] = {"render": "r1", "film": "film", "outline": "{}", "now": 1, "since": 0}
    values |= {"steps": json.dumps(steps), "takes": json.dumps(steps), "fps": json.dumps([s["fp"] for s in steps])}
    spent: dict[str, int] = {}
    for statement in BULK:
        ticks: list[int] = [0]
        connection.set_progress_handler(partial(ticks.append, 0), 100)
        connection.execute(statement, values).fetchall()
        spent[statement] = len(ticks)
    connection.close()
    return spent


def test_no_bulk_statement_grows_faster_than_its_rows() -> None:
    few, many = operations(100), operations(1000)
    assert {statement for statement in few if many[statement] > 15 * few[statement]} == set()
