"""What a person may say of a door."""

import pytest
from pydantic import ValidationError

from control.doors.spec import NewDoor, check
from control.errors import Invalid
from functions.catalog import builtin

RENTED = {"id": "gpu", "kind": "runpod", "endpoints": {"motion-wan": "abc123"}, "price": "runpod/4090"}
OWN = {"id": "attic", "kind": "local", "engines": ("motion-wan",)}


def paths(**values: object) -> set[str]:
    with pytest.raises(Invalid) as caught:
        check(NewDoor.model_validate(values), builtin())
    return {problem.path for problem in caught.value.problems}


def test_a_rented_door_takes_what_its_provider_is_known_for() -> None:
    spec = check(NewDoor.model_validate({**RENTED, "base": "https://api.runpod.ai/v2/"}), builtin())
    assert (spec.base, spec.network, spec.caps.engines) == (
        "https://api.runpod.ai",
        "public",
        frozenset({"motion-wan"}),
    )
    terms = spec.caps.terms
    assert (terms.price_u, terms.price_name, terms.forgets, terms.repeatable) == (310, "runpod/4090", True, False)
    assert spec.caps.management == "https://api.runpod.io"


def test_an_own_door_is_free_and_on_the_network_its_owner_says() -> None:
    for base, said, network in (
        ("http://127.0.0.1:8421", None, "loopback"),
        ("http://localhost:8421", None, "loopback"),
        ("http://192.168.1.5:8421", "private", "private"),
        ("http://attic.lan:8421", "private", "private"),
        ("https://door.example.org", None, "public"),
    ):
        spec = check(NewDoor.model_validate({**OWN, "base": base, "network": said}), builtin())
        assert (spec.network, spec.caps.terms.price_u, spec.caps.terms.repeatable) == (network, 0, True)


@pytest.mark.parametrize(
    "base",
    [
        "",
        "door.example.org",
        "ftp://door.example.org",
        "http://door.example.org",
        "https://user:password@door.example.org",
        "https://door.example.org/path",
        "https://door.example.org/?query",
        "https://door.example.org:port",
        "https://[::1",
        "https://dööř.example.org",
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://100.64.0.1",
        "https://[fd00::1]",
        "https://[::ffff:10.0.0.1]",
    ],
)
def test_an_address_that_is_not_https_or_not_public_is_refused(base: str) -> None:
    assert "base" in paths(**OWN, base=base)


def test_each_thing_that_is_wrong_is_named() -> None:
    assert paths(**{**RENTED, "endpoints": {}}) == {"endpoints"}
    assert paths(**{**RENTED, "price": ""}) == {"price"}
    assert paths(**{**RENTED, "price": "runpod/cheap"}) >= {"price"}
    assert paths(**{**RENTED, "endpoints": {"motion-wan": "../x"}}) == {"endpoints.motion-wan"}
    assert paths(**{**RENTED, "endpoints": {"no-such": "abc123"}}) == {"endpoints.no-such"}
    assert paths(**{**RENTED, "endpoints": {"motion-wan": "abc123", "keyframe-sdxl": "abc123"}}) == {"endpoints"}
    assert paths(**{**OWN, "id": "builtin", "base": "http://127.0.0.1:1"}) == {"id"}


@pytest.mark.parametrize("name", ["", "UPPER", "a b", "../x", "a" * 49, "é"])
def test_a_name_is_short_and_plain(name: str) -> None:
    with pytest.raises(ValidationError):
        NewDoor.model_validate({**OWN, "id": name})


def test_a_secret_is_not_shown() -> None:
    assert "hidden" not in repr(NewDoor.model_validate({**OWN, "secret": "hidden"}))
