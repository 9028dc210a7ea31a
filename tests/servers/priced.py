"""A Studio whose engines run behind a door that costs money, with a month of books already written."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from control.db import Database, Value
from control.db.migrate import migrate
from control.db.sqlite import SqliteDatabase
from control.render.desk import wall_ms
from tests.servers.paid_door import TOKEN, PaidDoor, paid_door
from tests.servers.studio import RunningStudio, studio

ENGINES = ("animatic", "assemble", "sound-synth", "voice-piper")
TERMS = {"price_u": 1160, "start_allowance_s": 600, "price_name": "runpod/h100"}
_JOB = """
INSERT INTO job(id,fp,attempt,kind,engine,film_id,door,payer,month,state,request,charge_u,cost_basis,start_by,
  deadline_s,executions,next_poll_at,created_at,started_at,ended_at,price_u)
VALUES(:id,:fp,:attempt,:kind,:engine,:film,:door,:payer,:month,:state,'{}',:charge,:basis,0,600,1,:later,:at,:at,:ended,
  1160) ON CONFLICT DO NOTHING"""


@contextmanager
def priced_studio(data: Path, **settings: object) -> Iterator[tuple[RunningStudio, PaidDoor]]:
    """A Studio without a door of its own, and the paid one `gpu` that runs every engine."""
    with priced_data(data) as door, studio(data, **settings) as running:
        yield running, door


@contextmanager
def priced_data(data: Path) -> Iterator[PaidDoor]:
    """The door, and a Studio's folder that knows it."""
    store = data / "objects"
    store.mkdir(parents=True)
    with paid_door(store) as door:
        apart(_prepare(data, door))
        yield door


async def _prepare(data: Path, door: PaidDoor) -> None:
    db = SqliteDatabase(data / "studio.db")
    await migrate(db)
    caps = {"engines": ENGINES, "concurrency": 4, "terms": TERMS}
    values: dict[str, Value] = {"base": door.url, "caps": json.dumps(caps), "now": wall_ms()}
    await db.batch(
        [
            (
                "INSERT INTO door(id,base,network,caps,created_at,changed_at) "
                "VALUES('gpu',:base,'loopback',:caps,:now,:now)",
                values,
            )
        ]
    )
    await db.close()
    secret = data / "doors" / "gpu.token"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text(TOKEN, "utf-8")


async def book(db: Database, job: str, **values: Any) -> None:
    """A job in the books: what is not said is a finished clip of film `f` at the door `gpu`."""
    known: Mapping[str, Value] = {
        "id": job,
        "fp": job.rjust(64, "0"),
        "attempt": 1,
        "kind": "motion",
        "engine": "motion-wan",
        "film": "f",
        "door": "gpu",
        "payer": "r",
        "month": "2026-11",
        "state": "done",
        "charge": 1_000_000,
        "basis": "measured",
        "later": 2**52,
        "at": 1_793_491_200_000,
        "ended": 1_793_491_260_000,
        **values,
    }
    await db.batch([(_JOB, known)])


def apart(work: Any) -> Any:
    """Run it in a thread of its own: a browser driver may hold an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
