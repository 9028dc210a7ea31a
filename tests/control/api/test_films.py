"""Films and revisions over HTTP."""

import httpx2
import pytest

from tests.control.api.conftest import BOARD

SCRIPT = "Title: Short\n\nINT. ROOM - DAY\n\nA lamp burns.\n\nADA\nPut it out.\n"


def edit(action: str) -> dict[str, object]:
    return {"op": "edit_shot", "shots": ["wide"], "path": "action", "value": action}


@pytest.mark.parametrize(
    ("body", "media"), [(BOARD, "application/yaml"), (SCRIPT, "text/vnd.fountain"), (BOARD, "text/yaml; charset=utf-8")]
)
def test_a_film_is_made_of_text_in_its_own_form(owner: httpx2.Client, body: str, media: str) -> None:
    answer = owner.post("/api/films", content=body.encode(), headers={"content-type": media})
    assert answer.status_code == 201
    film = answer.json()
    assert answer.headers["location"] == f"/api/films/{film['id']}"
    assert film["revision"] == 1
    board = owner.get(f"/api/films/{film['id']}/storyboard").json()["storyboard"]
    assert sum(len(scene["shots"]) for scene in board["scenes"]) >= 2


def test_json_short_forms_are_taken_and_the_long_form_comes_back(owner: httpx2.Client) -> None:
    shot = {"action": "Rain.", "camera": "push", "via": "dissolve"}
    board = {"title": "Rain", "scenes": [{"heading": "EXT. ROAD", "shots": [{"action": "A road."}, shot]}]}
    film = owner.post("/api/films", json={"storyboard": board}).json()
    answer = owner.get(f"/api/films/{film['id']}/storyboard")
    assert answer.headers["etag"] == '"1"'
    second = answer.json()["storyboard"]["scenes"][0]["shots"][1]
    assert second["camera"]["move"] == "push"
    assert second["via"]["kind"] == "dissolve"
    assert second["id"]


def test_a_board_with_errors_is_refused_with_path_and_line(owner: httpx2.Client) -> None:
    wrong = BOARD.replace("size: medium,", "size: medum,").replace("{ada: left}", "{bob: left}")
    answer = owner.post("/api/films", content=wrong.encode(), headers={"content-type": "application/yaml"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    assert any(e["path"].endswith("size") and e["line"] == 14 for e in errors), errors
    assert any("bob" in e["message"] for e in errors), errors


def test_films_are_listed_newest_first_and_paged(owner: httpx2.Client) -> None:
    made = [owner.post("/api/films", json={"text": BOARD, "title": f"Film {n}"}).json()["id"] for n in range(3)]
    first = owner.get("/api/films", params={"limit": 2}).json()
    assert [f["id"] for f in first["items"]] == made[:0:-1]
    second = owner.get("/api/films", params={"limit": 2, "cursor": first["cursor"]}).json()
    assert second["items"][0]["id"] == made[0]


def test_a_revision_says_what_it_is_based_on(owner: httpx2.Client, film: str) -> None:
    path = f"/api/films/{film}/storyboard"
    body = {"text": BOARD.replace("Two Doors", "Three Doors")}
    assert owner.put(path, json=body).status_code == 428
    saved = owner.put(path, json=body, headers={"if-match": '"1"'})
    assert saved.json()["n"] == 2
    assert saved.headers["etag"] == '"2"'
    stale = owner.put(path, json={**body, "base": 1})
    assert stale.status_code == 409
    assert stale.json()["code"] == "stale_revision"
    assert stale.json()["current"] == 2
    assert [r["n"] for r in owner.get(f"/api/films/{film}/revisions").json()["items"]] == [2, 1]
    assert owner.get(path, params={"revision": 1}).json()["storyboard"]["title"] == "Two Doors"


def test_an_edit_makes_a_revision_and_its_undo_takes_it_back(owner: httpx2.Client, film: str) -> None:
    before = owner.get(f"/api/films/{film}/storyboard").json()["storyboard"]
    answer = owner.post(f"/api/films/{film}/edits", json={"base": 1, "ops": [edit("Three doors.")]}).json()
    assert answer["revision"]["n"] == 2
    assert answer["stale"]["shots"] == {"wide": "KM"}
    undone = owner.post(f"/api/films/{film}/edits", json={"base": 2, "ops": answer["undo"]})
    assert undone.status_code == 200, undone.text
    assert owner.get(f"/api/films/{film}/storyboard").json()["storyboard"] == before


def test_a_dry_run_says_what_becomes_stale_and_saves_nothing(owner: httpx2.Client, film: str) -> None:
    body = {"base": 1, "ops": [edit("Three doors.")], "dry_run": True}
    answer = owner.post(f"/api/films/{film}/edits", json=body).json()
    assert answer["revision"] is None
    paths = {step["path"] for step in answer["steps"]}
    assert {"shot/wide/keyframe", "shot/wide/motion"} <= paths
    assert not any(path.startswith("shot/turn/") for path in paths)
    assert owner.get(f"/api/films/{film}").json()["revision"] == 1


def test_a_stale_edit_is_carried_over_where_paths_are_disjoint(owner: httpx2.Client, film: str) -> None:
    path = f"/api/films/{film}/edits"
    assert owner.post(path, json={"base": 1, "ops": [edit("Three doors.")]}).status_code == 200
    other = {"op": "edit_shot", "shots": ["turn"], "path": "action", "value": "Ada waits."}
    assert owner.post(path, json={"base": 1, "ops": [other]}).json()["revision"]["n"] == 3
    clash = owner.post(path, json={"base": 1, "ops": [edit("Four doors.")]})
    assert clash.status_code == 409
    assert clash.json()["code"] == "stale_base"
    assert owner.post(path, json={"base": 9, "ops": [other]}).status_code == 409


def test_a_refused_edit_changes_nothing(owner: httpx2.Client, film: str) -> None:
    ops = [edit("Three doors."), {"op": "remove_shots", "shots": ["nowhere"]}]
    answer = owner.post(f"/api/films/{film}/edits", json={"base": 1, "ops": ops})
    assert answer.status_code == 422
    assert owner.get(f"/api/films/{film}").json()["revision"] == 1


def test_an_earlier_revision_is_restored_and_a_text_is_imported(owner: httpx2.Client, film: str) -> None:
    import hashlib

    path = f"/api/films/{film}/edits"
    owner.post(path, json={"base": 1, "ops": [edit("Three doors.")]})
    assert owner.post(path, json={"base": 2, "ops": [{"op": "restore_revision", "n": 1}]}).status_code == 200
    text = BOARD.replace("Two doors at the end", "Five doors at the end")
    ops = [{"op": "import", "digest": hashlib.sha256(text.encode()).hexdigest(), "mode": "merge"}]
    answer = owner.post(path, json={"base": 3, "ops": ops, "imports": [{"text": text}]})
    assert answer.status_code == 200, answer.text
    board = owner.get(f"/api/films/{film}/storyboard").json()["storyboard"]
    assert board["scenes"][0]["shots"][0]["action"].startswith("Five doors")


@pytest.mark.parametrize(("form", "media"), [("yaml", "application/yaml"), ("fountain", "text/vnd.fountain")])
def test_a_storyboard_comes_back_as_text(owner: httpx2.Client, film: str, form: str, media: str) -> None:
    answer = owner.get(f"/api/films/{film}/storyboard", params={"format": form})
    assert answer.headers["content-type"].startswith(media)
    again = owner.post("/api/films", content=answer.content, headers={"content-type": media})
    assert again.status_code == 201, again.text


def test_a_check_says_what_is_wrong_without_saving(owner: httpx2.Client, film: str) -> None:
    assert owner.get(f"/api/films/{film}/check").json()["ok"] is True
    assert owner.post("/api/check", json={"text": BOARD}).json()["ok"] is True
    assert owner.post("/api/check", json={"text": "scenes: 3"}).status_code == 422


def test_a_plan_and_a_quote_name_every_step(owner: httpx2.Client, film: str) -> None:
    plan = owner.post(f"/api/films/{film}/plan", json={}).json()
    quote = owner.post(f"/api/films/{film}/quote", json={"recipe": {"tier": "final"}}).json()
    assert [line["path"] for line in quote["lines"]] == [step["path"] for step in plan["steps"]]
    assert quote["made"] == 0
    assert plan["size"] == {"width": 1280, "height": 720}


def test_a_render_without_a_door_is_refused_and_says_so(owner: httpx2.Client, film: str) -> None:
    answer = owner.post(f"/api/films/{film}/renders", json={})
    assert answer.status_code == 422
    assert "no door runs" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/films/nope", "/api/films/nope/storyboard", "/api/renders/nope", "/api/takes/x"])
def test_what_is_not_there_is_a_404_problem(owner: httpx2.Client, path: str) -> None:
    answer = owner.get(path)
    assert answer.status_code == 404
    assert answer.json()["status"] == 404
    assert answer.json()["instance"] == path
