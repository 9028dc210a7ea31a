"""Which addresses a door may have."""

import ipaddress
import socket

import httpx2
import pytest

from control.doors.client import Address, DoorClient
from control.doors.network import ALLOWED, CheckedTransport, Network, _plain
from control.errors import DoorUnreachable
from tests.servers import jobs

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.8.8", "public"),
        ("2606:4700::1111", "public"),
        ("10.1.2.3", "private"),
        ("192.168.0.7", "private"),
        ("172.20.1.1", "private"),
        ("100.101.102.103", "private"),
        ("fd12:3456::1", "private"),
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("169.254.169.254", None),
        ("fe80::1", None),
        ("0.0.0.0", None),
        ("::", None),
        ("224.0.0.1", None),
        ("ff02::1", None),
        ("192.0.2.1", "private"),
    ],
)
async def test_each_address_belongs_to_one_network_at_most(address: str, network: Network | None) -> None:
    found = {name for name, allows in ALLOWED.items() if allows(_plain(ipaddress.ip_address(address)))}
    assert found == ({network} if network else set())


@pytest.mark.parametrize("network", ["public", "private"])
async def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_sent(network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        client = DoorClient(lambda: Address(f"http://localhost:{server.getsockname()[1]}", "secret"), network)
        with pytest.raises(DoorUnreachable, match=f"localhost is at .*, which is no {network} address"):
            await client.run(jobs.request("write:x"))
        with pytest.raises(TimeoutError):
            server.accept()
        await client.close()


async def test_a_name_without_an_address_is_refused() -> None:
    async with httpx2.AsyncClient(transport=CheckedTransport("public")) as client:
        with pytest.raises(httpx2.ConnectError, match=r"no-such-host\.invalid has no address"):
            await client.get("http://no-such-host.invalid/")
