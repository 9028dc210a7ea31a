"""What a worker at a provider is told by its environment."""

from pathlib import Path

import pytest

from functions.serve.environment import VARIABLES, passed_on, read_environment, read_modal

LEAST = {"VIVIJURE_DOOR_ID": "d", "VIVIJURE_DOOR_KEYS": "0" * 64}
DIGEST = f"ghcr.io/acme/x@sha256:{'a' * 64}"


def test_least_that_is_wanted() -> None:
    settings = read_environment(LEAST, ("animatic",))
    assert (settings.door, settings.keys, settings.engines) == ("d", ("0" * 64,), ("animatic",))
    assert (settings.store, settings.origins, settings.catalog, settings.warm) == ("", (), None, True)
    assert not settings.trust().bucket


def test_all_that_may_be_said() -> None:
    settings = read_environment(
        {
            **LEAST,
            "VIVIJURE_DOOR_KEYS": f"{'0' * 64}, {'1' * 64}",
            "VIVIJURE_DOOR_ORIGINS": "https://a.example https://b.example:8443",
            "VIVIJURE_DOOR_STORE": "s3://films",
            "VIVIJURE_DOOR_SCRATCH": "/scratch",
            "VIVIJURE_DOOR_CATALOG": "/catalog",
            "VIVIJURE_DOOR_GRACE_S": "2.5",
            "VIVIJURE_DOOR_DRAIN_S": "7",
        },
        ("animatic",),
    )
    assert settings.keys == ("0" * 64, "1" * 64)
    assert settings.origins == ("https://a.example", "https://b.example:8443")
    assert (settings.store, settings.scratch, settings.catalog) == (
        "s3://films",
        Path("/scratch/scratch"),
        Path("/catalog"),
    )
    assert (settings.grace_s, settings.drain_s) == (2.5, 7.0)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("VIVIJURE_DOOR_ID", "", "VIVIJURE_DOOR_ID is not set"),
        ("VIVIJURE_DOOR_KEYS", "", "public keys in hex"),
        ("VIVIJURE_DOOR_KEYS", "zz", "keys"),
        ("VIVIJURE_DOOR_KEYS", " ".join(["0" * 64] * 3), "keys"),
        ("VIVIJURE_DOOR_GRACE_S", "soon", "soon"),
    ],
)
def test_what_is_missing_or_wrong_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_environment({**LEAST, name: value}, ("animatic",))


def test_modal_is_told_images_and_secrets_by_name() -> None:
    settings = read_modal({"VIVIJURE_MODAL_IMAGES": f"door={DIGEST},echo={DIGEST}", "VIVIJURE_MODAL_SECRET": "store"})
    assert (settings.app, settings.images) == ("vivijure", {"door": DIGEST, "echo": DIGEST})
    assert (settings.secret, settings.registry) == ("store", "")


def test_only_our_own_variables_are_passed_on() -> None:
    assert passed_on({**LEAST, "AWS_SECRET_ACCESS_KEY": "s", "VIVIJURE_DATA": "/home/me"}) == LEAST
    assert all(name.startswith(("VIVIJURE_DOOR_", "VIVIJURE_MODAL_")) for name in VARIABLES)


def test_every_variable_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "rented.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `VIVIJURE_")]
    assert rows == [f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items()]
