"""One-time login links."""

from collections.abc import Callable

from control.api.access import LINK_MS, Access, TokenScope
from control.db.migrate import migrate
from control.render.desk import wall_ms
from control.settings import Settings
from control.studio import open_database


async def issue_link(settings: Settings, scope: TokenScope = "owner", clock: Callable[[], int] = wall_ms) -> str:
    """A new address that logs a browser in, once, within 15 minutes. Works beside a running Studio.

    Raises `DatabaseError`.
    """
    db = open_database(settings)
    try:
        await migrate(db)
        return link(settings, await Access(db, clock).issue("link", scope, scope, LINK_MS))
    finally:
        await db.close()


def link(settings: Settings, secret: str) -> str:
    """The address of a login secret."""
    return f"{settings.base_url}/login/{secret}"
