"""Where the Studio listens."""

import asyncio
import socket
from pathlib import Path

import pytest

from control.commands.studio import listening
from control.errors import SettingsError
from control.settings import load


async def _delayed(listener: socket.socket) -> int:
    """Whether small answers of a connection wait for one another."""
    taken: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        own: socket.socket = writer.get_extra_info("socket")
        taken.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(connected, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        found = await taken
        writer.close()
        await writer.wait_closed()
        return int(not found)


def test_small_answers_are_sent_at_once(tmp_path: Path) -> None:
    assert not asyncio.run(_delayed(listening(load({}, data=tmp_path, port=0))))


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with listening(load({}, data=tmp_path, port=0)) as first:
        first.listen()
        with pytest.raises(SettingsError, match="cannot be used"):
            listening(load({}, data=tmp_path, port=first.getsockname()[1]))
