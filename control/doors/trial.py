"""Trying a door: is it there, may it work, what does it run, does a tiny job come back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from nacl.signing import SigningKey

from control.doors.client import DoorClient
from control.doors.describe import Description, parse, refusal
from control.doors.registry import Door
from control.doors.views import Check
from control.errors import DoorError, DoorRefused, DoorUnreachable, ObjectMissing, StoreError
from control.graph.model import Step
from control.render.request import JSON_LIMIT, Order, build, dispatch
from control.render.takes import MAIN
from control.store import ObjectStore
from functions.contract.base import SAMPLE_RATE, StepKind
from functions.contract.canonical import fingerprint
from functions.contract.grant import key_id
from functions.contract.job import DoorStatus, JobRequest, JobResult
from functions.contract.manifest import EngineManifest
from functions.contract.params import Dialogue, Params, Score, Sound, TrainLora

TINY: Mapping[str, Params] = {
    "sound": Sound(prompt="a small bell", samples=SAMPLE_RATE),
    "score": Score(prompt="slow strings", samples=2 * SAMPLE_RATE),
    "dialogue": Dialogue(text="Here."),
    "train_lora": TrainLora(trigger="write:here"),
}
"""The least that can be asked of engines that need no GPU and no input."""
POLL_S = 1.0
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")


@dataclass(frozen=True)
class Lab:
    """What trying needs. Nothing waits longer than `patience_s` for a worker."""

    store: ObjectStore
    key: SigningKey
    clock: Callable[[], int]
    new_id: Callable[[], str]
    patience_s: float = 300.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Trial:
    """Tries one engine behind one door. `told` is what the door said of it, None where it said nothing of use."""

    def __init__(self, lab: Lab, door: Door, client: DoorClient, manifest: EngineManifest) -> None:
        self._lab, self._door, self._client, self._manifest = lab, door, client, manifest
        self.told: Description | None = None
        self.refused = ""
        self.charge_u: int | None = None
        """What asking by a job cost, None where nobody told."""

    async def reach(self) -> Check:
        """Whether its health is told, and how many workers there are."""
        engine = self._manifest.name
        try:
            told = await self._client.health(engine)
            await self._client.able(engine)
        except DoorError as error:
            return Check(name=f"{engine}: health", ok=False, said=error.detail)
        jobs, workers = _counts(told.get("jobs")), _counts(told.get("workers"))
        if not jobs and not workers:
            return Check(name=f"{engine}: health", ok=False, said=f"{self._client.base} tells no health as a door does")
        said = f"{jobs.get('inQueue', 0)} queued, {jobs.get('inProgress', 0)} running; workers: " + (
            ", ".join(f"{count} {name}" for name, count in workers.items() if count) or "none up"
        )
        return Check(name=f"{engine}: health", ok=True, said=said)

    async def describe(self) -> Check:
        """Whether it runs what the catalog says."""
        engine = self._manifest.name
        try:
            body = await (self._by_job() if self._door.kind == "runpod" else self._client.describe(engine))
        except DoorError as error:
            return Check(name=f"{engine}: what it is", ok=False, said=error.detail)
        self.told = parse(body)
        if self.told is None:
            return Check(name=f"{engine}: what it is", ok=False, said="what it answers describes no engine")
        self.refused = refusal(
            self.told, self._manifest, self._door.id, key_id(self._lab.key.verify_key), self._lab.store.origin
        )
        said = f"{engine} {self.told.manifest.get('version', '')}, Vivijure {self.told.version or 'unknown'}"
        return Check(name=f"{engine}: what it is", ok=not self.refused, said=self.refused or said)

    async def make(self) -> Check:
        """Whether a tiny job comes back, where that costs nothing."""
        name = f"{self._manifest.name}: a tiny job"
        params = next((TINY[kind] for kind in self._manifest.kinds if kind in TINY), None)
        if self._door.terms.price_u:
            return Check(name=name, ok=None, said="not sent, because it costs money; the first render shows it")
        if self._manifest.needs.vram_gb or params is None:
            return Check(name=name, ok=None, said="not sent: this engine takes no job that small")
        if not self._door.reaches(self._lab.store):
            return Check(name=name, ok=False, said="this door cannot reach the object store of the Studio")
        request = self._request(params)
        try:
            return await self._made(name, await dispatch(request, 1, self._lab.store, self._lab.key, self._lab.clock()))
        except (DoorError, StoreError) as error:
            return Check(name=name, ok=False, said=error.detail)
        finally:
            await self._clean(request)

    # inside --------------------------------------------------------------------------------------------------------

    async def _by_job(self) -> object:
        """What the job says that asks a provider's worker."""
        engine = self._manifest.name
        try:
            answer = await self._client.run_describe(engine)
        except (DoorRefused, DoorUnreachable):
            self.charge_u = 0
            raise
        handle = "" if answer.status is None else answer.status.id
        status = await self._ended(handle)
        if status is None:
            raise DoorError(
                f"no worker of {engine} answered within {self._lab.patience_s:g} s; it may still be starting"
            )
        if status.executionTime is not None:
            self.charge_u = self._door.terms.tariff.cost(Fraction(status.executionTime))
        if status.status != "COMPLETED":
            said = status.error or status.output
            raise DoorError(f"the worker of {engine} could not say what it is: {str(said)[:300]}")
        return status.output

    async def _ended(self, handle: str) -> DoorStatus | None:
        """A job once it has ended, None where it does not."""
        waited = 0.0
        while waited < self._lab.patience_s:
            status = (await self._client.status(self._manifest.name, handle)).status
            if status is None:
                raise DoorError("the door does not know a job any more that it took a moment ago")
            if status.status in ENDED:
                return status
            await self._lab.sleep(POLL_S)
            waited += POLL_S
        await self._client.cancel(self._manifest.name, handle)
        return None

    async def _made(self, name: str, request: JobRequest) -> Check:
        answer = await self._client.run(request)
        await self._ended(request.job_id if answer.status is None else answer.status.id)
        try:
            data = await self._lab.store.read(request.reserved.result.key, JSON_LIMIT)
        except ObjectMissing:
            return Check(name=name, ok=False, said="it left no result in the object store")
        result = JobResult.model_validate_json(data)
        if result.status != "done":
            why = result.error.message if result.error is not None else result.status
            return Check(name=name, ok=False, said=f"it was not made: {why}")
        for output in request.outputs.values():
            if await self._lab.store.head(output.key) is None:
                return Check(name=name, ok=False, said="its result names an output that is not in the object store")
        return Check(name=name, ok=True, said=f"made in {result.metrics.total_s:.1f} s")

    def _request(self, params: Params) -> JobRequest:
        manifest = self._manifest
        tier = next(iter(manifest.tiers))
        params = params if not hasattr(params, "tier") else params.model_copy(update={"tier": tier})
        tier = getattr(params, "tier", tier)
        print_ = fingerprint(
            kind=params.kind,
            engine=manifest.name,
            recipe=manifest.recipe,
            recipe_digest=manifest.tiers[tier].recipe_digest,
            params=params,
            inputs={},
        )
        step = Step(
            path="trial", kind=params.kind, engine=manifest.name, params=params, outputs=(MAIN_OF[params.kind],)
        )
        order = Order(step, print_, {}, {}, tier)
        return build(order, self._door, job_id=self._lab.new_id(), deadline_s=120, now=self._lab.clock())

    async def _clean(self, request: JobRequest) -> None:
        """A trial leaves nothing behind."""
        prefix = request.reserved.result.key.rpartition("/")[0] + "/"
        async for head in self._lab.store.list(prefix):
            await self._lab.store.delete(head.key)


MAIN_OF: Mapping[StepKind, str] = {**MAIN, "train_lora": "lora.safetensors"}


def _counts(found: object) -> dict[str, int]:
    if not isinstance(found, dict):
        return {}
    return {str(name)[:40]: count for name, count in found.items() if isinstance(count, int)}
