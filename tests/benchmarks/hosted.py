"""A Studio over D1 by Cloudflare's HTTP API, in this process: how far the API's limit lets it go."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from control.db.d1 import API_RATE, D1Database, hosted
from control.db.migrate import migrate
from control.graph.model import Recipe
from control.graph.plan import plan_film
from control.render.desk import wall_ms
from control.render.session import Place, opened, signing_key
from control.store.served import ServedFolder, Signer, object_key
from control.storyboard.models import Storyboard
from functions.catalog import builtin
from tests.benchmarks.site import door, films
from tests.servers.d1 import TOKEN, miniflare
from tests.servers.s3 import free_ports


async def measure(folder: Path, count: int, shots: int, seconds: float) -> dict[str, Any]:
    """Steps a second and requests a step. An API at 100 requests a second is out of reach: each asks for several."""
    data = folder / "data"
    (data / "objects").mkdir(parents=True)
    with miniflare(folder) as server:
        db = D1Database(hosted("account-1", "db-1", TOKEN, base=server.url))
        await migrate(db)
        (port,) = free_ports(1)
        with await door(db, data, port):
            signer = Signer(object_key(signing_key(data / "signing.key")), "http://127.0.0.1:9", wall_ms)
            place, store = Place(data, data / "none", door=False), ServedFolder(data / "objects", signer)
            async with opened(place, store, plan_film, builtin(), db=db) as session:
                for found in films(count, shots):
                    made = await session.studio.create_film(Storyboard.model_validate_json(json.dumps(found)))
                    await session.studio.start_render(made.id, Recipe(budget_u=2**50))
                before, used, began = await _ended(db), db.meter.requests, time.monotonic()
                await asyncio.sleep(seconds)
                steps, requests = await _ended(db) - before, db.meter.requests - used
                window = time.monotonic() - began
    return {
        "database": "api",
        "films": count,
        "shots": shots,
        "steps_per_s": round(steps / window, 2),
        "requests": requests,
        "requests_per_step": round(requests / max(1, steps), 2),
        "requests_per_s_allowed": API_RATE.per_s,
        "rows_written_per_job": round(db.meter.rows_written / max(1, before + steps)),
    }


async def _ended(db: D1Database) -> int:
    found: int = (await db.fetch("SELECT COUNT(*) AS n FROM job WHERE ended_at IS NOT NULL"))[0]["n"]
    return found
