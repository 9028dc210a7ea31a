"""Warnings of the craft, and the films that do not deserve them."""

from collections.abc import Collection

import pytest

from control.storyboard import text
from control.storyboard.models import Storyboard


def warned(
    *shots: str, head: str = "place: room, ", vocabulary: Collection[str] | None = None
) -> list[tuple[str, str]]:
    held = ", ".join(f"{{id: s{n}, action: x, {w}}}" for n, w in enumerate(shots))
    board = f"cast: {{ann: , bo: }}\nplaces: {{room: }}\nscenes: [{{{head}shots: [{held}]}}]"
    problems = text.read(board, vocabulary).problems
    assert all(p.severity == "warning" and p.line is not None for p in problems)
    return [(p.path, p.message) for p in problems]


WIDE = "size: WS, who: {ann: left, bo: right}"


def test_changed_sides_cross_the_line() -> None:
    crossed = warned(WIDE, "size: MS, who: {ann: right, bo: left}")
    assert [path for path, _ in crossed] == ["scenes[0].shots[1].who"]
    assert "180-degree" in crossed[0][1]
    assert not warned(WIDE, "size: MS, who: {ann: {at: right, moves: in-left}, bo: left}")
    assert not warned(WIDE, "size: MS, who: {ann: left, bo: centre}")
    assert not warned(WIDE, "size: MS, omit: true, who: {ann: right, bo: left}")


def test_singles_that_look_the_same_way_cross_it_too() -> None:
    one = "size: CU, who: {ann: {facing: right}}, lines: [{ann: hi}]"
    other = "size: MS, who: {bo: {facing: %s}}, lines: [{bo: hi}]"
    assert [path for path, _ in warned(WIDE, one, other % "right")] == ["scenes[0].shots[2].who.bo.facing"]
    assert not warned(WIDE, one, other % "left")


def test_three_alike_are_said_once() -> None:
    assert [path for path, _ in warned(*["size: WS"] * 4)] == ["scenes[0].shots[2].size"]
    assert not warned("size: WS", "size: WS", "size: WS, angle: low", "size: WS")


def test_a_place_is_shown_wide_once() -> None:
    assert [path for path, _ in warned("size: CU")] == ["scenes[0]"]
    assert not warned("size: CU", "size: FS")
    assert not warned("size: CU", head="")


def test_long_turns_and_long_lines() -> None:
    line = f"{{ann: {'word ' * 12}}}"
    turn = f"size: WS, seconds: 20, lines: [{line}, {line}]"
    assert [path for path, _ in warned(turn)] == ["scenes[0].shots[0].lines[0]"]
    assert not warned(turn.replace("{ann: word", "{bo: word", 1))
    assert [path for path, _ in warned("size: WS, seconds: 1, lines: [{ann: one two three}]")] == [
        "scenes[0].shots[0].seconds"
    ]
    late = "size: WS, lines: [{ann: one two three four five six}, {who: bo, text: hi, at: 1}]"
    assert [path for path, _ in warned(late)] == ["scenes[0].shots[0].lines[0]"]


@pytest.mark.parametrize(
    ("shot", "head", "paths"),
    [
        ("sfx: [distant horns, purring cat]", "", ["scenes[0].shots[0].sfx[1].sound"]),
        ("sfx: [{sound: cat, file: cat.wav}]", "", []),
        ("size: WS", "ambience: market crowd, ", ["scenes[0].ambience"]),
        ("size: WS", "ambience: wind, ", []),
        ("size: WS", "ambience: crowd.wav, ", []),
        ("size: WS", "ambience: none, ", []),
    ],
)
def test_sounds_that_no_engine_makes_are_said(shot: str, head: str, paths: list[str]) -> None:
    assert [path for path, _ in warned(shot, head=head, vocabulary=["horn", "wind"])] == paths
    assert not warned(shot, head=head)


def test_music_and_titles_on_a_shot_left_out() -> None:
    head = "music: [{prompt: p, from: b}]\ntitles: {open: {text: t, over: b}}\n"
    written = f"{head}scenes: [{{shots: [{{id: a, action: x}}, {{id: b, action: x, omit: true}}]}}]"
    assert [p.path for p in text.read(written).problems] == ["music[0].from", "titles.open.over"]


def test_scenes_of_one_number_are_said() -> None:
    written = "scenes: [{number: 3, shots: [{action: x}]}, {number: 3, shots: [{action: x}]}, {shots: [{action: x}]}]"
    assert [p.path for p in text.read(written).problems] == ["scenes[0].number", "scenes[1].number"]


def test_the_example_deserves_no_warning(lighthouse: Storyboard, lighthouse_text: str) -> None:
    assert text.read(lighthouse_text).problems == ()
