"""Reading storyboard text: what is wrong is said with path and line, all of it at once, and long form reads back."""

from typing import Any

import pytest

from control.storyboard import text
from control.storyboard.errors import StoryboardRefused
from control.storyboard.form import canonical
from control.storyboard.models import Storyboard
from control.storyboard.problem import Problem


def refused(written: bytes | str) -> tuple[Problem, ...]:
    with pytest.raises(StoryboardRefused) as caught:
        text.read(written)
    found: tuple[Any, ...] = caught.value.problems
    return found


def only(written: bytes | str) -> Problem:
    (problem,) = refused(written)
    assert problem.severity == "error"
    return problem


def film(shots: str, head: str = "") -> str:
    return f"title: x\n{head}scenes:\n  - shots:\n{shots}"


def test_the_example_reads_as_written(lighthouse: Storyboard) -> None:
    assert sum(shot.seconds or 0 for _, shot in lighthouse.shots()) == 45.0
    assert lighthouse.titles.credits is not None
    assert lighthouse.titles.credits.seconds == 4.0
    assert lighthouse.aspect == "16:9"
    assert lighthouse.shot("beam").via.seconds == 1.5
    assert lighthouse.end.fade_out == 1.5
    assert list(lighthouse.cast) == ["maren", "ivo"]
    last = lighthouse.shot("relight").spoken[0]
    assert (last.who, last.voice, last.at) == ("ivo", "vo", 2.2)
    assert lighthouse.shot("chart").spoken[1].voice == "os"
    assert lighthouse.shot("steps").spoken[0].how == "winded"


def test_the_example_has_no_warning_but_the_sound_nobody_can_make(lighthouse_text: str) -> None:
    words = ["sea", "wind", "switch", "motor", "horn"]
    assert [p.path for p in text.read(lighthouse_text, words).problems] == ["places.lamp-room.ambience"]
    assert text.read(lighthouse_text).problems == ()


def test_the_long_form_reads_back_the_same(lighthouse: Storyboard) -> None:
    dumped = text.dump(lighthouse)
    assert text.read(dumped).board == lighthouse
    assert canonical(text.read(dumped).board) == canonical(lighthouse)
    assert text.dump(text.read(dumped).board) == dumped


def test_an_unknown_field_names_path_line_and_the_nearest_known(lighthouse_text: str) -> None:
    problem = only(lighthouse_text.replace("{id: steps, size:", "{id: steps, siez:"))
    assert problem.path == "scenes[1].shots[0].siez"
    assert problem.line == 34
    assert "'size'" in problem.message


@pytest.mark.parametrize(
    ("written", "path", "line", "near"),
    [
        ("titel: x\nscenes: [{shots: [{action: x}]}]", "titel", 1, "'title'"),
        (film("    - action: x\n      camera: {mvoe: push}\n"), "scenes[0].shots[0].camera.mvoe", 5, "'move'"),
        (film("    - action: x\n      lines: [{beat: 1, bet: 2}]\n"), "scenes[0].shots[0].lines[0].bet", 5, "'beat'"),
        (film("    - action: x\n", "cast: {a: {voice: {pich: 1}}}\n"), "cast.a.voice.pich", 2, "'pitch'"),
        (film("    - action: x\n      size: wied\n"), "scenes[0].shots[0].size", 5, "'wide'"),
        (film("    - {action: x, who: {ann: lft}}\n", "cast: {ann: }\n"), "scenes[0].shots[0].who.ann.at", 5, "'left'"),
    ],
)  # fmt: skip
def test_misspelt_words_are_told_the_nearest(written: str, path: str, line: int, near: str) -> None:
    problem = only(written)
    assert (problem.path, problem.line) == (path, line)
    assert near in problem.message


def test_duplicate_ids_name_both_places(lighthouse_text: str) -> None:
    problem = only(lighthouse_text.replace("id: late", "id: chart"))
    assert problem.path == "scenes[3].shots[1].id"
    assert problem.line == 66
    assert "scenes[3].shots[0]" in problem.message


def test_a_speaker_not_in_the_cast_is_told_the_nearest(lighthouse_text: str) -> None:
    problem = only(lighthouse_text.replace('{ivo: "Then', '{iov: "Then'))
    assert problem.path == "scenes[3].shots[1].lines[0].who"
    assert problem.line == 69
    assert problem.message == "'iov' is not in the cast; the nearest is 'ivo'"


def test_an_empty_action_is_refused(lighthouse_text: str) -> None:
    problem = only(lighthouse_text.replace('"Ivo listens, his breath on the glass."', '""'))
    assert (problem.path, problem.line) == ("scenes[3].shots[0].action", 64)
    assert "empty" in problem.message


@pytest.mark.parametrize(("given", "limit"), [("0", "at least 0.5"), ("-2", "at least 0.5"), ("10000", "at most 60")])
def test_impossible_durations_are_refused(given: str, limit: str) -> None:
    problem = only(film(f"    - action: x\n      seconds: {given}\n"))
    assert (problem.path, problem.line) == ("scenes[0].shots[0].seconds", 5)
    assert problem.message == f"is {given}; it must be {limit}"


@pytest.mark.parametrize("given", [".nan", ".inf", "yes", "'5'", "[5]", "true"])
def test_what_is_no_number_is_refused(given: str) -> None:
    assert only(film(f"    - action: x\n      seconds: {given}\n")).line == 5


def test_a_thousand_shots_are_refused() -> None:
    problem = only(film("".join(f"    - action: walks {n}\n" for n in range(1000))))
    assert (problem.path, problem.line) == ("scenes", 2)
    assert "1,000 shots; at most 400" in problem.message


def test_400_shots_are_taken() -> None:
    assert len(list(text.read(film("    - action: walks\n" * 400)).board.shots())) == 400


def test_all_problems_come_together(lighthouse_text: str) -> None:
    wrong = (
        lighthouse_text.replace("size: wide, seconds: 7", "size: wied, seconds: 700")
        .replace("over: beam,", "over: beem,")
        .replace('{ivo: "Then', '{iov: "Then')
        .replace("same_as: beam, seconds: 4.5", "same_as: relight, sceonds: 4.5")
    )
    assert {p.path for p in refused(wrong)} == {
        "scenes[1].shots[0].size",
        "scenes[1].shots[0].seconds",
        "titles.open.over",
        "scenes[3].shots[1].lines[0].who",
        "scenes[2].shots[0].same_as",
        "scenes[2].shots[0].sceonds",
    }
    with pytest.raises(StoryboardRefused, match=r"line \d+, .* \(and 5 more\)"):
        text.read(wrong)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("action", "'" + "word " * 61 + "'", "has 61 words; at most 60"),
        ("seed", str(2**53), "less than"),
        ("refs", "[a, b, c, d, e]", "has 5 entries; at most 4"),
        ("id", "Big", "is no id"),
        ("id", "end", "the film's end"),
        ("action", "12", "put it in quotes"),
        ("action", '"bell \\a"', "U+0007"),
        ("via", "{dissolve: 9}", "at most 3"),
        ("via", "{kind: cut, seconds: 1}", "a cut has no length"),
        ("lines", "hello there", "`NAME: words`"),
        ("sfx", "[{at: 1}]", "`sound`"),
    ],
)
def test_values_out_of_bounds_say_the_bound(field: str, value: str, said: str) -> None:
    action = "" if field == "action" else "      action: x\n"
    found = refused(film(f"    - {field}: {value}\n{action}"))
    assert any(said in problem.message for problem in found), found


def test_text_is_normalised() -> None:
    board = text.read(film("    - action: ' e\u0301tude '\n")).board
    assert next(board.shots())[1].action == "\u00e9tude"


def test_ids_are_minted_of_words_and_not_of_order() -> None:
    one = text.read(film("    - action: walks\n    - action: sits\n")).board
    two = text.read(film("    - action: sits\n    - action: walks\n")).board
    assert {s.action: s.id for _, s in one.shots()} == {s.action: s.id for _, s in two.shots()}
    twins = text.read(film("    - action: sits\n    - action: sits\n")).board
    assert len({s.id for _, s in twins.shots()}) == 2
