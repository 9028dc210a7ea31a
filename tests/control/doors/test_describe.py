"""Whether a door is believed to run what it says."""

import pytest

from control.doors.describe import Description, parse, refusal
from functions.contract.base import CONTRACT
from tests.servers.jobs import ECHO

ORIGIN = "https://objects.example.org"
MANIFEST = ECHO.model_dump(mode="json", exclude_defaults=True)
TRUE = {"contracts": [CONTRACT], "door": "gpu", "key_ids": ["k1"], "origins": [ORIGIN], "manifest": MANIFEST}


def verdict(**changes: object) -> str:
    said = parse({**TRUE, **changes})
    assert said is not None
    return refusal(said, ECHO, "gpu", "k1", ORIGIN)


def test_the_engine_of_the_catalog_is_taken() -> None:
    assert verdict() == ""
    assert verdict(origins=[], bucket=True) == ""
    assert verdict(key_ids=None) == ""
    assert verdict(something="new") == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"manifest": {**MANIFEST, "name": "motion-wan"}}, "it runs 'motion-wan', not echo"),
        ({"contracts": ["vivijure-job/9"]}, "speaks vivijure-job/9"),
        ({"contracts": []}, "speaks no contract"),
        ({"door": "other"}, "calls itself 'other'"),
        ({"key_ids": ["k2"]}, "does not know this Studio's key k1"),
        ({"origins": ["https://elsewhere.example.org"]}, "may not reach the object store"),
        ({"manifest": {**MANIFEST, "kinds": ["motion"]}}, "other kinds"),
        ({"manifest": {**MANIFEST, "recipe": 2}}, "has recipe 2"),
        ({"manifest": {**MANIFEST, "tiers": {"draft": {}}}}, "other weights for standard"),
        ({"manifest": {**MANIFEST, "tiers": "all"}}, "other weights"),
    ],
)
def test_a_door_that_is_something_else_is_refused(changes: dict[str, object], said: str) -> None:
    assert said in verdict(**changes)


@pytest.mark.parametrize("body", [None, "echo", [], {}, {"manifest": "x"}, {"manifest": {}}, {**TRUE, "contracts": 3}])
def test_what_describes_nothing(body: object) -> None:
    assert parse(body) is None
    assert Description().manifest == {}
