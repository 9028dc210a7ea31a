"""Seeds that follow from names, so that the same storyboard always asks for the same artifacts."""

import hashlib

from functions.contract.base import SEED_LIMIT


def derived(*names: str) -> int:
    """A seed below 2**53 from names; the same on every platform."""
    text = "\x1f".join(names).encode("utf-8")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % SEED_LIMIT
