"""Server-sent events on the wire."""

import httpx2

from tests.control.api.conftest import BOARD


def lines(owner: httpx2.Client, path: str, count: int, last: str | None = None) -> list[str]:
    """The first lines of a stream that carry something."""
    headers = {} if last is None else {"last-event-id": last}
    found: list[str] = []
    with owner.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            found += [line] if line and not line.startswith(":") else []
            if len(found) == count:
                break
    return found


def test_a_stream_goes_on_after_the_last_event(owner: httpx2.Client, film: str) -> None:
    owner.put(f"/api/films/{film}/storyboard", json={"text": BOARD.replace("Two", "Six"), "base": 1})
    found = lines(owner, f"/api/films/{film}/events", 7, "0")
    assert found[0] == "retry: 1000"
    assert [line for line in found if line.startswith("event:")] == ["event: change", "event: change"]
    ids = [int(line.removeprefix("id: ")) for line in found if line.startswith("id:")]
    assert lines(owner, f"/api/films/{film}/events", 4, str(ids[0]))[1] == f"id: {ids[1]}"


def test_an_id_from_nowhere_resets(owner: httpx2.Client, film: str) -> None:
    assert "event: reset" in lines(owner, f"/api/films/{film}/events", 4, "999999999")


def test_bad_ids_and_films_are_refused(owner: httpx2.Client, film: str) -> None:
    assert owner.get("/api/events", headers={"last-event-id": "x"}).status_code == 400
    assert owner.get("/api/films/nope/events").status_code == 404
