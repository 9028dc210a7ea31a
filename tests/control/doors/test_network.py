"""Which addresses a door may have."""

import http.server
import ipaddress
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An HTTPS server on loopback that answers every GET with 404, and the certificate it shows."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run([*map(str, made), *name], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Quiet(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"https://localhost:{server.server_address[1]}/", certificate
        server.shutdown()
        thread.join()


class Quiet(http.server.ThreadingHTTPServer):
    """Says nothing of clients that break off."""

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses the certificate does."""


async def test_a_door_on_loopback_may_show_a_certificate_that_this_machine_trusts(
    secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, certificate = secure
    async with httpx2.AsyncClient(transport=CheckedTransport("loopback")) as client:
        with pytest.raises(httpx2.ConnectError, match="certificate verify failed"):
            await client.get(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with httpx2.AsyncClient(transport=CheckedTransport("loopback")) as client:
        assert (await client.get(url)).status_code in (404, 501)
