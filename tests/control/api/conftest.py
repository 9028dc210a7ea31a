"""One Studio without door or runner for the whole room, and clients for it."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.servers.studio import RunningStudio, studio

BOARD = """
storyboard: 1
title: Two Doors
cast:
  ada: {name: Ada, look: "a tall woman in a grey coat"}
places:
  hall: {look: a long hall with two doors}
scenes:
  - id: s1
    heading: INT. HALL - NIGHT
    place: hall
    shots:
      - {id: wide, size: wide, seconds: 2, action: Two doors at the end of a hall.}
      - {id: turn, size: medium, seconds: 2, who: {ada: left}, action: Ada turns.,
         lines: [{ada: "Which one?"}]}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    with studio(tmp_path_factory.mktemp("studio")) as found:
        yield found


@pytest.fixture(scope="module")
def owner(running: RunningStudio) -> Iterator[httpx2.Client]:
    with running.client("owner") as client:
        yield client


@pytest.fixture
def film(owner: httpx2.Client) -> str:
    """The id of a new film of two shots."""
    answer = owner.post("/api/films", json={"text": BOARD})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
