"""Doorbells: addresses by which a door says that a job may have moved. Nothing that the caller says is believed."""

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from nacl.signing import SigningKey

from control.doors.network import Network

LABEL = b"vivijure doorbell"
PATH = "/api/doorbell"
PAUSE_MS = 2000
"""Least time between two looks that ringing causes."""
RINGERS = 10_000
"""Jobs whose last ring is remembered at most."""


def doorbell_key(key: SigningKey) -> bytes:
    """The key of doorbells, derived from the Studio's own by a label, so that neither stands for the other."""
    return hmac.new(bytes(key), LABEL, hashlib.sha256).digest()


def mac(key: bytes, job_id: str) -> str:
    """What a doorbell's address ends in: HMAC-SHA-256 over the job's id, 64 hexadecimal digits."""
    return hmac.new(key, job_id.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Bell:
    """Makes the addresses. `base` is where the Studio is reached, such as `https://studio.example.org`."""

    key: bytes = field(repr=False)
    base: str

    def address(self, job_id: str, network: Network) -> str | None:
        """Where a door of this network rings for a job, None where it could not reach the Studio."""
        parts = urlsplit(self.base)
        near = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if near != (network == "loopback") or (network == "public" and parts.scheme != "https"):
            return None
        return f"{self.base}{PATH}/{job_id}/{mac(self.key, job_id)}"


class Ringer:
    """Which rings cause a look: of each job one in `PAUSE_MS`, before the database hears of any."""

    def __init__(self) -> None:
        self._rung: dict[str, int] = {}

    def may(self, job_id: str, now: int) -> bool:
        """Whether to look. Its address was right."""
        if now - self._rung.get(job_id, -PAUSE_MS) < PAUSE_MS:
            return False
        if len(self._rung) >= RINGERS:
            self._rung.clear()
        self._rung[job_id] = now
        return True
