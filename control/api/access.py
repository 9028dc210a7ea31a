"""Who is calling: bearer tokens, browser sessions and one-time login links, all kept as hashes in one table.

A secret is 256 random bits, so its SHA-256 is enough to store, and looking it up by hash compares nothing secret.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from control.db import Database, Row, Value
from control.errors import NotFound, Unauthenticated
from functions.contract.base import Strict

TokenScope = Literal["owner", "crew", "viewer", "door"]
Kind = Literal["bearer", "session", "link"]
REACH: Mapping[TokenScope, frozenset[TokenScope]] = {
    "owner": frozenset({"owner", "crew", "viewer", "door"}),
    "crew": frozenset({"crew", "viewer"}),
    "viewer": frozenset({"viewer"}),
    "door": frozenset({"door"}),
}
"""What each scope may do besides its own."""
LINK_MS = 15 * 60_000
DAY_MS = 86_400_000
DROP_OLD = "DELETE FROM token WHERE expires_at<:now"
INSERT = (
    "INSERT INTO token(hash,kind,name,scope,created_at,expires_at,parent) "
    "VALUES(:hash,:kind,:name,:scope,:now,:expires,:parent)"
)


class TokenInfo(Strict):
    """A bearer token as listed. `id` is the start of its hash; times are milliseconds since the epoch."""

    id: str
    name: str
    scope: TokenScope
    created_at: int
    expires_at: int | None = None


@dataclass(frozen=True)
class Caller:
    """Who calls. `key` names the token or session; `csrf` is what a session's writes must show."""

    key: str
    name: str
    scope: TokenScope
    csrf: str | None = None


NOBODY = Caller("", "", "viewer")


def hashed(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(session: str) -> str:
    """The anti-forgery token of a session: derived from its secret, so it needs no storage."""
    return hmac.new(session.encode(), b"csrf", hashlib.sha256).hexdigest()


class Access:
    """The table of secrets."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        self.db = db
        self.clock = clock

    async def issue(
        self, kind: Kind, name: str, scope: TokenScope, lasts_ms: int | None = None, parent: str = ""
    ) -> str:
        """A new secret; only its hash is kept. It ends with the token whose id is `parent`."""
        secret = f"vj_{secrets.token_urlsafe(32)}"
        now = self.clock()
        expires = None if lasts_ms is None else now + lasts_ms
        row: dict[str, Value] = {
            "hash": hashed(secret),
            "kind": kind,
            "name": name,
            "scope": scope,
            "now": now,
            "expires": expires,
            "parent": parent,
        }
        await self.db.batch([(DROP_OLD, {"now": now}), (INSERT, row)])
        return secret

    async def find(self, kind: Kind, secret: str) -> Caller | None:
        """Who holds this secret, if it is valid now."""
        rows = await self.db.fetch(
            "SELECT name,scope FROM token WHERE hash=:hash AND kind=:kind AND (expires_at IS NULL OR expires_at>:now)",
            {"hash": hashed(secret), "kind": kind, "now": self.clock()},
        )
        if not rows:
            return None
        csrf = csrf_of(secret) if kind == "session" else None
        return Caller(hashed(secret)[:16], rows[0]["name"], rows[0]["scope"], csrf)

    async def redeem(self, link: str, days: int) -> str:
        """The session that a one-time link opens, valid for `days`. Raises `Unauthenticated` where it was used."""
        rows = await self._changed(
            "DELETE FROM token WHERE hash=:hash AND kind='link' AND expires_at>:now RETURNING name,scope",
            {"hash": hashed(link), "now": self.clock()},
        )
        if not rows:
            raise Unauthenticated("this login link was used or is too old; `vivijure studio` prints a new one")
        return await self.issue("session", rows[0]["name"], rows[0]["scope"], days * DAY_MS)

    async def end(self, session: str) -> None:
        """Log this session out."""
        await self._changed("DELETE FROM token WHERE hash=:hash AND kind='session'", {"hash": hashed(session)})

    async def tokens(self) -> tuple[TokenInfo, ...]:
        """All bearer tokens, oldest first."""
        rows = await self.db.fetch(
            "SELECT hash,name,scope,created_at,expires_at FROM token WHERE kind='bearer' ORDER BY created_at,hash"
        )
        return tuple(TokenInfo(id=r["hash"][:16], **{k: r[k] for k in r if k != "hash"}) for r in rows)

    async def revoke(self, token_id: str) -> None:
        """Make a bearer token worthless, and the sessions it opened. Raises `NotFound`."""
        revoke = "DELETE FROM token WHERE kind='bearer' AND substr(hash,1,16)=:id RETURNING hash"
        sessions = "DELETE FROM token WHERE kind='session' AND parent=:id"
        found, _ = await self.db.batch([(revoke, {"id": token_id}), (sessions, {"id": token_id})])
        if not found.rows:
            raise NotFound(f"there is no token {token_id!r}")

    async def _changed(self, sql: str, params: dict[str, Value]) -> tuple[Row, ...]:
        return (await self.db.batch([(sql, params)]))[0].rows
