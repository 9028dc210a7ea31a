"""Where a door may be: the address it resolves to is checked at each request, and that very address is connected to."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urlsplit

import httpx2

Network = Literal["public", "private", "loopback"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_SHARED = ipaddress.ip_network("100.64.0.0/10")
"""RFC 6598: carriers and overlay networks such as Tailscale."""


def _private(address: Address) -> bool:
    odd = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return (address.is_private and not odd) or address in _SHARED


ALLOWED: Mapping[Network, Callable[[Address], bool]] = {
    "public": lambda address: address.is_global and not address.is_multicast,
    "private": _private,
    "loopback": lambda address: address.is_loopback,
}


def reachable(origin: str, network: Network) -> bool:
    """Whether a door on `network` can reach `scheme://host[:port]`, as far as the host tells. A name may."""
    host = urlsplit(origin).hostname or ""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return bool(host)
    if address.is_unspecified:
        return False
    if address.is_loopback:
        return network == "loopback"
    return network != "public" or ALLOWED["public"](address)


LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=8)
"""Each request looks at every idle connection: many kept ones cost more than a few made anew in a burst."""


class CheckedTransport(httpx2.AsyncHTTPTransport):
    """Connects to addresses of one network only; a name that also resolves to others is refused, and so is a public
    address without TLS.

    Raises `httpx2.ConnectError`, before anything is sent.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._unread = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if network == "loopback" else None
        super().__init__(trust_env=False, limits=LIMITS, verify=True if self._unread is None else self._unread)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to the address that was checked; TLS still proves the name."""
        host = request.url.host
        address = await self._resolve(host, request)
        if self._network == "public" and request.url.scheme != "https":
            raise httpx2.ConnectError(f"{host} is public and not asked over https", request=request)
        if self._unread is not None and request.url.scheme == "https":
            # Doors on loopback are mostly asked without TLS, and reading all authorities takes a fifth of a second.
            self._unread.load_default_certs()
            self._unread = None
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=str(address))
        return await super().handle_async_request(request)

    async def _resolve(self, host: str, request: httpx2.Request) -> Address:
        addresses = [_plain(address) for address in await _addresses(host, request)]
        for address in addresses:
            if not ALLOWED[self._network](address):
                message = f"{host} is at {address}, which is no {self._network} address"
                raise httpx2.ConnectError(message, request=request)
        return addresses[0]


async def _addresses(host: str, request: httpx2.Request) -> list[Address]:
    with contextlib.suppress(ValueError):
        return [ipaddress.ip_address(host)]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpx2.ConnectError(f"{host} has no address: {error.strerror or error}", request=request) from error
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 counts as what it is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
