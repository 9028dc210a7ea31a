"""JobRequest, JobProgress and JobResult: all that passes between the Studio and a door."""

from typing import Annotated, Any, Literal

from pydantic import Field

from functions.contract.base import (
    CONTRACT,
    EngineName,
    Fingerprint,
    JobId,
    Millis,
    Name,
    Open,
    Sha256,
    StepKind,
    Strict,
    Tier,
)
from functions.contract.errors import WireError
from functions.contract.media import MediaFacts
from functions.contract.params import Params

MAX_OBJECT = 4_900_000_000
"""Bytes a single presigned PUT may carry (S3 allows 5 GiB)."""
Key = Annotated[str, Field(max_length=300)]
Url = Annotated[str, Field(max_length=4000)]


class InputRef(Strict):
    """An object the job may read. `identity` is what enters the fingerprint (see `canonical.fingerprint`)."""

    key: Key
    identity: Annotated[str, Field(pattern=r"^(fp:[0-9a-f]{64}/[a-z0-9_.-]{1,64}|sha256:[0-9a-f]{64})$")]
    sha256: Sha256
    size: Annotated[int, Field(ge=0, le=MAX_OBJECT)]
    get_url: Url | None = Field(default=None, repr=False)


class OutputRef(Strict):
    """An object the job may create, once."""

    key: Key
    max_bytes: Annotated[int, Field(ge=1, le=MAX_OBJECT)]
    content_type: Annotated[str, Field(max_length=100)]
    put_url: Url | None = Field(default=None, repr=False)
    get_url: Url | None = Field(default=None, repr=False)


class WorkRef(Strict):
    """Named objects of this job (checkpoints, task ids) and the previous attempt's, read only. `keeps` are those that
    the engine itself may write, with the most bytes of each.
    """

    key: Key
    previous: Key | None = None
    keeps: dict[Name, Annotated[int, Field(ge=1)]] = {}
    put_urls: dict[Name, Url] = Field(default={}, repr=False)
    get_urls: dict[Name, Url] = Field(default={}, repr=False)


class Reserved(Strict):
    """Objects of the runtime itself: `started` and `result` are create-only, the others may be overwritten."""

    started: OutputRef
    result: OutputRef
    progress: OutputRef
    preview: OutputRef
    work: WorkRef


class JobRequest(Strict):
    """One attempt to have one step made behind one door. Times are milliseconds since the epoch."""

    contract: Literal["vivijure-job/1"] = CONTRACT
    job_id: JobId
    attempt: Annotated[int, Field(ge=1, le=10_000)] = 1
    fingerprint: Fingerprint
    take: Annotated[int, Field(ge=0)] = 0
    engine: EngineName
    tier: Tier = "draft"
    params: Params
    inputs: dict[Name, InputRef] = {}
    outputs: dict[Name, OutputRef]
    reserved: Reserved
    start_by: Millis
    deadline_s: Annotated[int, Field(ge=1, le=7 * 86_400)]
    executions: Annotated[int, Field(ge=1, le=10)] = 1
    transport: Literal["presigned", "bucket"] = "presigned"
    door: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
    callback: Url | None = Field(default=None, repr=False)
    expires_at: Millis
    key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    grant: Annotated[str, Field(max_length=200)] = Field(default="", repr=False)
    """Base64 Ed25519 signature over the canonical JSON of all other fields, defaults left out."""

    @property
    def kind(self) -> StepKind:
        """The step kind, from the parameters' discriminator."""
        return self.params.kind

    def wire(self) -> dict[str, Any]:
        """JSON values as they are sent: fields equal to their default are left out, the kind is kept."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        values["params"]["kind"] = self.kind
        return values


class JobProgress(Open):
    """Where a running job is. `done` of `total` in units of the stage; `eta_s` is for the whole job."""

    job_id: str
    attempt: int = 1
    stage: str
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    preview: str | None = None


class OutputFact(Open):
    """An output as it lies in the object store."""

    key: str
    sha256: str
    size: int
    media: MediaFacts


class Note(Open):
    """Something the person should know; `code` is stable, `detail` is a sentence."""

    code: str
    detail: str
    value: float | str | None = None


class Metrics(Open):
    """Seconds by phase, and what was moved."""

    queue_s: float = 0.0
    load_s: float = 0.0
    compute_s: float = 0.0
    encode_s: float = 0.0
    total_s: float = 0.0
    call_s: float = 0.0
    """Seconds since the provider's call began, earlier executions within that call and all: what a provider bills."""
    peak_vram_bytes: int | None = None
    peak_rss_bytes: int | None = None
    frames: int | None = None
    billed_u: int | None = None
    """Micro-dollars that a provider charged for the output, where the engine bought it and was told."""


class Provenance(Open):
    """What made it: enough to say why two artifacts differ."""

    engine_version: str = ""
    image: str | None = None
    weights: dict[str, str] = {}
    gpu: str | None = None
    attention: str | None = None
    plan: str | None = None
    """Where the models' weights lay while it was made, and in which precision."""
    libraries: dict[str, str] = {}


class JobResult(Open):
    """How an attempt ended. Written beside the artifact before anything is reported."""

    contract: str = CONTRACT
    job_id: str
    attempt: int = 1
    fingerprint: str = ""
    status: Literal["done", "degraded", "failed", "cancelled"]
    outputs: dict[str, OutputFact] = {}
    degraded: tuple[Note, ...] = ()
    notes: tuple[Note, ...] = ()
    error: WireError | None = None
    metrics: Metrics = Metrics()
    provenance: Provenance = Provenance()
    execution: int = 0
    """Number of the execution that made it, from 1; 0 where that is not known."""


class ExecutionMark(Open):
    """The mark that the runtime leaves among the job's `work` objects when an execution begins. Milliseconds since the
    epoch; `call` names the provider's call that it runs in, and `since` is when that began.
    """

    at: int = 0
    worker: str = ""
    call: str = ""
    since: int = 0


class Started(Open):
    """The runtime's first write: create-only, so storage's clock decides whether a job began in time."""

    job_id: str
    provider_id: str | None = None
    worker: str = ""
    at: int = 0


class RunRequest(Strict):
    """Body of `POST run`, as RunPod takes it: our request is its `input`."""

    input: JobRequest
    policy: dict[str, Any] | None = None
    webhook: Url | None = Field(default=None, repr=False)


class DoorStatus(Open):
    """Answer of `POST run`, `GET status/{id}` and `POST cancel/{id}`, as RunPod gives it."""

    id: str
    status: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
    output: Any = None
    error: Any = None
    delayTime: int | None = None
    executionTime: int | None = None
    workerId: str | None = None
    instance: str | None = None
    """The queue that answers: a 404 from the same instance means the job was never accepted."""
