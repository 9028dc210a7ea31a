"""What is known of each kind of door before anything is asked (`providers.toml`)."""

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from control.doors.limits import Rate, Verb
from control.doors.network import Network

Kind = Literal["runpod", "modal", "local"]


class Billing(BaseModel):
    """How each run of a job is billed: in whole increments of milliseconds, for a minimum at least. `metered` where the
    provider tells of each job how long it counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    increment_ms: Annotated[int, Field(ge=1, le=3_600_000)] = 1
    minimum_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 0
    metered: bool = False
    source: str = ""
    date: str = ""


class Provider(BaseModel):
    """Defaults and manners of one kind.

    `policy`: `run` takes limits of time and a webhook beside the input. `pair`: the secret is an id and a secret.
    `management`: where the scaling of an endpoint is told. `jobs`: live jobs at all its doors together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    base: str = ""
    management: str = ""
    network: Network
    secret: str
    policy: bool = False
    pair: bool = False
    concurrency: int
    ahead: int
    executions: int
    start_allowance_s: int
    repeatable: bool = False
    forgets: bool = False
    poll_ms: tuple[int, int]
    jobs: int
    billing: Billing = Billing()
    rates: dict[Verb, Rate] = {}
    provider_rates: dict[Verb, Rate] = {}
    source: str
    date: str


@functools.cache
def providers() -> Mapping[Kind, Provider]:
    """All kinds, as this release ships them."""
    text = (resources.files("control.doors") / "providers.toml").read_text("utf-8")
    return TypeAdapter(dict[Kind, Provider]).validate_python(tomllib.loads(text))
