"""Grants: the Studio signs a request, a door verifies it. Doors hold public keys only."""

import base64
import binascii
import hashlib
from collections.abc import Sequence

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from functions.contract.canonical import canonical
from functions.contract.errors import GrantRefused
from functions.contract.job import JobRequest

GRACE_MS = 60_000
"""Clock difference between Studio and door that is tolerated."""


def signed_bytes(request: JobRequest) -> bytes:
    """The bytes a grant covers: the canonical request, defaults and the grant itself left out."""
    return canonical(request.model_dump(mode="json", exclude_defaults=True, exclude={"grant"}))


def key_id(key: VerifyKey) -> str:
    """First 16 hex digits of the public key's sha256."""
    return hashlib.sha256(bytes(key)).hexdigest()[:16]


def sign(request: JobRequest, key: SigningKey) -> JobRequest:
    """The request with its key id set and its grant filled in."""
    named = request.model_copy(update={"key_id": key_id(key.verify_key), "grant": ""})
    signature = key.sign(signed_bytes(named)).signature
    return named.model_copy(update={"grant": base64.b64encode(signature).decode("ascii")})


def verify(request: JobRequest, keys: Sequence[VerifyKey], *, door: str, now_ms: int) -> None:
    """Refuse a request that its grant does not cover at this door now. Raises `GrantRefused`.

    At most two keys are meant to be held, so that the Studio's key can be rotated.
    """
    if request.door != door:
        raise GrantRefused(f"the grant names door {request.door!r}, this is {door!r}")
    if now_ms > request.expires_at + GRACE_MS:
        raise GrantRefused("the grant has expired; submit the step again")
    key = next((k for k in keys if key_id(k) == request.key_id), None)
    if key is None:
        raise GrantRefused(f"this door does not know the key {request.key_id}; pair it with the Studio again")
    try:
        signature = base64.b64decode(request.grant.encode("ascii"), validate=True)
        key.verify(signed_bytes(request), signature)
    except (BadSignatureError, binascii.Error, ValueError) as error:
        raise GrantRefused("the grant's signature does not match the request") from error
