"""A grant covers every field of a request."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey, VerifyKey

from functions.contract import grant
from functions.contract.errors import GrantRefused
from functions.contract.job import JobRequest
from tests.servers.jobs import DOOR, STUDIO, request, upload

JOB = request("write:x", inputs={"data": upload(b"data")}, executions=2)
KEYS = (STUDIO.verify_key,)


def verify(job: JobRequest, keys: tuple[VerifyKey, ...] = KEYS, **changes: Any) -> None:
    """As a door does."""
    grant.verify(job, keys, **{"door": DOOR, "now_ms": job.start_by, **changes})


def test_signed_request_is_covered() -> None:
    verify(JOB)


def test_signature_is_golden() -> None:
    """Ed25519 is deterministic (RFC 8032): another signature means that other bytes are covered."""
    fixed = request("write:x", job_id="0" * 16, start_by=1000, expires_at=100_000, key=STUDIO)
    assert grant.sign(fixed, STUDIO) == fixed
    assert fixed.grant == "ZsfDSFzUjk2X5LFhd9hSgoA/Nlwm43a2OK4CBoW+rSxBfIYkrp2lZqbT7MmjLkAx4XntM2OEuGH5HpbGUngDAg=="
    assert fixed.key_id == "44f7559488c335f1"


def test_signed_request_survives_the_wire() -> None:
    verify(JobRequest.model_validate_json(json.dumps(JOB.wire())))
    verify(JobRequest.model_validate_json(JOB.model_dump_json()))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every scalar."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [found for n, inner in enumerate(value) for found in leaves(inner, (*path, n))]
    return [path]


def altered(path: tuple[Any, ...]) -> JobRequest | None:
    """The request with one scalar changed, None where no such request can be."""
    values = json.loads(JOB.model_dump_json())
    place = values
    for part in path[:-1]:
        place = place[part]
    old = place[path[-1]]
    for new in _others(old):
        place[path[-1]] = new
        try:
            job = JobRequest.model_validate_json(json.dumps(values))
        except ValueError:
            continue
        if job != JOB:
            return job
    return None


def _others(old: Any) -> list[Any]:
    if isinstance(old, bool):
        return [not old]
    if isinstance(old, int):
        return [old + 1, old - 1, 10]
    if old is None:
        return ["http://127.0.0.1/", "x", 1, "artifacts/x"]
    flipped = ("1" if old[-1:] == "0" else "0") if old else "x"
    return [old[:-1] + flipped, old + "x", "presigned", "final", "1000"]


def test_every_field_is_covered() -> None:
    tried = 0
    for path in leaves(json.loads(JOB.model_dump_json())):
        job = altered(path)
        if job is None:
            assert path in {("contract",), ("params", "kind")}, path
            continue
        tried += 1
        with pytest.raises(GrantRefused):
            verify(job)
    assert tried > 30


@given(st.binary(min_size=0, max_size=200))
def test_no_other_signature_is_accepted(noise: bytes) -> None:
    text = noise.decode("latin-1")[:200]
    with pytest.raises(GrantRefused):
        verify(JOB.model_copy(update={"grant": text}))


def test_grant_ends_after_the_grace() -> None:
    verify(JOB, now_ms=JOB.expires_at + grant.GRACE_MS)
    with pytest.raises(GrantRefused, match="expired"):
        verify(JOB, now_ms=JOB.expires_at + grant.GRACE_MS + 1)


def test_grant_names_one_door() -> None:
    with pytest.raises(GrantRefused, match="names door"):
        verify(JOB, door="another")


def test_two_keys_allow_rotation() -> None:
    new = SigningKey.generate()
    both = (STUDIO.verify_key, new.verify_key)
    verify(JOB, both)
    verify(grant.sign(JOB, new), both)
    with pytest.raises(GrantRefused, match="pair it"):
        verify(JOB, (new.verify_key,))


def test_secrets_are_not_shown() -> None:
    job = JOB.model_copy(update={"callback": "https://studio.example/secret"})
    assert JOB.grant not in repr(job)
    assert "secret" not in repr(job)
