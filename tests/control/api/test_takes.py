"""Takes of a real door: listed, served, chosen."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.servers.studio import studio

BOARD = "scenes: [{id: s1, heading: INT. HALL, shots: [{id: door, seconds: 1, action: A door at night.}]}]"
KEYFRAMES = {"recipe": {"target": "keyframes"}}
MADE_S = 120


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    data = tmp_path_factory.mktemp("takes")
    with studio(data, door=True, runner=True, workers=1) as running, running.client() as found:
        yield found


def render(client: httpx2.Client, film: str) -> dict[str, Any]:
    """Render the film's keyframes to the end."""
    answer = client.post(f"/api/films/{film}/renders", json=KEYFRAMES)
    assert answer.status_code == 201, answer.text
    end = time.monotonic() + MADE_S
    while (view := client.get(answer.headers["location"]).json())["state"] == "running":
        assert time.monotonic() < end, view
        time.sleep(0.1)
    assert view["state"] == "done", view
    return dict(view)


def test_a_new_seed_is_a_new_take_and_the_old_one_can_be_chosen(client: httpx2.Client) -> None:
    film = client.post("/api/films", json={"text": BOARD}).json()["id"]
    assert client.post(f"/api/films/{film}/quote", json=KEYFRAMES).json()["made"] == 0
    assert (render(client, film)["made"], render(client, film)["reused"]) == (1, 1)

    ops = [{"op": "set_seed", "shot": "door", "seed": 7}]
    assert client.post(f"/api/films/{film}/edits", json={"base": 1, "ops": ops}).status_code == 200
    assert render(client, film)["made"] == 1
    newer, older = client.get(f"/api/films/{film}/takes", params={"shot": "door"}).json()["items"]
    assert newer["fingerprint"] != older["fingerprint"]

    picture = client.get(f"/api/takes/{older['id']}/files/image.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["etag"] == f'"{older["outputs"]["image.png"]["sha256"]}"'
    assert client.get(f"/api/takes/{older['id']}/files/nothing.png").status_code == 404

    assert client.post(f"/api/takes/{older['id']}/choose").json()["chosen"] is True
    shot = client.get(f"/api/films/{film}/storyboard").json()["storyboard"]["scenes"][0]["shots"][0]
    assert shot["takes"] == {"keyframe": older["id"]}
    assert client.post(f"/api/films/{film}/quote", json=KEYFRAMES).json()["to_make"] == 0
    assert client.post(f"/api/takes/{older['id']}/choose").status_code == 200
    assert client.get(f"/api/films/{film}").json()["revision"] == 3
    assert client.get(f"/api/renders/{render(client, film)['id']}/timeline").status_code == 404


def test_a_render_is_paused_resumed_and_cancelled(client: httpx2.Client) -> None:
    text = BOARD.replace("A door at night.", "A gate at noon.")
    film = client.post("/api/films", json={"text": text}).json()["id"]
    place = client.post(f"/api/films/{film}/renders", json={}).headers["location"]
    assert client.post(f"{place}/pause").json()["state"] == "paused"
    assert client.post(f"{place}/resume").json()["state"] == "running"
    assert client.post(f"{place}/cancel").json()["cancel_requested"] is True
    end = time.monotonic() + MADE_S
    running = client.get(place)
    while client.get(place).json()["state"] != "cancelled":
        assert time.monotonic() < end
        time.sleep(0.1)
    ended = client.get(place)
    known = {"if-none-match": ended.headers["etag"]}
    assert (client.get(place, headers=known).status_code, client.get(place, headers=known).content) == (304, b"")
    assert running.headers["etag"] != ended.headers["etag"]
    assert client.post(f"{place}/resume").status_code == 409
    assert client.get("/api/costs").json()["spent_u"] == 0
