"""Signed requests for tests: what the Studio would send."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any

from nacl.signing import SigningKey

from functions.catalog import parse
from functions.contract import grant, keys
from functions.contract.canonical import fingerprint
from functions.contract.job import InputRef, JobRequest, OutputRef, Reserved, WorkRef
from functions.contract.manifest import EngineManifest
from functions.contract.params import Params, TrainLora
from tests.servers.engines import MANIFEST, OUTPUT

STUDIO = SigningKey(hashlib.sha256(b"a studio in a test").digest())
ECHO = parse(MANIFEST)
DOOR = "test-door"


def upload(data: bytes, suffix: str = "bin") -> InputRef:
    """A reference to an upload of these bytes."""
    sha = hashlib.sha256(data).hexdigest()
    return InputRef(key=keys.upload_key(sha, suffix), identity=f"sha256:{sha}", sha256=sha, size=len(data))


def new_id() -> str:
    """A random job id."""
    return secrets.token_hex(12)


def request(
    params: Params | str,
    *,
    manifest: EngineManifest = ECHO,
    inputs: Mapping[str, InputRef] | None = None,
    outputs: Mapping[str, str] | None = None,
    key: SigningKey = STUDIO,
    max_bytes: int = 1_000_000,
    **changes: Any,
) -> JobRequest:
    """A signed request; a string is the trigger of the echo engine. `changes` are made before it is signed."""
    if isinstance(params, str):
        params = TrainLora(trigger=params)
    inputs = dict(inputs or {})
    job_id = changes.pop("job_id", None) or new_id()
    own = fingerprint(
        kind=params.kind,
        engine=manifest.name,
        recipe=manifest.recipe,
        recipe_digest=manifest.tiers[changes.get("tier", "draft")].recipe_digest,
        params=params,
        inputs={name: ref.identity for name, ref in inputs.items()},
    )
    now = time.time_ns() // 1_000_000
    values: dict[str, Any] = {
        "job_id": job_id,
        "fingerprint": own,
        "engine": manifest.name,
        "params": params,
        "inputs": inputs,
        "outputs": {
            name: OutputRef(key=keys.artifact_key(own, job_id, name), max_bytes=max_bytes, content_type=kind)
            for name, kind in (outputs or {OUTPUT: "application/octet-stream"}).items()
        },
        "reserved": reserved(own, job_id, changes.pop("keeps", manifest.keeps)),
        "start_by": now + 60_000,
        "deadline_s": 60,
        "transport": "bucket",
        "door": DOOR,
        "expires_at": now + 600_000,
        "key_id": "0" * 16,
        **changes,
    }
    return grant.sign(JobRequest(**values), key)


def reserved(own: str, job_id: str, keeps: Mapping[str, int] | None = None) -> Reserved:
    """The runtime's own objects, and what the engine may keep."""

    def ref(name: str) -> OutputRef:
        return OutputRef(key=keys.artifact_key(own, job_id, name), max_bytes=1_000_000, content_type="application/json")

    started, result, progress, preview, work = keys.RESERVED
    return Reserved(
        started=ref(started),
        result=ref(result),
        progress=ref(progress),
        preview=ref(preview),
        work=WorkRef(key=keys.artifact_key(own, job_id, work), keeps=dict(keeps or {})),
    )


def body(job: JobRequest) -> dict[str, Any]:
    """What is posted to `run`."""
    return {"input": job.wire()}
