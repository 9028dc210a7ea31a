"""What a request must prove before a door does anything for it. Nothing here reads or writes storage."""

import calendar
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from nacl.signing import VerifyKey
from pydantic import ValidationError

from functions.catalog import Catalog
from functions.contract import grant, keys
from functions.contract.canonical import fingerprint
from functions.contract.errors import ContractError, EngineMismatch, GrantRefused, KeyRefused
from functions.contract.job import JobRequest, RunRequest
from functions.contract.manifest import EngineManifest

SHOWN = 20
"""Most bad fields that an error lists."""


@dataclass(frozen=True)
class Trust:
    """What a door knows by itself: its id, the Studio's public keys, its engines, and where URLs may lead."""

    door: str
    keys: tuple[VerifyKey, ...]
    catalog: Catalog
    origins: frozenset[str] = field(default_factory=frozenset)
    """Allowed `scheme://host[:port]` of presigned URLs."""
    bucket: bool = False
    """Whether this door holds a store of its own (`bucket` transport)."""


def parse(body: str | bytes) -> RunRequest:
    """A request from JSON. Raises `ContractError` naming the path of each bad field."""
    try:
        return RunRequest.model_validate_json(body)
    except ValidationError as error:
        raise ContractError("the request is malformed: " + "; ".join(complaints(error))) from error


def complaints(error: ValidationError) -> list[str]:
    """`path: what is wrong` for each bad field, without the values."""
    found = [
        f"{'.'.join(str(part) for part in item['loc']) or 'body'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    ]
    return found[:SHOWN] + ([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])


def check(request: JobRequest, trust: Trust, *, now_ms: int) -> EngineManifest:
    """Refuse a request that this door must not run; return the manifest of its engine.

    Raises `GrantRefused`, `KeyRefused`, `EngineMismatch` or another `ContractError`.
    """
    grant.verify(request, trust.keys, door=trust.door, now_ms=now_ms)
    if request.expires_at < request.start_by + request.deadline_s * 1000:
        raise GrantRefused("the grant expires before the deadline; make one that outlives start_by + deadline_s")
    _check_keys(request)
    _check_transport(request, trust)
    return _check_engine(request, trust)


def _check_keys(request: JobRequest) -> None:
    for key, name in own_keys(request):
        keys.check_own(key, request.fingerprint, request.job_id)
        if key != keys.artifact_key(request.fingerprint, request.job_id, name):
            raise KeyRefused(f"{key!r} is not where {name!r} of this job lies")
    for name in request.outputs:
        if name in keys.RESERVED:
            raise KeyRefused(f"an output cannot be called {name!r}, the runtime writes that itself")
    for ref in request.inputs.values():
        keys.check_input(ref.key, ref.identity, ref.sha256)
    _check_previous(request)


def own_keys(request: JobRequest) -> Iterator[tuple[str, str]]:
    """(key, name it must have) of all that the job may write."""
    yield from ((ref.key, name) for name, ref in request.outputs.items())
    held = request.reserved
    refs = (held.started.key, held.result.key, held.progress.key, held.preview.key, held.work.key)
    yield from zip(refs, keys.RESERVED, strict=True)


def _check_previous(request: JobRequest) -> None:
    previous = request.reserved.work.previous
    if previous is None:
        return
    match = keys.ARTIFACT.fullmatch(previous)
    if match is None or match[2] != request.fingerprint or match[1] != match[2][:2] or match[4] != "work":
        raise KeyRefused(f"{previous!r} is not the work of an earlier attempt at this step")


def _check_transport(request: JobRequest, trust: Trust) -> None:
    if request.transport == "bucket":
        if not trust.bucket:
            raise ContractError("this door has no store of its own; send the job with presigned URLs")
        return
    end = request.start_by + request.deadline_s * 1000
    for where, url in urls(request):
        if url is None:
            raise ContractError(f"{where}: a presigned job needs this URL")
        _check_origin(where, url, trust.origins)
        expiry = url_expiry(url)
        if expiry is not None and expiry < (request.start_by if where == "reserved.started.put_url" else end):
            raise ContractError(f"{where}: the URL expires before the job's deadline")


def urls(request: JobRequest) -> Iterator[tuple[str, str | None]]:
    """(path in the request, URL) of every URL a presigned job needs or brings."""
    for name, item in request.inputs.items():
        yield f"inputs.{name}.get_url", item.get_url
    for name, ref in request.outputs.items():
        yield f"outputs.{name}.put_url", ref.put_url
        if ref.get_url is not None:
            yield f"outputs.{name}.get_url", ref.get_url
    held = request.reserved
    for name, ref in {"started": held.started, "result": held.result}.items():
        yield f"reserved.{name}.put_url", ref.put_url
        yield f"reserved.{name}.get_url", ref.get_url
    for name, ref in {"progress": held.progress, "preview": held.preview}.items():
        yield f"reserved.{name}.put_url", ref.put_url
    counted: dict[str, str | None] = dict.fromkeys(map(execution_name, range(1, request.executions + 1)))
    yield from ((f"reserved.work.put_urls.{name}", url) for name, url in (counted | held.work.put_urls).items())
    yield from ((f"reserved.work.get_urls.{name}", url) for name, url in held.work.get_urls.items())


def execution_name(number: int) -> str:
    """Name among the `work` objects of the mark that the runtime leaves for its n-th execution, from 1."""
    return f"execution-{number}.json"


def _check_origin(where: str, url: str, origins: frozenset[str]) -> None:
    if origin(url) not in origins:
        raise KeyRefused(f"{where}: this door may not talk to {origin(url)}; allow that origin when starting it")


def origin(url: str) -> str:
    """`scheme://host[:port]` of a URL, empty where it has none or carries a user."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")


def url_expiry(url: str) -> int | None:
    """When a signed URL ends, in ms since the epoch: SigV4's `X-Amz-Date` + `X-Amz-Expires`, or our own `expires`
    in seconds.

    None where the URL does not say.
    """
    query: Mapping[str, list[str]] = parse_qs(urlsplit(url).query)
    try:
        if "X-Amz-Date" in query:
            signed = time.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
            return (calendar.timegm(signed) + int(query["X-Amz-Expires"][0])) * 1000
        return int(query["expires"][0]) * 1000 if "expires" in query else None
    except (KeyError, ValueError):
        return 0


def _check_engine(request: JobRequest, trust: Trust) -> EngineManifest:
    if request.engine not in trust.catalog:
        raise EngineMismatch(f"this door has no engine {request.engine!r}")
    manifest = trust.catalog[request.engine]
    if request.kind not in manifest.kinds:
        raise EngineMismatch(f"{manifest.name} does not make a {request.kind}, only {', '.join(manifest.kinds)}")
    if request.tier not in manifest.tiers:
        raise EngineMismatch(f"{manifest.name} has no tier {request.tier}")
    own = fingerprint(
        kind=request.kind,
        engine=manifest.name,
        recipe=manifest.recipe,
        recipe_digest=manifest.tiers[request.tier].recipe_digest,
        params=request.params,
        inputs={name: ref.identity for name, ref in request.inputs.items()},
        take=request.take,
    )
    if own != request.fingerprint:
        raise EngineMismatch(
            f"{manifest.name} {manifest.version} (recipe {manifest.recipe}) of this door would not make this step; "
            "update the door or the Studio so that both hold the same engine, then plan again"
        )
    return manifest
