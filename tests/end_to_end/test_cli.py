"""The commands as a person types them, and what they say to bad input."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.end_to_end.studio import ROOT, TINY, start, tiny, vivijure

LIGHTHOUSE = ROOT / "examples" / "lighthouse.yaml"
TEASER = ROOT / "examples" / "teaser" / "last-tram.yaml"
SCRIPT = ROOT / "examples" / "elsinore.fountain"


def test_examples_have_no_errors(tmp_path: Path) -> None:
    for board in (LIGHTHOUSE, TEASER, SCRIPT):
        found = vivijure(tmp_path, "check", board, "--json")
        assert found.code == 0, found.out
        assert not [p for p in found.last["problems"] if p["severity"] == "error"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("size: wide", "sice: wide"), "size"),
        (("id: two", "id: one"), "one"),
        (('{ada: left}, action: "Ada', '{bob: left}, action: "Ada'), "bob"),
        (('action: "A room at night."', 'action: ""'), "action"),
        (("seconds: 2.2", "seconds: 0"), "seconds"),
        (("seconds: 2.2", "seconds: -1"), "seconds"),
        (("seconds: 2.2", "seconds: 10000"), "seconds"),
        (("title: Tiny", "title: &a Tiny"), "anchor"),
        (('prompt: "one low note, held"', "file: gone.wav, prompt: low"), "gone.wav"),
        (('prompt: "one low note, held"', "file: ../../gone.wav, prompt: low"), "outside its folder"),
        (('prompt: "one low note, held"', "file: /etc/passwd, prompt: low"), "outside its folder"),
    ],
)
def test_bad_storyboards_are_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert change[0] in TINY
    board = tiny(tmp_path, TINY.replace(*change))
    run = vivijure(tmp_path / "data", "render", board, "-o", tmp_path / "film.mp4")
    assert run.code == 1
    assert said in run.err
    assert "Traceback" not in run.err
    assert not (tmp_path / "film.mp4").exists()


def test_too_large_too_many_and_no_text(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"storyboard: 1\ntitle: caf\xe9\n")
    many = tmp_path / "many.yaml"
    shots = "\n".join(f'      - {{id: n{i}, action: "Night."}}' for i in range(1000))
    many.write_text(TINY.split("    shots:")[0] + "    shots:\n" + shots, "utf-8")
    for board, said in ((huge, "1,000,000"), (latin, "UTF-8"), (many, "400"), (tmp_path / "none.yaml", "cannot read")):
        run = vivijure(tmp_path, "check", board)
        assert run.code == 1
        assert said in run.out + run.err, (board, run)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "art.png").write_text("<html><body>not found</body></html>")
    board = tiny(tmp_path, TINY.replace('action: "A room', 'keyframe: art.png, action: "A room'))
    run = vivijure(tmp_path / "data", "render", board, "-o", tmp_path / "film.mp4")
    assert run.code == 1
    assert "art.png" in run.err
    (tmp_path / "clip.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + b"\x00" * 40)
    cut = tiny(tmp_path, TINY.replace('action: "A room', 'keyframe: clip.mp4, action: "A room'))
    run = vivijure(tmp_path / "data", "render", cut, "-o", tmp_path / "film.mp4")
    assert run.code == 1
    assert "Traceback" not in run.err


def test_edit_keeps_comments_and_says_what_is_stale(tmp_path: Path) -> None:
    board = tiny(tmp_path, "# my film\n" + TINY)
    ops = tmp_path / "ops.json"
    ops.write_text(
        json.dumps({"ops": [{"op": "edit_shot", "shots": ["two"], "path": "action", "value": "Ada waits."}]})
    )
    dry = vivijure(tmp_path, "edit", board, ops, "--dry-run", "--json")
    assert dry.last == {"ops": 1, "stale": {"two": "KM"}, "written": False}
    assert "Ada waits." not in board.read_text()
    assert vivijure(tmp_path, "edit", board, ops).code == 0
    assert board.read_text().startswith("# my film\n")
    assert "Ada waits." in board.read_text()
    again = vivijure(tmp_path, "edit", board, ops)
    assert again.code == 1
    assert "changes nothing" in again.err


def test_script_to_storyboard_and_back(tmp_path: Path) -> None:
    board = tmp_path / "elsinore.yaml"
    assert vivijure(tmp_path, "import", SCRIPT, "-o", board).code == 0
    assert vivijure(tmp_path, "import", SCRIPT, "-o", board).code == 1, "an existing storyboard is never overwritten"
    back, again = tmp_path / "back.fountain", tmp_path / "again.yaml"
    assert vivijure(tmp_path, "export", board, "-o", back).code == 0
    assert vivijure(tmp_path, "import", back, "-o", again).code == 0
    assert again.read_text() == board.read_text()


def test_engines_schema_and_help(tmp_path: Path) -> None:
    engines = vivijure(tmp_path, "engines", "--json").last
    assert {"animatic", "motion-wan"} <= {e["name"] for e in engines}  # type: ignore[index]
    assert json.loads(vivijure(tmp_path, "schema", "storyboard").out)["title"] == "Storyboard"
    assert vivijure(tmp_path, "schema", "nonesuch").code == 1
    assert vivijure(tmp_path, "render", LIGHTHOUSE, "--tier", "grand").code == 2
    assert vivijure(tmp_path, "render", LIGHTHOUSE, "--engine", "motion").code == 2


def test_locked_database_is_said(tmp_path: Path) -> None:
    board, data = tiny(tmp_path), tmp_path / "data"
    assert vivijure(data, "plan", board).code == 0
    with sqlite3.connect(data / "studio.db", isolation_level=None) as db:
        db.execute("BEGIN EXCLUSIVE")
        run = vivijure(data, "render", board, "-o", tmp_path / "film.mp4")
        db.execute("ROLLBACK")
    assert run.code == 1
    assert "database" in run.err
    assert "Traceback" not in run.err


def test_studio_serves_and_prints_a_link(tmp_path: Path) -> None:
    import time
    import urllib.request

    log = tmp_path / "log"
    process = start(tmp_path / "data", ("studio", "--port", "0"), log)
    try:
        for _ in range(200):
            if log.exists() and "/login/" in log.read_text():
                break
            time.sleep(0.1)
        words = log.read_text().split()
        link = next(w for w in words if "/login/" in w)
        base = link.split("/login/")[0]
        with urllib.request.urlopen(f"{base}/api/health", timeout=10) as answer:
            assert json.load(answer)["version"]
    finally:
        process.terminate()
        assert process.wait(timeout=30) is not None
