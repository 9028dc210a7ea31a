"""`Idempotency-Key`: the first answer again, nothing twice."""

from concurrent.futures import ThreadPoolExecutor

import httpx2

from tests.control.api.conftest import BOARD
from tests.servers.studio import RunningStudio


def count(client: httpx2.Client) -> int:
    return len(client.get("/api/films", params={"limit": 200}).json()["items"])


def test_the_same_request_gives_the_same_answer_and_one_film(owner: httpx2.Client) -> None:
    before, key = count(owner), {"idempotency-key": "make-1"}
    first = owner.post("/api/films", json={"text": BOARD}, headers=key)
    again = owner.post("/api/films", json={"text": BOARD}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert count(owner) == before + 1


def test_another_request_under_the_key_is_refused(owner: httpx2.Client) -> None:
    key = {"idempotency-key": "make-2"}
    assert owner.post("/api/films", json={"text": BOARD}, headers=key).status_code == 201
    other = owner.post("/api/films", json={"text": BOARD, "title": "Other"}, headers=key)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_mismatch"


def test_a_refused_request_may_be_mended_under_its_key(owner: httpx2.Client) -> None:
    key = {"idempotency-key": "make-3"}
    assert owner.post("/api/films", json={"text": "scenes: 3"}, headers=key).status_code == 422
    assert owner.post("/api/films", json={"text": BOARD}, headers=key).status_code == 201


def test_keys_belong_to_their_token_and_route(running: RunningStudio, owner: httpx2.Client, film: str) -> None:
    key = {"idempotency-key": "make-4"}
    first = owner.post("/api/films", json={"text": BOARD}, headers=key).json()["id"]
    with running.client("crew") as crew:
        assert crew.post("/api/films", json={"text": BOARD}, headers=key).json()["id"] != first
    assert owner.post(f"/api/films/{film}/quote", json={}, headers=key).status_code == 200


def test_at_the_same_moment_one_acts(owner: httpx2.Client) -> None:
    before = count(owner)

    def send(_: int) -> int:
        return owner.post("/api/films", json={"text": BOARD}, headers={"idempotency-key": "race"}).status_code

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(send, range(8)))
    assert set(found) <= {201, 409}
    assert count(owner) == before + 1


def test_a_key_that_is_no_key_is_refused(owner: httpx2.Client) -> None:
    answer = owner.post("/api/films", json={"text": BOARD}, headers={"idempotency-key": "x" * 201})
    assert answer.status_code == 400
