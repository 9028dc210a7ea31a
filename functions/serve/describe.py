"""What a door says of one of its engines: enough for a Studio to know whether its jobs would be taken."""

import os
from importlib import metadata
from typing import Any

from functions.contract.base import CONTRACT
from functions.contract.grant import key_id
from functions.runtime.verify import Trust

FIELD = "describe"
"""Input of a job that asks for this where a provider has no other way: `{"describe": ENGINE}`."""


def describe(trust: Trust, engine: str) -> dict[str, Any]:
    """Contracts, door, keys it trusts, stores it reaches, manifest, image digest and release, as JSON values."""
    return {
        "contracts": [CONTRACT],
        "door": trust.door,
        "key_ids": [key_id(key) for key in trust.keys],
        "origins": sorted(trust.origins),
        "bucket": trust.bucket,
        "manifest": trust.catalog[engine].model_dump(mode="json", exclude_defaults=True),
        "image": os.environ.get("VIVIJURE_IMAGE", ""),
        "version": metadata.version("vivijure"),
    }


def asked(given: object) -> str | None:
    """The engine that a job's input asks about, None where it is an ordinary job."""
    engine = given[FIELD] if isinstance(given, dict) and given.keys() == {FIELD} else None
    return engine if isinstance(engine, str) else None
