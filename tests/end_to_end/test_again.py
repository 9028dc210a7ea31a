"""Rendering again: nothing is made twice, an edit remakes what it touches, the same board gives the same film."""

import hashlib
import json
from pathlib import Path

from tests.end_to_end.studio import TINY, tiny, vivijure

SMALL = ("--size", "320x180")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_second_render_makes_nothing(tmp_path: Path) -> None:
    board, film = tiny(tmp_path), tmp_path / "film.mp4"
    first = vivijure(tmp_path / "data", "render", board, "-o", film, "--json", *SMALL)
    assert first.code == 0, first.err
    before, lies = digest(film), film.stat().st_ino
    poster = digest(film.with_suffix(".png"))
    damaged = bytearray(film.with_suffix(".png").read_bytes())
    damaged[-1] ^= 1
    film.with_suffix(".png").write_bytes(damaged)
    again = vivijure(tmp_path / "data", "render", board, "-o", film, "--json", *SMALL)
    assert (again.last["made"], again.last["reused"]) == (0, first.last["made"])
    assert digest(film) == before
    assert film.stat().st_ino == lies, "what lies there already is not copied again"
    assert digest(film.with_suffix(".png")) == poster

    board.write_text(TINY.replace("She listens.", "She holds her breath."), "utf-8")
    edited = vivijure(tmp_path / "data", "render", board, "-o", film, "--json", *SMALL)
    assert edited.last["made"] == 4, "keyframe, clip, segment and film of one shot"

    board.write_text(TINY.replace("title: Tiny", "title: Small").replace("fade-out: 0.3", "fade-out: 0.2"), "utf-8")
    cut = vivijure(tmp_path / "data", "render", board, "-o", film, "--json", *SMALL)
    assert cut.code == 0, cut.err
    plan = vivijure(tmp_path / "data", "plan", board, "--json")
    assert plan.code == 0


def test_two_machines_make_the_same_film(tmp_path: Path) -> None:
    films = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        film = folder / "film.mp4"
        run = vivijure(folder / "data", "render", tiny(folder), "-o", film, "--json", *SMALL)
        assert run.code == 0, run.err
        films.append(
            {
                p.name: digest(p)
                for p in sorted(folder.rglob("*"))
                if p.suffix in (".mp4", ".wav", ".srt", ".vtt", ".png") and "data" not in p.parts
            }
        )
    assert films[0] == films[1]
    assert "film.mp4" in films[0]


def test_targets_before_the_film(tmp_path: Path) -> None:
    board = tiny(tmp_path)
    stills = vivijure(
        tmp_path / "data", "render", board, "-o", tmp_path / "s.mp4", "--target", "keyframes", "--json", *SMALL
    )
    assert stills.code == 0, stills.err
    assert stills.last["film"] is None
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == ["1A.png", "1B.png", "1C.png"]
    one = vivijure(tmp_path / "data", "render", board, "-o", tmp_path / "o.mp4", "--only", "1B", "--json", *SMALL)
    assert one.code == 0, one.err


def test_plan_says_what_exists(tmp_path: Path) -> None:
    board = tiny(tmp_path)
    before = json.loads(vivijure(tmp_path / "data", "plan", board, "--json").out)
    assert before["made"] == 0
    assert before["to_make"] > 10
