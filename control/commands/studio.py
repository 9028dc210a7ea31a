"""`vivijure studio`: the web page on this machine."""

import asyncio
import gc
import socket
import sys

import uvicorn
from rich.console import Console

from control.api.login import issue_link
from control.app import build_app
from control.errors import SettingsError
from control.settings import Settings

SWITCH_S = 0.0005
"""How long a thread that plans may keep the interpreter from one that answers; Python's own 5 ms add up."""


async def serve(settings: Settings, console: Console) -> None:
    """Serve until interrupted. Raises `SettingsError` where the port is taken."""
    sys.setswitchinterval(SWITCH_S)
    with listening(settings) as sock:
        settings = settings.model_copy(update={"port": sock.getsockname()[1]})
        app = build_app(settings, apart=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[sock]))
        while not server.started and not task.done():
            await asyncio.sleep(0.05)
        gc.freeze()  # what start-up made stays: looking through it for garbage would hold up answers
        if not task.done():
            console.print("Studio: " + settings.base_url, highlight=False, soft_wrap=True)
            console.print(
                "Log in (once, within 15 minutes): " + await issue_link(settings), highlight=False, soft_wrap=True
            )
            console.print("Ctrl-C stops it; running renders go on the next time.", style="dim", highlight=False)
        await task


def listening(settings: Settings) -> socket.socket:
    """A bound socket of the settings' host and port. Raises `SettingsError`.

    Its protocol is named because asyncio turns Nagle's delay off (40 ms for each small answer) only where it is.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
    except OSError as error:
        sock.close()
        raise SettingsError(
            f"port {settings.port} on {settings.host} cannot be used: {error.strerror}; "
            "stop what listens there, or choose another with --port"
        ) from error
    return sock
