"""RFC 8785 canonical JSON and the hashes made of it."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import rfc8785
from pydantic import BaseModel

EXACT = 2**53 - 1
"""The largest integer of RFC 8785."""


def canonical(value: object) -> bytes:
    """Canonical JSON bytes of plain JSON values.

    Raises `rfc8785.CanonicalizationError` for NaN, infinities, integers beyond 2**53 and non-string keys.
    """
    if _alike(value):  # the encoder of the standard library is written in C
        with contextlib.suppress(UnicodeEncodeError):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def _alike(value: object) -> bool:
    """Whether `json` writes this as RFC 8785 wants it: numbers are integers, and keys sort alike in UTF-16."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if isinstance(value, dict):
        return all(type(name) is str and name.isascii() and _alike(inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return all(_alike(inner) for inner in value)
    return kind is int and isinstance(value, int) and -EXACT <= value <= EXACT


def digest(value: object) -> str:
    """sha256 of the canonical JSON, lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def fingerprint(
    *,
    kind: str,
    engine: str,
    recipe: int,
    recipe_digest: str,
    params: BaseModel,
    inputs: Mapping[str, str],
    take: int = 0,
) -> str:
    """What names an artifact: a hash of all that decides its content.

    `params` enter without fields equal to their default. `inputs` maps an input's name to its identity:
    `fp:<fingerprint>/<output name>` of the step that made it, or `sha256:<digest>` of an upload.
    """
    values: dict[str, Any] = params.model_dump(mode="json", exclude_defaults=True)
    values.pop("kind", None)
    return digest(
        {
            "kind": kind,
            "engine": engine,
            "recipe": recipe,
            "recipe_digest": recipe_digest,
            "params": values,
            "take": take,
            "inputs": dict(inputs),
        }
    )
