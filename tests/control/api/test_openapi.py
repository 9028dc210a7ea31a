"""The description of the API is valid, complete, and true."""

import re
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from control.api.routes import OPERATIONS, description
from tests.control.api.conftest import BOARD
from tests.servers.studio import RunningStudio

STREAMS = ("watch", "watch_film")
EXAMPLES = 12


def test_the_document_is_valid_and_served(running: RunningStudio) -> None:
    served = httpx2.get(running.url + "/api/openapi.json").json()
    assert served == description()
    assert served["openapi"] == "3.1.0"
    validate(served)


def test_every_operation_is_described_with_clean_names() -> None:
    document = description()
    described = [op for path in document["paths"].values() for op in path.values()]
    assert sorted(op["operationId"] for op in described) == sorted(op.name for op in OPERATIONS)
    assert all(op["summary"] and op["tags"] for op in described)
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) for name in document["components"]["schemas"])
    problem = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    for op in described:
        for status, answer in op["responses"].items():
            if int(status) >= 400:
                assert answer["content"] == {"application/problem+json": problem}


@pytest.mark.parametrize("name", [op.name for op in OPERATIONS if op.name not in STREAMS])
def test_answers_are_as_described_whatever_is_sent(running: RunningStudio, name: str) -> None:
    schema = schemathesis.openapi.from_dict(description())
    schema.config.update(base_url=running.url)
    operation = schema.find_operation_by_id(name)
    headers = {"Authorization": f"Bearer {running.token()}"}

    # A schema cannot say all that a storyboard must be, so valid data may still be refused; never the other way round.
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    ask()


def test_what_a_film_answers_is_as_described(running: RunningStudio, owner: httpx2.Client) -> None:
    schema = schemathesis.openapi.from_dict(description())
    schema.config.update(base_url=running.url)
    film = owner.post("/api/films", json={"text": BOARD}).json()["id"]
    headers = {"Authorization": f"Bearer {running.token()}"}
    for name in ("get_film", "get_storyboard", "list_revisions", "check_film", "list_takes", "list_files"):
        case = schema.find_operation_by_id(name).Case(path_parameters={"film": film})
        case.call_and_validate(headers=headers)
    for name in ("plan_film", "quote_film"):
        case = schema.find_operation_by_id(name).Case(
            path_parameters={"film": film}, body={}, media_type="application/json"
        )
        case.call_and_validate(headers=headers)
