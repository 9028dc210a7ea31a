"""Requests that no door may run: what is wrong with each, by name."""

from collections.abc import Callable
from typing import Any

from nacl.signing import SigningKey

from functions.contract import grant, keys
from functions.contract.base import Size
from functions.contract.job import JobRequest
from functions.contract.params import Keyframe, TrainLora
from tests.servers.engines import OUTPUT
from tests.servers.jobs import STUDIO, new_id, request, upload

OTHER = "f" * 64
Change = Callable[[JobRequest], dict[str, Any]]


def signed(job: JobRequest, **changes: Any) -> JobRequest:
    """The request changed after all, and signed again: malice with a valid grant."""
    return grant.sign(job.model_copy(update=changes), STUDIO)


def output_at(key: str) -> Change:
    """The one output lies elsewhere."""
    return lambda job: {"outputs": {OUTPUT: job.outputs[OUTPUT].model_copy(update={"key": key})}}


def moved(move: Callable[[JobRequest], str]) -> Change:
    """The one output lies where `move` says."""
    return lambda job: output_at(move(job))(job)


def reserved_at(name: str, move: Callable[[JobRequest], str]) -> Change:
    """A reserved object lies elsewhere."""

    def change(job: JobRequest) -> dict[str, Any]:
        ref = getattr(job.reserved, name).model_copy(update={"key": move(job)})
        return {"reserved": job.reserved.model_copy(update={name: ref})}

    return change


def input_with(**changes: Any) -> Change:
    """The one input is another."""
    return lambda job: {"inputs": {"data": job.inputs["data"].model_copy(update=changes)}}


def own(job: JobRequest, name: str = OUTPUT) -> str:
    """The key of this name."""
    return keys.artifact_key(job.fingerprint, job.job_id, name)


KEYS: dict[str, Change] = {
    "parent": output_at("../../etc/passwd"),
    "absolute": output_at("/etc/passwd"),
    "climbing": moved(lambda j: f"artifacts/{j.fingerprint[:2]}/{j.fingerprint}/{j.job_id}/../x/{OUTPUT}"),
    "encoded": moved(lambda j: own(j).replace("/", "%2f")),
    "encoded dots": moved(lambda j: own(j, "%2e%2e")),
    "full-width": moved(lambda j: own(j, "ｌora.safetensors")),
    "one dot leader": moved(lambda j: own(j, "\u2024\u2024")),
    "cyrillic": moved(lambda j: own(j).replace("artifacts", "аrtifacts")),
    "combining": moved(lambda j: own(j, "lora.safetensorś")),
    "zero byte": moved(lambda j: own(j) + "\0"),
    "newline": moved(lambda j: own(j) + "\n"),
    "backslash": moved(lambda j: own(j).replace("/", "\\")),
    "upper case": moved(lambda j: own(j).upper()),
    "double slash": moved(lambda j: own(j).replace("artifacts/", "artifacts//")),
    "other fingerprint": moved(lambda j: keys.artifact_key(OTHER, j.job_id, OUTPUT)),
    "other job": moved(lambda j: keys.artifact_key(j.fingerprint, new_id(), OUTPUT)),
    "wrong shard": moved(lambda j: "artifacts/00" + own(j)[12:]),
    "other name": moved(lambda j: own(j, "other.safetensors")),
    "upload": output_at(keys.upload_key("0" * 64, "png")),
    "the result": moved(lambda j: own(j, "result.json")),
    "result elsewhere": reserved_at("result", lambda j: own(j, "other.json")),
    "started as result": reserved_at("started", lambda j: own(j, "result.json")),
    "progress of another": reserved_at("progress", lambda j: keys.artifact_key(OTHER, j.job_id, "progress.json")),
    "preview outside": reserved_at("preview", lambda j: "preview.jpg"),
    "work outside": reserved_at("work", lambda j: "work"),
    "reserved name": lambda j: {
        "outputs": {"work": j.outputs[OUTPUT].model_copy(update={"key": own(j, "work")})},
    },
    "previous of another": lambda j: {
        "reserved": j.reserved.model_copy(
            update={"work": j.reserved.work.model_copy(update={"previous": keys.artifact_key(OTHER, new_id(), "work")})}
        )
    },
    "previous outside": lambda j: {
        "reserved": j.reserved.model_copy(
            update={"work": j.reserved.work.model_copy(update={"previous": "../secrets"})}
        )
    },
    "input outside": input_with(key="../secrets.bin"),
    "input of other content": input_with(key=keys.upload_key("1" * 64, "bin")),
    "input of other identity": input_with(identity=f"sha256:{'1' * 64}"),
    "artifact of other identity": input_with(key=keys.artifact_key(OTHER, new_id(), "image.png")),
    "artifact of other name": input_with(
        key=keys.artifact_key(OTHER, new_id(), "image.png"), identity=f"fp:{OTHER}/clip.mp4"
    ),
}

GRANTS: dict[str, Callable[[JobRequest], JobRequest]] = {
    "forged": lambda j: grant.sign(j, SigningKey.generate()),
    "forged under the Studio's name": lambda j: grant.sign(j, SigningKey.generate()).model_copy(
        update={"key_id": j.key_id}
    ),
    "altered deadline": lambda j: j.model_copy(update={"deadline_s": 50}),
    "altered params": lambda j: j.model_copy(update={"params": TrainLora(trigger="write:evil")}),
    "altered key": lambda j: j.model_copy(update=output_at(own(j, "x"))(j)),
    "altered executions": lambda j: j.model_copy(update={"executions": 10}),
    "altered callback": lambda j: j.model_copy(update={"callback": "http://127.0.0.1/"}),
    "no signature": lambda j: j.model_copy(update={"grant": ""}),
    "no base64": lambda j: j.model_copy(update={"grant": "*" * 88}),
    "non-ascii signature": lambda j: j.model_copy(update={"grant": "é" * 88}),
    "short signature": lambda j: j.model_copy(update={"grant": j.grant[:40]}),
    "foreign door": lambda j: signed(j, door="other-door"),
    "expired": lambda j: signed(j, expires_at=1),
    "ends before its deadline": lambda j: signed(j, expires_at=j.start_by + 59_000),
}

ENGINES: dict[str, Change] = {
    "other fingerprint": lambda j: _as(j, OTHER),
    "other params": lambda j: {"params": TrainLora(trigger="write:other")},
    "other take": lambda j: {"take": 1},
    "other input": lambda j: {"inputs": {"data": upload(b"other")}},
    "no input": lambda j: {"inputs": {}},
    "renamed input": lambda j: {"inputs": {"renamed": j.inputs["data"]}},
    "unknown engine": lambda j: {"engine": "nobody"},
    "other kind": lambda j: {"params": Keyframe(size=Size(width=64, height=64))},
    "unknown tier": lambda j: {"tier": "final"},
}


def _as(job: JobRequest, fingerprint: str) -> dict[str, Any]:
    other = request("write", job_id=job.job_id)
    text = other.model_dump_json().replace(other.fingerprint, fingerprint)
    text = text.replace(f"artifacts/{other.fingerprint[:2]}/", f"artifacts/{fingerprint[:2]}/")
    moved_job = JobRequest.model_validate_json(text)
    return {n: getattr(moved_job, n) for n in ("fingerprint", "outputs", "reserved")}


CASES = (*KEYS, *GRANTS, *(f"engine {name}" for name in ENGINES))
"""All of them."""


def spoiled(case: str, job: JobRequest) -> JobRequest:
    """The job with this wrong: under a valid grant, unless it is the grant that is wrong."""
    if case in GRANTS:
        return GRANTS[case](job)
    change = KEYS.get(case) or ENGINES[case.removeprefix("engine ")]
    return signed(job, **change(job))
