"""What a request must prove. Each refusal is of the right kind and reaches no storage."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from nacl.signing import SigningKey

from functions.catalog import Catalog
from functions.contract import grant
from functions.contract.errors import ContractError, EngineMismatch, GrantRefused, KeyRefused
from functions.contract.job import InputRef, JobRequest
from functions.contract.params import TrainLora
from functions.runtime.execute import execute
from functions.runtime.verify import check, complaints, origin, parse, url_expiry
from tests.functions.runtime.conftest import MakeHost
from tests.servers.engines import OUTPUT
from tests.servers.jobs import ECHO, STUDIO, body, request, upload
from tests.servers.malice import CASES, ENGINES, GRANTS, KEYS, signed, spoiled
from tests.servers.objects import ObjectServer


@pytest.fixture
def job() -> JobRequest:
    """A good request with one input."""
    return request("write", inputs={"data": upload(b"data")})


def test_good_request_is_let_through(job: JobRequest, make_host: MakeHost) -> None:
    assert check(job, make_host().trust, now_ms=job.start_by).name == "echo"


@pytest.mark.parametrize("case", KEYS)
def test_key_outside_the_job_is_refused(case: str, job: JobRequest, make_host: MakeHost) -> None:
    with pytest.raises(KeyRefused):
        check(signed(job, **KEYS[case](job)), make_host().trust, now_ms=job.start_by)


@pytest.mark.parametrize("case", GRANTS)
def test_grant_that_does_not_cover_the_request_is_refused(case: str, job: JobRequest, make_host: MakeHost) -> None:
    with pytest.raises(GrantRefused):
        check(GRANTS[case](job), make_host().trust, now_ms=job.start_by)


@pytest.mark.parametrize("case", ENGINES)
def test_step_of_another_engine_is_refused(case: str, job: JobRequest, make_host: MakeHost) -> None:
    with pytest.raises(EngineMismatch):
        check(signed(job, **ENGINES[case](job)), make_host().trust, now_ms=job.start_by)


@pytest.mark.parametrize("change", [{"recipe": 2}, {"kinds": ("sound",)}, {"name": "other"}])
def test_door_with_another_manifest_refuses(change: dict[str, Any], job: JobRequest, make_host: MakeHost) -> None:
    other = ECHO.model_copy(update=change)
    with pytest.raises(EngineMismatch):
        check(job, make_host(catalog=Catalog({"echo": other})).trust, now_ms=job.start_by)


def test_second_key_is_accepted_and_a_third_is_not(job: JobRequest, make_host: MakeHost) -> None:
    new, stranger = SigningKey.generate(), SigningKey.generate()
    trust = make_host(keys=(STUDIO.verify_key, new.verify_key)).trust
    check(grant.sign(job, new), trust, now_ms=job.start_by)
    with pytest.raises(GrantRefused, match="pair it"):
        check(grant.sign(job, stranger), trust, now_ms=job.start_by)


@pytest.mark.parametrize("case", CASES)
def test_malicious_job_reaches_no_storage(
    case: str, job: JobRequest, make_host: MakeHost, objects: ObjectServer
) -> None:
    presigned = signed(job, **objects.signed(job))
    result = execute(spoiled(case, presigned), make_host(origins=frozenset({objects.origin})))
    assert result.status == "failed"
    assert objects.requests == []


def test_good_job_does_reach_storage(job: JobRequest, make_host: MakeHost, objects: ObjectServer) -> None:
    objects.objects[job.inputs["data"].key] = b"data"
    result = execute(signed(job, **objects.signed(job)), make_host(origins=frozenset({objects.origin})))
    assert result.status == "done", result
    assert objects.objects[job.outputs[OUTPUT].key] == b"data"
    assert objects.requests[0] == ("GET", job.reserved.result.key)
    assert objects.requests[1] == ("PUT", job.reserved.started.key)


URLS: dict[str, Callable[[str], str | None]] = {
    "other host": lambda url: url.replace("127.0.0.1", "169.254.169.254"),
    "other port": lambda url: url.replace(":", ":1", 2).replace("http:1", "http:"),
    "other scheme": lambda url: url.replace("http", "https"),
    "file": lambda url: "file:///etc/passwd",
    "user in front": lambda url: url.replace("http://", "http://127.0.0.1@evil.example/"),
    "no host": lambda url: "http:///x",
    "bad port": lambda url: "http://127.0.0.1:99999999/x",
    "early end": lambda url: url + "?expires=1",
    "early end of S3": lambda url: url + "?X-Amz-Date=20260101T000000Z&X-Amz-Expires=600",
    "unreadable end": lambda url: url + "?X-Amz-Date=tomorrow&X-Amz-Expires=600",
    "none": lambda url: None,
}


@pytest.mark.parametrize("case", URLS)
@pytest.mark.parametrize("where", ["input", "output", "result", "execution"])
def test_url_that_may_not_be_used_is_refused(
    case: str, where: str, job: JobRequest, make_host: MakeHost, objects: ObjectServer
) -> None:
    presigned = signed(job, **objects.signed(job))
    bad = signed(presigned, **_with_url(presigned, where, URLS[case]))
    with pytest.raises(ContractError):
        check(bad, make_host(origins=frozenset({objects.origin})).trust, now_ms=job.start_by)
    assert objects.requests == []


def _with_url(job: JobRequest, where: str, change: Callable[[str], str | None]) -> dict[str, Any]:
    if where == "input":
        ref = job.inputs["data"]
        return {"inputs": {"data": InputRef(**{**dict(ref), "get_url": change(ref.get_url or "")})}}
    if where == "output":
        out = job.outputs[OUTPUT]
        return {"outputs": {OUTPUT: out.model_copy(update={"put_url": change(out.put_url or "")})}}
    if where == "result":
        held = job.reserved.result
        held = held.model_copy(update={"get_url": change(held.get_url or "")})
        return {"reserved": job.reserved.model_copy(update={"result": held})}
    work = job.reserved.work
    urls = {name: change(url) for name, url in work.put_urls.items()}
    named = {name: url for name, url in urls.items() if url is not None}
    return {"reserved": job.reserved.model_copy(update={"work": work.model_copy(update={"put_urls": named})})}


def test_url_may_end_after_the_deadline(job: JobRequest, make_host: MakeHost, objects: ObjectServer) -> None:
    presigned = signed(job, **objects.signed(job))
    late = f"?expires={-(-job.start_by // 1000) + job.deadline_s}"
    good = signed(presigned, **_with_url(presigned, "output", lambda url: url + late))
    check(good, make_host(origins=frozenset({objects.origin})).trust, now_ms=job.start_by)


def test_door_without_a_store_refuses_bucket_jobs(job: JobRequest, make_host: MakeHost) -> None:
    with pytest.raises(ContractError, match="presigned"):
        check(job, make_host(bucket=False).trust, now_ms=job.start_by)


def test_origins_and_ends_of_urls() -> None:
    assert origin("https://Bucket.Example:8443/a?b") == "https://bucket.example:8443"
    assert origin("http://user@host/") == ""
    assert url_expiry("https://h/k") is None
    assert url_expiry("https://h/k?expires=123") == 123_000
    assert url_expiry("https://h/k?X-Amz-Date=19700101T000100Z&X-Amz-Expires=60") == 120_000


def test_every_bad_field_is_named_by_its_path(job: JobRequest) -> None:
    bad = body(job)
    bad["input"]["params"]["steps"] = -1
    bad["input"]["params"]["stepps"] = 3
    bad["input"]["reserved"]["result"]["max_bytes"] = "many"
    bad["input"]["surprise"] = True
    bad["policy"] = 3
    with pytest.raises(ContractError) as caught:
        parse(json.dumps(bad))
    told = str(caught.value)
    for path in (
        "input.params.train_lora.steps:",
        "input.params.train_lora.stepps:",
        "input.reserved.result.max_bytes:",
        "input.surprise:",
        "policy:",
    ):
        assert path in told


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"input": {}}', '{"input": 1e999}', "\ud800"])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        parse(text.encode("utf-8", "surrogatepass"))


def test_long_lists_of_complaints_are_cut() -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as caught:
        TrainLora.model_validate({f"x{n}": 1 for n in range(100)})
    told = complaints(caught.value)
    assert len(told) == 21
    assert told[-1] == "and 81 more"
