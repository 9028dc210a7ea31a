"""Cloudflare's own tool takes our migrations and our Worker as they are."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from control.db.migrate import shipped
from tests.servers.node import Unavailable, installed

pytestmark = pytest.mark.slow
DB = Path(__file__).parents[3] / "control" / "db"
SOURCE = Path(__file__).parents[2] / "servers" / "wrangler"


@pytest.fixture(scope="module")
def wrangler() -> list[str]:
    """The tool's command."""
    try:
        node, home = installed(SOURCE)
    except Unavailable as reason:
        pytest.skip(f"needs Cloudflare's wrangler, and {reason}")
    return [str(node), str(home / "node_modules" / "wrangler" / "bin" / "wrangler.js")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped Worker and migrations, where the tool may write beside them."""
    shutil.copytree(DB / "d1_worker", tmp_path / "d1_worker")
    shutil.copytree(DB / "migrations", tmp_path / "migrations")
    return tmp_path / "d1_worker"


def run(wrangler: list[str], folder: Path, *words: str) -> str:
    bundled = Path(wrangler[0]).parent
    environment = {
        "PATH": f"{bundled}:{os.environ['PATH']}",
        "HOME": str(folder.parent),
        "CI": "1",
        "WRANGLER_SEND_METRICS": "false",
    }
    done = subprocess.run(
        [*wrangler, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_migrations_apply_once_and_ours_follows_on(wrangler: list[str], folder: Path) -> None:
    apply = ("d1", "migrations", "apply", "vivijure", "--local")
    said = run(wrangler, folder, *apply)
    assert all(name in said for name in shipped())
    assert "No migrations to apply" in run(wrangler, folder, *apply)
    look = "SELECT name FROM d1_migrations ORDER BY id"
    found = json.loads(run(wrangler, folder, "d1", "execute", "vivijure", "--local", "--json", "--command", look))
    assert [row["name"] for row in found[0]["results"]] == list(shipped())


def test_the_worker_builds(wrangler: list[str], folder: Path) -> None:
    said = run(wrangler, folder, "deploy", "--dry-run", "--outdir", str(folder.parent / "built"))
    assert "env.DB" in said
    assert (folder.parent / "built" / "worker.js").exists()
