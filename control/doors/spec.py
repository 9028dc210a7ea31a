"""What a person says of a door to be added, and what of that can be checked before anything is asked. Pure."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from control.doors.network import ALLOWED, Network
from control.doors.providers import Kind, Provider, providers
from control.doors.registry import Caps
from control.errors import Invalid
from control.graph.prices import builtin as prices
from control.render.outcome import Terms
from control.storyboard.problem import Problem
from functions.catalog import Catalog
from functions.contract.base import EngineName, Strict

ENDPOINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,63}")
BUILTIN = "builtin"
DoorId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
Count = Annotated[int, Field(ge=1, le=1000)]


class NewDoor(Strict):
    """A door. `runpod` names an endpoint for each engine, `modal` and `local` the engines behind their address.

    `price` is a name of the price list (`runpod/4090`), `price_u` micro-dollars a second of a worker. `network` other
    than public is the owner's choice. What is left out is as the kind of door has it.
    """

    id: DoorId
    kind: Kind
    base: Annotated[str, Field(max_length=500)] = ""
    network: Network | None = None
    engines: Annotated[tuple[EngineName, ...], Field(max_length=100)] = ()
    endpoints: dict[EngineName, str] = {}
    secret: Annotated[str, Field(max_length=10_000)] = Field(default="", repr=False)
    price: str = ""
    price_u: Annotated[int, Field(ge=0, le=10**9)] | None = None
    concurrency: Count | None = None
    ahead: Annotated[int, Field(ge=0, le=1000)] | None = None
    executions: Annotated[int, Field(ge=1, le=10)] | None = None
    rerun_lost: bool = False
    management: Annotated[str, Field(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """A door as the database keeps it."""

    id: str
    kind: Kind
    base: str
    network: Network
    caps: Caps


class _Findings:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: str, message: str) -> None:
        self.problems.append(Problem(severity="error", path=path, message=message))


def check(new: NewDoor, catalog: Catalog) -> Spec:
    """The door as it is kept. Raises `Invalid` with everything that is wrong."""
    found, provider = _Findings(), providers()[new.kind]
    if new.id == BUILTIN:
        found.add("id", "this is the name of the door that comes with the Studio; choose another")
    base, network = _base(new, provider, found)
    engines = _engines(new, catalog, found)
    terms = _terms(new, provider, found)
    management = _management(new, provider, network, found)
    if found.problems:
        raise Invalid(problems=found.problems)
    caps = Caps(
        engines=engines,
        concurrency=new.concurrency or provider.concurrency,
        ahead=provider.ahead if new.ahead is None else new.ahead,
        executions=new.executions or provider.executions,
        rerun_lost=new.rerun_lost,
        poll_ms=provider.poll_ms,
        terms=terms,
        endpoints=new.endpoints,
        management=management,
    )
    return Spec(new.id, new.kind, base, network, caps)


def _base(new: NewDoor, provider: Provider, found: _Findings) -> tuple[str, Network]:
    text = (new.base or provider.base).rstrip("/").removesuffix("/v2")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        found.add("base", "this is no address")
        return text, "public"
    network = new.network or _network(host)
    if not text:
        found.add("base", f"say where {provider.title} is, such as https://door.example.org")
    elif parts.scheme not in ("http", "https") or not host or not text.isascii():
        found.add("base", "write a whole address, such as https://door.example.org")
    elif parts.path or parts.query or parts.fragment or parts.username is not None:
        found.add("base", "write the address alone: scheme, host and port")
    else:
        _check_network(parts.scheme, host, network, found)
    return text, network


def _network(host: str) -> Network:
    if host == "localhost":
        return "loopback"
    try:
        return "loopback" if ipaddress.ip_address(host).is_loopback else "public"
    except ValueError:
        return "public"


def _check_network(scheme: str, host: str, network: Network, found: _Findings) -> None:
    if network == "public" and scheme != "https":
        found.add("base", "a public door is asked over https; for one in your own network say so: network private")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return  # a name's addresses are checked at each connection
    if not ALLOWED[network](address):
        found.add("base", f"{host} is no {network} address; for one in your own network say so: network private")


def _engines(new: NewDoor, catalog: Catalog, found: _Findings) -> frozenset[str]:
    engines = frozenset(new.endpoints if new.kind == "runpod" else new.engines)
    where = "endpoints" if new.kind == "runpod" else "engines"
    if not engines:
        hint = ": ENGINE=ENDPOINT, one endpoint an engine" if new.kind == "runpod" else ""
        found.add(where, f"say which engines run there{hint}")
    for name in sorted(engines - catalog.engines.keys()):
        found.add(f"{where}.{name}", "the catalog has no such engine; `vivijure engines` lists them")
    if len(set(new.endpoints.values())) != len(new.endpoints):
        found.add("endpoints", "each engine has an endpoint of its own, so that its bill can be told apart")
    for name, endpoint in new.endpoints.items():
        if ENDPOINT.fullmatch(endpoint) is None:
            found.add(f"endpoints.{name}", f"{endpoint[:80]!r} is no id of an endpoint")
    return engines


def _terms(new: NewDoor, provider: Provider, found: _Findings) -> Terms:
    listed = prices().get(new.price)
    if new.price and listed is None:
        found.add("price", f"the price list has no {new.price!r}; it has {', '.join(sorted(prices()))}")
    price_u = new.price_u if listed is None else listed.price_u
    if price_u is None and new.kind != "local":
        found.add("price", "say what a second of a worker costs: a name of the price list, or micro-dollars")
    return Terms(
        price_u=price_u or 0,
        start_allowance_s=provider.start_allowance_s,
        repeatable=provider.repeatable,
        forgets=provider.forgets,
        price_name="" if listed is None else listed.name,
        price_date="" if listed is None else listed.date.isoformat(),
        price_source="" if listed is None else listed.source,
        increment_ms=provider.billing.increment_ms,
        minimum_ms=provider.billing.minimum_ms,
        metered=provider.billing.metered,
    )


def _management(new: NewDoor, provider: Provider, network: Network, found: _Findings) -> str:
    text = (new.management or provider.management).rstrip("/").removesuffix("/v2")
    if new.management and urlsplit(text).scheme != "https" and network == "public":
        found.add("management", "this is asked over https")
    return text
