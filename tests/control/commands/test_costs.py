"""Money on the command line, as a person types it."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from control.db.sqlite import SqliteDatabase
from control.render.budget import month_of
from control.render.desk import wall_ms
from tests.control.api.conftest import BOARD
from tests.servers.priced import apart, book, priced_data

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A Studio that has only the door `gpu`, which costs money, and a store that it can reach."""
    (tmp_path / "board.yaml").write_text(BOARD, "utf-8")
    with priced_data(tmp_path / "data"):
        yield {
            **{name: value for name, value in os.environ.items() if not name.startswith("VIVIJURE_")},
            "VIVIJURE_DATA": str(tmp_path / "data"),
            "VIVIJURE_STORE": "s3://films?endpoint=http://127.0.0.1:9",
            "VIVIJURE_S3_KEY_ID": "key",
            "VIVIJURE_S3_SECRET": "secret",
            "VIVIJURE_DOOR": "false",
            "COLUMNS": "160",
        }


@pytest.fixture
def cli(environ: Mapping[str, str], tmp_path: Path) -> Cli:
    """`vivijure` with these arguments, without a terminal."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "control.cli", *args]
        return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=tmp_path, check=False, input="")

    return run


def test_from_no_budget_to_a_quote_that_nobody_is_there_to_accept(cli: Cli) -> None:
    refused = cli("render", "board.yaml")
    assert refused.returncode == 1
    assert "no monthly budget is set" in refused.stderr
    assert "vivijure budget set --month 20" in refused.stderr
    assert "No monthly budget is set" in cli("budget").stdout
    assert "Monthly budget $500.00, $500.00 left." in cli("budget", "set", "--month", "500").stdout
    asked = cli("render", "board.yaml")
    assert asked.returncode == 1
    assert "nobody is there to ask; add --yes, or --max-cost DOLLARS" in asked.stderr
    assert "RunPod flex, H100 80 GB: $0.00116 a worker second" in asked.stdout
    assert "2026-08-20" in asked.stdout
    dear = cli("render", "board.yaml", "--max-cost", "0.01")
    assert "more than the $0.01 allowed" in dear.stderr


def test_a_person_is_asked_and_no_means_no(cli: Cli, environ: Mapping[str, str], tmp_path: Path) -> None:
    cli("budget", "set", "--month", "500")
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "control.cli", "render", "board.yaml"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ, cwd=tmp_path
    )
    os.write(mine, b"n\n")
    said, _ = process.communicate(timeout=120)
    os.close(mine)
    os.close(theirs)
    assert process.returncode == 1
    assert b"Spend up to $" in said
    assert b"Accept the price first" in said
    assert json.loads(cli("costs", "--json").stdout)["jobs"] == 0


def test_a_quote_is_shown_as_a_table_and_as_json(cli: Cli) -> None:
    table = cli("quote", "board.yaml")
    assert table.returncode == 0, table.stderr
    assert "the catalog's estimate" in table.stdout
    assert "About $" in table.stdout
    quote = json.loads(cli("quote", "board.yaml", "--json").stdout)
    assert quote["bound_u"] == sum(line["bound_u"] for line in quote["lines"])
    assert quote["id"] == "", "looking stores nothing"


def test_the_books_as_table_json_and_csv(cli: Cli, environ: Mapping[str, str]) -> None:
    async def write() -> None:
        db = SqliteDatabase(Path(environ["VIVIJURE_DATA"]) / "studio.db")
        await db.batch([("INSERT INTO film(id,title,created_at,updated_at) VALUES('f','[red]=1+1',0,0)", {})])
        await book(db, "a", charge=1_230_000, month=month_of(wall_ms()))
        await book(db, "b", charge=100_000, state="lost", basis="bound", month=month_of(wall_ms()))
        await db.close()

    apart(write())
    table = cli("costs").stdout
    assert "[red]=1+1" in table, "a title is text"
    assert "$0.10 of it for jobs that gave nothing" in table
    assert json.loads(cli("costs", "--json").stdout)["spent_u"] == 1_330_000
    rows = list(csv.DictReader(io.StringIO(cli("costs", "--csv").stdout)))
    assert [(row["film"], row["charge_usd"], row["basis"]) for row in rows] == [
        ("[red]=1+1", "1.230000", "measured"),
        ("[red]=1+1", "0.100000", "bound"),
    ]
    assert cli("costs", "--month", "soon").returncode == 2


def test_a_bill_is_imported_and_a_wrong_one_is_not(cli: Cli, tmp_path: Path) -> None:
    times = {"startTime": "2026-11-01T00:00:00Z", "endTime": "2026-11-01T01:00:00Z"}
    bill = tmp_path / "bill.json"
    bill.write_text(json.dumps({"records": [{"serverlessId": "ep1", "totalAmount": 2, **times}]}), "utf-8")
    told = cli("costs", "import", "bill.json")
    assert "No door is known for ep1: add --account ep1=DOOR" in told.stdout
    assert "No door" not in cli("costs", "import", "bill.json", "--account", "ep1=gpu/animatic").stdout
    shown = cli("costs", "--month", "2026-11").stdout
    assert "Providers billed $2.00; our jobs of those hours cost $0.00." in shown
    for wrong in (["none.json"], ["board.yaml"], ["bill.json", "--account", "ep1"]):
        assert cli("costs", "import", *wrong).returncode == 1
