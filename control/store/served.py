"""Signed URLs that the Studio itself serves, for a store that cannot sign: a local folder.

They mean what presigned URLs of S3 mean: one method, one key, until a time, and for a PUT one content type, at most so
many bytes and, create-only, `If-None-Match: *`. All of it is under an HMAC-SHA-256 whose key is derived from the
Studio's own by a label.
"""

import functools
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote_plus, urlsplit

from nacl.signing import SigningKey

from control.errors import Forbidden
from control.store import Presigned
from control.store.folder import FolderStore
from functions.contract.job import MAX_OBJECT

LABEL = b"vivijure object url"
PATH = "/objects"
"""Where the Studio serves them."""
WEEK_S = 7 * 86_400


def object_key(key: SigningKey) -> bytes:
    """The key of object URLs, derived from the Studio's own by a label, so that neither stands for the other."""
    return hmac.new(bytes(key), LABEL, hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class Permit:
    """What one URL allows. `expires` in seconds since the epoch; the rest of it only for a PUT."""

    method: Literal["GET", "PUT"]
    key: str
    expires: int
    create: bool = False
    max_bytes: int = 0
    content_type: str = ""

    @property
    def query(self) -> dict[str, str]:
        """All but the method and the key, as it stands in the URL."""
        found = {"expires": str(self.expires)}
        if self.method == "PUT":
            found |= {"create": str(int(self.create)), "max": str(self.max_bytes), "type": self.content_type}
        return found


@functools.lru_cache(maxsize=100)
def _quoted(value: str) -> str:
    """As it stands in a URL: a few content types again and again, or what needs no quoting."""
    return value if value.isdecimal() else quote_plus(value)


class Signer:
    """Makes URLs under `base` and knows them again. `clock` gives milliseconds since the epoch."""

    def __init__(self, key: bytes, base: str, clock: Callable[[], int]) -> None:
        self.base = base.rstrip("/")
        self._key, self._clock = key, clock

    def url(self, permit: Permit) -> str:
        """Where it may be used."""
        query = permit.query
        mac = self._mac(permit.method, permit.key, query)
        said = "&".join(f"{name}={_quoted(value)}" for name, value in query.items())
        return f"{self.base}{PATH}/{permit.key}?{said}&mac={mac}"

    def permit(self, method: str, key: str, query: Mapping[str, str]) -> Permit:
        """What a request may do. Raises `Forbidden` for one that was not signed so, or is too late.

        Nothing of it is looked at before its MAC has been compared, in constant time.
        """
        said = {name: value for name, value in query.items() if name != "mac"}
        mac = self._mac(method, key, said)
        if not hmac.compare_digest(mac.encode(), query.get("mac", "").encode()):
            raise Forbidden("this address was not signed for this request")
        if int(said["expires"]) * 1000 <= self._clock():
            raise Forbidden("this address has expired")
        if method == "GET":
            return Permit("GET", key, int(said["expires"]))
        return Permit("PUT", key, int(said["expires"]), said["create"] == "1", int(said["max"]), said["type"])

    def expiry(self, seconds: int) -> int:
        """So many seconds from now, 7 days at most, as the URL carries it."""
        return self._clock() // 1000 + min(seconds, WEEK_S)

    def _mac(self, method: str, key: str, query: Mapping[str, str]) -> str:
        parts = [method, key, *(f"{name}={query[name]}" for name in sorted(query))]
        # Lengths first: no part can pass for two.
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


class ServedFolder(FolderStore):
    """A folder whose objects the Studio serves under signed URLs."""

    def __init__(self, root: Path, signer: Signer) -> None:
        super().__init__(root)
        self.signer = signer

    @property
    def origin(self) -> str | None:
        """Where the Studio is."""
        parts = urlsplit(self.signer.base)
        return f"{parts.scheme}://{parts.netloc}"

    async def presign(
        self,
        method: Literal["GET", "PUT"],
        key: str,
        expires_s: int,
        *,
        content_type: str = "application/octet-stream",
        create: bool = True,
        max_bytes: int | None = None,
    ) -> Presigned:
        """A URL of the Studio for one request."""
        self._path(key)  # raises for what is no key
        expires = self.signer.expiry(expires_s)
        if method == "GET":
            return Presigned(self.signer.url(Permit("GET", key, expires)), {})
        permit = Permit("PUT", key, expires, create, max_bytes or MAX_OBJECT, content_type)
        headers = {"Content-Type": content_type} | ({"If-None-Match": "*"} if create else {})
        return Presigned(self.signer.url(permit), headers)
