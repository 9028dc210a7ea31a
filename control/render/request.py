"""The job request of a step: what it may read, what it may create, until when. Pure but for the signing of URLs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nacl.signing import SigningKey

from control.doors.registry import Door
from control.graph.model import Facts, OutputFacts, Source, Step
from control.store import ObjectStore, Presigned
from control.store.types import type_of
from functions.contract import grant, keys
from functions.contract.base import Tier
from functions.contract.job import InputRef, JobRequest, OutputRef, Reserved, WorkRef

JSON_LIMIT = 4_000_000
"""Bytes of the objects that the runtime itself writes."""
PREVIEW_LIMIT = 2_000_000
KEPT = "application/octet-stream"
GRACE_MS = 600_000
"""After the last deadline, until the grant ends."""
UNSIGNED = "0" * 16


@dataclass(frozen=True)
class Order:
    """A step to be made: its fingerprint, the fingerprints of the steps it reads, and their facts."""

    step: Step
    fp: str
    prints: Mapping[str, str]
    facts: Facts
    tier: Tier
    keeps: Mapping[str, int] = field(default_factory=dict)


def build(
    order: Order, door: Door, *, job_id: str, deadline_s: int, now: int, callback: str | None = None
) -> JobRequest:
    """The request without URLs and grant, as it is stored. `callback` is where its door may ring."""
    step, fp = order.step, order.fp
    start_by = now + door.terms.start_allowance_s * 1000
    return JobRequest(
        job_id=job_id,
        fingerprint=fp,
        take=step.take,
        engine=step.engine,
        tier=order.tier,
        params=step.params,
        inputs={name: _input(order, source) for name, source in step.inputs.items()},
        outputs={name: _output(fp, job_id, name) for name in step.outputs},
        reserved=_reserved(fp, job_id, order.keeps),
        start_by=start_by,
        deadline_s=deadline_s,
        executions=door.executions,
        transport="bucket" if door.shares_folder else "presigned",
        door=door.id,
        callback=callback,
        expires_at=start_by + deadline_s * 1000 * door.executions + GRACE_MS,
        key_id=UNSIGNED,
    )


async def dispatch(stored: JobRequest, attempt: int, store: ObjectStore, key: SigningKey, now: int) -> JobRequest:
    """The request as it is sent: its attempt, fresh URLs where the door has no store of its own, and the grant."""
    request = stored.model_copy(update={"attempt": attempt})
    if request.transport == "presigned":
        request = await _with_urls(request, store, now)
    return grant.sign(request, key)


def marks(request: JobRequest) -> list[str]:
    """Keys of the marks that the runtime leaves when an execution begins, in the order in which they are taken."""
    return [f"{request.reserved.work.key}/execution-{n}.json" for n in range(1, request.executions + 1)]


def _input(order: Order, source: Source) -> InputRef:
    if source.upload is not None:
        sha = source.upload.sha256
        key = keys.upload_key(sha, source.upload.suffix)
        return InputRef(key=key, identity=f"sha256:{sha}", sha256=sha, size=source.upload.size)
    fp = order.prints[source.step or ""]
    found: OutputFacts = order.facts[fp][source.output or ""]
    return InputRef(key=found.key, identity=f"fp:{fp}/{source.output}", sha256=found.sha256, size=found.size)


def _output(fp: str, job_id: str, name: str) -> OutputRef:
    kind = type_of(name)
    return OutputRef(key=keys.artifact_key(fp, job_id, name), max_bytes=kind.max_bytes, content_type=kind.content_type)


def _reserved(fp: str, job_id: str, keeps: Mapping[str, int]) -> Reserved:
    def ref(name: str, limit: int = JSON_LIMIT) -> OutputRef:
        key = keys.artifact_key(fp, job_id, name)
        return OutputRef(key=key, max_bytes=limit, content_type=type_of(name).content_type)

    started, result, progress, preview, work = keys.RESERVED
    return Reserved(
        started=ref(started),
        result=ref(result),
        progress=ref(progress),
        preview=ref(preview, PREVIEW_LIMIT),
        work=WorkRef(key=keys.artifact_key(fp, job_id, work), keeps=dict(keeps)),
    )


def _seconds(left_ms: int) -> int:
    """How long a URL lives: a little over what is left, since signatures carry whole seconds; S3 allows 7 days."""
    return min(max(60, left_ms // 1000 + 5), 7 * 86_400)


async def _with_urls(request: JobRequest, store: ObjectStore, now: int) -> JobRequest:
    whole, start = _seconds(request.expires_at - now), _seconds(request.start_by - now)

    async def get(key: str) -> str:
        return (await store.presign("GET", key, whole)).url

    async def put(ref: OutputRef, seconds: int = whole, *, create: bool = True, read: bool = True) -> OutputRef:
        signed = await store.presign(
            "PUT", ref.key, seconds, content_type=ref.content_type, create=create, max_bytes=ref.max_bytes
        )
        return ref.model_copy(update={"put_url": signed.url, "get_url": await get(ref.key) if read else None})

    async def mark(key: str) -> Presigned:
        return await store.presign("PUT", key, whole, content_type="application/json", max_bytes=JSON_LIMIT)

    async def keep(name: str, limit: int) -> Presigned:
        key = f"{held.work.key}/{name}"
        return await store.presign("PUT", key, whole, content_type=KEPT, create=False, max_bytes=limit)

    held = request.reserved
    work = {key.rpartition("/")[2]: (await mark(key)).url for key in marks(request)}
    kept = {name: (await keep(name, limit)).url for name, limit in held.work.keeps.items()}
    read = {name: await get(f"{held.work.key}/{name}") for name in held.work.keeps}
    reserved = Reserved(
        started=await put(held.started, start),
        result=await put(held.result),
        progress=await put(held.progress, create=False),
        preview=await put(held.preview, create=False),
        work=held.work.model_copy(update={"put_urls": work | kept, "get_urls": read}),
    )
    inputs = {n: ref.model_copy(update={"get_url": await get(ref.key)}) for n, ref in request.inputs.items()}
    outputs = {n: await put(ref) for n, ref in request.outputs.items()}
    return request.model_copy(update={"inputs": inputs, "outputs": outputs, "reserved": reserved})
