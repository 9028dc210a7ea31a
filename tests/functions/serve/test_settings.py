"""What a door is started with."""

from pathlib import Path
from typing import Any

import pytest

from functions import catalog
from functions.serve.settings import DoorSettings


def settings(**changes: Any) -> DoorSettings:
    """Of a door with one key."""
    return DoorSettings(**{"door": "d", "data": Path("/nowhere"), "keys": ("0" * 64,), **changes})


def test_door_serves_every_engine_that_has_code() -> None:
    served = settings().manifests().engines
    assert set(served) == {name for name, m in catalog.builtin().engines.items() if m.entry}
    assert set(settings(engines=("animatic",)).manifests().engines) == {"animatic"}


def test_engine_without_code_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot run motion-veo, nobody"):
        settings(engines=("motion-veo", "animatic", "nobody")).trust()


def test_origins_are_compared_in_one_form() -> None:
    trust = settings(origins=("HTTPS://Store.Example:8443/ignored", "http://127.0.0.1:80")).trust()
    assert trust.origins == {"https://store.example:8443", "http://127.0.0.1:80"}


@pytest.mark.parametrize(
    "text", ["store.example", "ftp://store.example", "https://", "https://user@store.example", "*"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="scheme://host"):
        settings(origins=(text,)).trust()


@pytest.mark.parametrize("keys", [(), ("0" * 63,), ("G" * 64,), ("0" * 64,) * 3])
def test_keys_are_one_or_two_in_hex(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="keys"):
        settings(keys=keys)
