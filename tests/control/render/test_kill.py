"""Studio and door killed at random moments: the render still ends, and nothing is made twice to completion."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.servers.door import environment

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]
KILLS = 3
STUDIO = """
import asyncio, sys
from pathlib import Path
from control.graph.model import Recipe
from control.render.session import Place, opened
from control.store.folder import FolderStore
from tests.control.render.bench import BOARD
from tests.servers.engines import MANIFEST
from tests.servers.graphs import CATALOG, Graphs, Node

NODES = {f"s{i}/key": Node(f"slow:0.{i:02d}") for i in range(10, 16)}
NODES |= {f"s{i}/clip": Node(f"write:{i}", (f"s{i}/key",), after=f"s{i}/key") for i in range(10, 16)}
NODES |= {"film": Node("write:film", tuple(f"s{i}/clip" for i in range(10, 16)))}

async def main(data):
    (data / "catalog").mkdir(parents=True, exist_ok=True)
    (data / "catalog" / "echo.toml").write_text(MANIFEST)
    place = Place(data, data / "studio.db", workers=2, door_options=["--catalog", str(data / "catalog")])
    async with opened(place, FolderStore(data / "objects"), Graphs(NODES), CATALOG) as session:
        studio = session.studio
        found = (await studio.renders()).items
        if found:
            render = found[0].id
        else:
            render = await studio.start_render((await studio.create_film(BOARD)).id, Recipe())
        print(session.door.pid, flush=True)
        while (view := await studio.render(render)).state == "running":
            await asyncio.sleep(0.02)
        print(view.state, view.made, view.reason, flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_kill_9_at_random_moments(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(KILLS):
        await _run(tmp_path, rng)
    said = await _run(tmp_path, None)
    assert said.startswith("done"), said
    connection = sqlite3.connect(tmp_path / "studio.db")
    rows = connection.execute("SELECT fp, state, error FROM job").fetchall()
    connection.close()
    done = Counter(fp for fp, state, _ in rows if state == "done")
    assert len(done) == 13
    assert set(done.values()) == {1}
    results = [json.loads(path.read_text()) for path in (tmp_path / "objects").rglob("result.json")]
    made = Counter(result["fingerprint"] for result in results if result["status"] == "done")
    assert made == done
    assert {state for _, state, _ in rows} <= {"done", "failed"}, rows


async def _run(data: Path, rng: random.Random | None) -> str:
    """Run a Studio; with `rng` kill its door, or all of it, at a random moment. What it said last."""
    studio = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STUDIO, str(data), stdout=subprocess.PIPE, cwd=ROOT, env=environment()
    )
    assert studio.stdout is not None
    door = int(await studio.stdout.readline())
    if rng is None:
        said = (await studio.stdout.read()).decode()
        await studio.wait()
        return said
    await asyncio.sleep(rng.random() * 1.5)
    if rng.random() < 0.4:
        os.kill(door, signal.SIGKILL)
        await asyncio.sleep(rng.random() * 1.5)
    if studio.returncode is None:
        studio.kill()
    said = (await studio.stdout.read()).decode()
    await studio.wait()
    return said
