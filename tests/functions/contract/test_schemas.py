"""The checked-in schemas are the wire, and accept what is sent over it."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.contract.schemas import FOLDER, generate
from tests.servers.jobs import body, request, upload


def test_schemas_are_those_checked_in() -> None:
    found = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert found == generate(), "the wire changed: run `python -m functions.contract.schemas` and read the difference"


def schema(name: str) -> dict[str, Any]:
    """A checked-in schema."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


def test_schema_accepts_a_request_and_refuses_a_stray_field() -> None:
    good = json.loads(json.dumps(body(request("write", inputs={"data": upload(b"x")}))))
    validator = Draft202012Validator(schema("run-request"))
    assert [error.message for error in validator.iter_errors(good)] == []
    good["input"]["surprise"] = 1
    assert not validator.is_valid(good)
