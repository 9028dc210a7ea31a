"""What providers charge for a second of a worker: data with a date and a source (`prices.toml`)."""

import datetime
import functools
import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from functions.contract.base import Strict


class Price(Strict):
    """`price_u` is micro-dollars a second of a worker, rounded up; `date` is when the source said so."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    title: str
    price_u: Annotated[int, Field(ge=0)]
    date: datetime.date
    source: Annotated[str, Field(min_length=1)]


class _File(Strict):
    prices: tuple[Price, ...]


def parse(text: str) -> Mapping[str, Price]:
    """Prices by name. Raises `pydantic.ValidationError`, `tomllib.TOMLDecodeError`, `ValueError` for a name twice."""
    found = _File.model_validate_json(json.dumps(tomllib.loads(text))).prices
    named = {price.name: price for price in found}
    if len(named) != len(found):
        raise ValueError("a price is named twice")
    return MappingProxyType(named)


@functools.cache
def builtin() -> Mapping[str, Price]:
    """The prices that ship with this release."""
    return parse((resources.files("control.graph") / "prices.toml").read_text("utf-8"))
