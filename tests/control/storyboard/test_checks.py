"""What keeps a film from being made, each with its place."""

import pytest

from control.storyboard import checks, text
from control.storyboard.errors import StoryboardRefused
from control.storyboard.problem import Problem

HEAD = "cast: {ann: {}, bo: {}}\nplaces: {room: }\nprops: {lamp: }\n"


def found(written: str, head: str = HEAD) -> list[Problem]:
    with pytest.raises(StoryboardRefused) as refused:
        text.read(f"{head}{written}")
    return list(refused.value.problems)


def shots(*written: str) -> str:
    return "scenes: [{shots: [" + ", ".join(f"{{id: s{n}, action: x, {w}}}" for n, w in enumerate(written)) + "]}]"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (shots("over: cy"), "scenes[0].shots[0].over"),
        (shots("pov: cy"), "scenes[0].shots[0].pov"),
        (shots("who: {cy: {}}"), "scenes[0].shots[0].who.cy"),
        (shots("who: {ann: {facing: cy}}"), "scenes[0].shots[0].who.ann.facing"),
        (shots("props: [lamb]"), "scenes[0].shots[0].props[0]"),
        (shots("lines: [{cy: hi}]"), "scenes[0].shots[0].lines[0].who"),
        (shots("same_as: s1", "size: CU"), "scenes[0].shots[0].same_as"),
        (shots("same_as: s0"), "scenes[0].shots[0].same_as"),
        (shots("same_as: nothing"), "scenes[0].shots[0].same_as"),
        (shots("notes: [{text: x, line: l1}]"), "scenes[0].shots[0].notes[0].line"),
        (shots("from_previous: true"), "scenes[0].shots[0].from_previous"),
        (shots("end_frame: next"), "scenes[0].shots[0].end_frame"),
        (shots("exact: true"), "scenes[0].shots[0].exact"),
        (shots("exact: true, seconds: 1, lines: [{ann: one two three}]"), "scenes[0].shots[0].exact"),
        (shots("omit: true"), "scenes"),
        ("scenes: []", "scenes"),
        ("scenes: [{place: rom, shots: [{action: x}]}]", "scenes[0].place"),
        ("scenes: [{wardrobe: {cy: hat}, shots: [{action: x}]}]", "scenes[0].wardrobe.cy"),
        ("titles: {open: {text: x, over: s9}}\n" + shots("size: CU"), "titles.open.over"),
        ("music: [{prompt: x, from: s9}]\n" + shots("size: CU"), "music[0].from"),
        ("music: [{prompt: x, from: s0, to: s9+1}]\n" + shots("size: CU"), "music[0].to"),
        ("music: [{prompt: x, from: s1, to: s0+9}]\n" + shots("size: CU", "size: CU"), "music[0].to"),
        ("music: [{prompt: x, from: s0+2, to: s0+1}]\n" + shots("size: CU"), "music[0].to"),
    ],
)
def test_what_leads_nowhere_is_an_error_where_it_stands(written: str, path: str) -> None:
    assert path in [problem.path for problem in found(written)]
    assert all(problem.line is not None for problem in found(written) if problem.path != "scenes")


def test_ids_share_one_namespace() -> None:
    problem = found("scenes: [{id: ann, shots: [{action: x}]}]")[0]
    assert (problem.path, problem.message) == (
        "scenes[0].id",
        "the id 'ann' is already that of cast.ann; choose another",
    )


def test_a_good_film_has_no_error() -> None:
    board = text.read(HEAD + shots("who: {ann: {facing: bo}}, over: bo, lines: [{ann: hi}]", "same_as: s0")).board
    assert checks.errors(board) == ()
