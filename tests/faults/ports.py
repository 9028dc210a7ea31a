"""What a simulated process holds of the world: database, store and door, each call a moment at which it may die."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from control.db import Result, Row, Statement, Value
from control.doors.client import Answer, DoorClient
from control.errors import (
    DatabaseError,
    DoorError,
    DoorRefused,
    DoorUnreachable,
    ObjectExists,
    ObjectMissing,
    OutcomeUnknown,
    StoreError,
)
from control.store import CHUNK, Head, Presigned
from functions.contract.job import DoorStatus, JobRequest

if TYPE_CHECKING:
    from tests.faults.loop import Process
    from tests.faults.provider import Paid
    from tests.faults.world import World

TIMEOUT_MS = 30_000


class Port:
    """One process's way into the world."""

    def __init__(self, world: "World", process: "Process") -> None:
        self.world, self.process = world, process

    def gate(self) -> "asyncio.Future[None] | None":
        """What to wait for before going on, None for nothing: the process may be killed or paused here, or be slow."""
        world, process = self.world, self.process
        n = world.calls
        world.calls = n + 1
        if n in world.moments:
            if world.fault("crash", n) is not None:
                world.crash(process)
                return process.kill()
            if (ms := world.fault("pause", n)) is not None:
                process.paused_until = world.now + ms
                return process.later(0)
        if world.waits and world.rng.random() * 1000 < world.waits:
            return process.later(world.rng.randrange(1, 400))
        return None

    def strike(self, fault: str | None) -> "asyncio.Future[None] | None":
        """What to wait for where this fault kills or pauses the process here, None where it does not."""
        world, process = self.world, self.process
        if fault in ("run-crash", "ask-crash"):
            world.crash(process)
            return process.kill()
        if fault in ("run-nap", "ask-nap"):
            process.paused_until = world.now + world.struck
            return process.later(0)
        return None


class LabDatabase(Port):
    """The one database, shared by all processes."""

    async def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """As the real one."""
        world = self.world
        if (wait := self.gate()) is not None:
            await wait
        if world.strikes("db") == "db-fail":
            raise DatabaseError("the database cannot be reached")
        rows = world.table.fetch(sql, params or {})
        if (wait := self.gate()) is not None:
            await wait
        return rows

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """As the real one; it may be committed though the answer is lost, or be sent twice."""
        world = self.world
        if (wait := self.gate()) is not None:
            await wait
        fault = world.strikes("db")
        if fault == "db-fail":
            raise DatabaseError("the database cannot be reached")
        if fault == "db-slow":
            await self.process.later(world.struck)
        results = world.batch(statements)
        if fault == "db-twice":
            results = world.batch(statements)
        if (wait := self.gate()) is not None:
            await wait
        if fault == "db-lost":
            raise DatabaseError("the database gave no answer")
        return results

    async def close(self) -> None:
        """Nothing is held."""


class LabStore(Port):
    """The one object store."""

    folder = None
    origin = "https://objects.example"
    blind = False

    async def read(self, key: str, limit: int = CHUNK) -> bytes:
        """As the real one."""
        if (wait := self.gate()) is not None:
            await wait
        self._check()
        data = self._find(key)
        if (wait := self.gate()) is not None:
            await wait
        if data is None:
            raise ObjectMissing(f"there is no object {key}")
        return data

    async def head(self, key: str) -> Head | None:
        """As the real one."""
        if (wait := self.gate()) is not None:
            await wait
        self._check()
        data = self._find(key)
        return None if data is None else Head(key, len(data), "", 0)

    async def put(self, key: str, source: Path | bytes, content_type: str) -> None:
        """As the real one, of bytes."""
        self._check()
        self.world.objects[key] = source if isinstance(source, bytes) else source.read_bytes()

    async def put_create(self, key: str, source: Path | bytes, content_type: str) -> None:
        """As the real one, of bytes."""
        if (wait := self.gate()) is not None:
            await wait
        if key in self.world.objects:
            raise ObjectExists(f"the object {key} exists already")
        await self.put(key, source, content_type)
        if (wait := self.gate()) is not None:
            await wait

    async def fetch(self, key: str, path: Path) -> None:
        """As the real one."""
        path.write_bytes(await self.read(key))

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """As the real one, in one piece."""
        yield (await self.read(key))[start:end]

    async def delete(self, key: str) -> None:
        """As the real one."""
        self._check()
        self.world.objects.pop(key, None)

    async def list(self, prefix: str) -> AsyncIterator[Head]:
        """As the real one."""
        for key in sorted(self.world.objects):
            if key.startswith(prefix):
                yield Head(key, len(self.world.objects[key]), "", 0)

    async def presign(
        self,
        method: Literal["GET", "PUT"],
        key: str,
        expires_s: int,
        *,
        content_type: str = "application/octet-stream",
        create: bool = True,
        max_bytes: int | None = None,
    ) -> Presigned:
        """A URL that nobody follows: the simulated runtime holds the store itself."""
        return Presigned(f"{self.origin}/{key}", {})

    async def close(self) -> None:
        """Nothing is held."""

    def _find(self, key: str) -> bytes | None:
        return self.world.objects.get(key)

    def _check(self) -> None:
        if self.world.strikes("store") == "store-fail":
            raise StoreError("the object store cannot be reached")


class LabClient(DoorClient):
    """The one door."""

    def __init__(self, world: "World", process: "Process") -> None:
        self._port = Port(world, process)

    @property
    def base(self) -> str:
        """For messages."""
        return "the laboratory"

    async def run(self, request: JobRequest) -> Answer:
        """As the real one."""
        world, port = self._port.world, self._port
        if (wait := port.gate()) is not None:
            await wait
        fault = world.strikes("run")
        if fault is not None:
            await self._misrun(fault, request)
        answer = self._answer(world.provider.accept(request))
        if (wait := port.strike(fault) or port.gate()) is not None:
            await wait
        if fault in ("run-swallow", "run-break"):
            raise OutcomeUnknown("no answer")
        return answer

    async def _misrun(self, fault: str, request: JobRequest) -> None:
        """Everything but taking it now. Raises what the real client would."""
        world, instance = self._port.world, self._instance
        if fault == "run-busy":
            raise DoorRefused("later", http=429, code="busy", retryable=True, instance=instance)
        if fault == "run-reject":
            raise DoorRefused("not this one", http=422, code="bad_request", retryable=False, instance=instance)
        if fault == "run-unreachable":
            raise DoorUnreachable("refused")
        if fault == "run-late":
            world.timeline.at(world.now + world.struck, None, world.provider.accept, request)
        if fault in ("run-late", "run-drop"):
            await self._port.process.later(TIMEOUT_MS)
            raise OutcomeUnknown("no answer")

    async def status(self, engine: str, handle: str) -> Answer:
        """As the real one."""
        return await self._look(handle, cancel=False)

    async def cancel(self, engine: str, handle: str) -> Answer:
        """As the real one."""
        return await self._look(handle, cancel=True)

    async def health(self, engine: str) -> dict[str, Any]:
        """Nothing to say."""
        return {}

    async def close(self) -> None:
        """Nothing is held."""

    async def _look(self, handle: str, *, cancel: bool) -> Answer:
        world, port = self._port.world, self._port
        if (wait := port.gate()) is not None:
            await wait
        world.laws.asked(handle)
        fault = world.strikes("ask")
        if fault == "ask-fail":
            raise DoorError("failed with 500")
        if fault == "ask-drop":
            raise DoorUnreachable("no answer")
        job = world.provider.find(handle)
        if job is None or (fault == "ask-forget" and not world.provider.own):
            return Answer(None, self._instance)
        if cancel:
            world.provider.cancel(job)
        answer = self._answer(job, stale=fault == "ask-stale" and job.runs > 0)
        if fault == "ask-slow":
            await port.process.later(world.struck)
        if (wait := port.strike(fault) or port.gate()) is not None:
            await wait
        return answer

    @property
    def _instance(self) -> str:
        return f"queue-{self._port.world.provider.instance}"

    def _answer(self, job: "Paid", *, stale: bool = False) -> Answer:
        """What the door says of it now; a stale answer is news from before its end."""
        request, output, spent = job.request, job.error, None
        status = "IN_PROGRESS" if stale else job.status
        if status == "IN_PROGRESS":
            output = {"job_id": request.job_id, "attempt": request.attempt, "stage": "work", "done": 1, "total": 2}
        elif job.over_at is not None and job.billed_ms:
            spent = job.billed_ms
        return Answer(
            DoorStatus.model_validate({"id": job.handle, "status": status, "output": output, "executionTime": spent}),
            self._instance,
        )
