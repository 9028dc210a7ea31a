"""Each operation on the example film: what it makes of it, what it makes stale, and what it refuses."""

import json
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from control.storyboard import text
from control.storyboard.edits.batch import EditBatch, Edited, Op, apply, rebase
from control.storyboard.errors import EditRefused, Locked, StaleBase, StoryboardError, UnknownTarget
from control.storyboard.form import canonical
from control.storyboard.labels import labels
from control.storyboard.models import Spoken, Storyboard

OPS: TypeAdapter[tuple[Op, ...]] = TypeAdapter(tuple[Op, ...])
DIGEST = "ab" * 32
Values = dict[str, Any]


def op(name: str, **fields: Any) -> Values:
    return {"op": name, **{key.rstrip("_"): value for key, value in fields.items()}}


def edit(board: Storyboard, *written: Values, **options: Any) -> Edited:
    return apply(board, OPS.validate_json(json.dumps(written)), **options)


@pytest.fixture(scope="module")
def board(lighthouse: Storyboard) -> Storyboard:
    """The example with short ids on lines and sounds."""
    values = text.long_form(lighthouse)
    for scene in values["scenes"]:
        for shot in scene["shots"]:
            for kind, letter in (("lines", "l"), ("sfx", "x")):
                for index, part in enumerate(shot.get(kind, [])):
                    part["id"] = f"{letter}-{shot['id']}-{index}"
    return text.validate(values)


MAREN = {"steps": "KM", "order": "KM", "question": "KM", "late": "KM"}
CASES: list[tuple[Values, dict[str, str], str]] = [
    (op("set_film", path="title", value="New"), {}, "C"),
    (op("set_film", path="end.fade-out", value=None), {}, "C"),
    (op("set_titles", value=None), {}, "C"),
    (op("add_music", cue={"prompt": "x", "from": "dark"}), {}, "S"),
    (op("edit_music", id="drone", path="from", value="order"), {}, "S"),
    (op("remove_music", id="drone"), {}, "S"),
    (op("add_entity", kind="props", id="lamp", value="a lamp"), {}, ""),
    (op("edit_entity", kind="cast", id="maren", path="look", value="young"), MAREN, ""),
    (op("edit_entity", kind="cast", id="ivo", path="voice.pace", value=1.1),
     {"steps": "D", "order": "D", "chart": "D", "late": "D", "relight": "D"}, ""),
    (op("edit_entity", kind="places", id="rock", path="ambience", value="gulls"), {"beam": "S", "relight": "S"}, ""),
    (op("rename_entity", kind="places", id="rock", to="skerry"), {"beam": "KM", "dark": "KM", "relight": "KM"}, ""),
    (op("bind_cast", id="maren", library_id="lib"), MAREN, ""),
    (op("add_scene", ref={"after": "s1"}, scene={"id": "n", "shots": [{"id": "m", "action": "x"}]}),
     {"m": "KMDSC"}, "C"),
    (op("edit_scene", scene="s3", path="light", value="dawn"), {"dark": "KM"}, ""),
    (op("edit_scene", scene="s3", path="ambience", value="none"), {"dark": "S"}, ""),
    (op("edit_scene", scene="s3", path="number", value="3A"), {"dark": "C"}, ""),
    (op("move_scene", scene="s3", ref={"after": "s4"}), {}, "C"),
    (op("split_scene", scene="s2", at_shot="2C", new_id="s2b"), {}, ""),
    (op("merge_scenes", first="s2", second="s3"), {"dark": "KMS"}, ""),
    (op("remove_scene", scene="s4"), {}, "C"),
    (op("add_shot", ref={"after": "2B"}, shot={"id": "n", "action": "walks", "camera": "push"}), {"n": "KMDSC"}, "C"),
    (op("edit_shot", shots=["3A"], path="action", value="Nothing."), {"dark": "KM"}, ""),
    (op("edit_shot", shots=["beam", "2C"], path="camera.move", value="pull"), {"beam": "M", "question": "M"}, ""),
    (op("edit_shot", shots=["beam"], path="angle", unset=True), {"beam": "KM", "dark": "KM", "relight": "KM"}, ""),
    (op("move_shots", shots=["question", "order"], ref={"after": "2D"}), {}, "C"),
    (op("duplicate_shot", shot="2A", new_id="again", ref={"after": "2B"}), {"again": "KMDSC"}, "C"),
    (op("split_shot", shot="steps", at_line="l-steps-1", new_id="n"), {"steps": "MDSC", "n": "KMDSC"}, "C"),
    (op("split_shot", shot="switch", at_seconds=1.25, new_id="n"), {"switch": "MSC", "n": "KMDSC"}, "C"),
    (op("omit_shots", shots=["dark"]), {}, "C"),
    (op("remove_shots", shots=["dark"]), {}, "C"),
    (op("add_line", shot="dark", line={"beat": 1}), {"dark": "S"}, ""),
    (op("add_line", shot="dark", line={"maren (quiet)": "Hush."}), {"dark": "DSC"}, ""),
    (op("edit_line", line="l-late-0", path="text", value="Who?"), {"late": "D"}, ""),
    (op("edit_line", line="l-late-0", path="pause", value=1), {"late": "S"}, ""),
    (op("move_line", line="l-chart-1", shot="dark", ref={}), {"dark": "DSC", "chart": "DSC"}, ""),
    (op("split_line", line="l-late-0", at_char=5, new_id="n"), {"late": "DS"}, ""),
    (op("remove_line", line="l-late-1"), {"late": "S"}, ""),
    (op("replace_text", find="ship", with_="boat", expect_count=1), {"chart": "D"}, ""),
    (op("add_sfx", shot="dark", sfx="gull"), {"dark": "S"}, ""),
    (op("edit_sfx", sfx="x-dark-0", path="level", value=-6), {"dark": "S"}, ""),
    (op("move_sfx", sfx="x-dark-0", shot="chart"), {"dark": "S", "chart": "S"}, ""),
    (op("remove_sfx", sfx="x-dark-0"), {"dark": "S"}, ""),
    (op("set_edges", shot="dark", l_cut=1), {"dark": "S"}, ""),
    (op("set_seconds", shot="dark", seconds=6), {"dark": "MC"}, ""),
    (op("set_seconds", shot="dark", seconds=4, ripple=False), {"dark": "MC", "chart": "MC"}, ""),
    (op("roll_cut", left="dark", right="chart", frames=-5), {"dark": "MC", "chart": "MC"}, ""),
    (op("trim", shot="dark", trim_in=1), {"dark": "C"}, ""),
    (op("set_transition", shot="dark", via="dissolve"), {"dark": "C"}, ""),
    (op("choose_take", shot="dark", kind="motion", artifact="abc"), {"dark": "C"}, ""),
    (op("set_seed", shot="beam", seed=5), {"beam": "KM", "dark": "KM", "relight": "KM"}, ""),
    (op("set_override", shot="dark", kind="motion", path="params.steps", value=5), {"dark": "KM"}, ""),
    (op("set_image", shot="dark", slot="refs", upload="a.png"), {"dark": "KM"}, ""),
    (op("lock", targets=["s2", "dark"], aspects=["picture"]), {}, ""),
    (op("add_note", target="dark", text="hm", at=1.0), {}, ""),
    (op("add_note", target="l-late-0", text="hm"), {}, ""),
    (op("add_note", target="s2", text="hm"), {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "shots", "film"), CASES, ids=lambda case: case.get("op") if isinstance(case, dict) else None
)
def test_an_edit_says_what_it_makes_stale_and_is_undone_exactly(
    board: Storyboard, written: Values, shots: dict[str, str], film: str
) -> None:
    made = edit(board, written)
    assert (dict(made.stale.shots), made.stale.film) == (shots, film)
    assert canonical(apply(made.board, made.inverses).board) == canonical(board)
    assert rebase(board, board, OPS.validate_json(json.dumps([written]))).board == made.board


PAIRED = ("unlock", "resolve_note", "clear_override", "clear_image", "merge_shots", "remove_entity", "restore_revision")


def test_every_operation_is_tried() -> None:
    union = get_args(get_args(Op)[0])
    known = {kind.model_fields["op"].default for kind in union}
    assert known - {case[0]["op"] for case in CASES} == {*PAIRED, "import", "patch"}


def test_what_was_set_is_taken_away_again(board: Storyboard) -> None:
    made = edit(board, op("lock", targets=["dark"]), op("add_note", target="dark", text="x", id="note1"))
    assert edit(made.board, op("unlock", targets=["s3"])).board.shot("dark").lock == ()
    assert edit(made.board, op("resolve_note", note="note1")).board.shot("dark").notes[0].resolved
    made = edit(
        board,
        op("set_override", shot="dark", kind="motion", path="engine", value="motion-wan"),
        op("set_image", shot="dark", slot="refs", upload="a.png"),
        op("set_image", shot="dark", slot="refs", upload="b.png"),
        op("set_image", shot="dark", slot="keyframe", upload="c.png"),
    )
    assert edit(made.board, op("clear_override", shot="dark", kind="motion")).board.shot("dark").render == {}
    assert edit(made.board, op("clear_image", shot="dark", slot="refs", upload="a.png")).board.shot("dark").refs == (
        "b.png",
    )
    assert edit(made.board, op("clear_image", shot="dark", slot="refs")).board.shot("dark").refs == ()
    assert edit(made.board, op("clear_image", shot="dark", slot="keyframe")).board.shot("dark").keyframe is None


def test_a_split_and_its_merge_are_the_shot_again(board: Storyboard) -> None:
    halves = edit(board, op("split_shot", shot="steps", at_line="l-steps-1", new_id="n")).board
    assert labels(halves)["n"] == "2B"
    assert [x.id for x in halves.shot("n").lines] == ["l-steps-1"]
    again = edit(halves, op("merge_shots", first="2A", second="2B")).board
    assert again.shot("steps") == board.shot("steps")
    assert again.reserved == ("n",)


def test_replacing_a_person_keeps_every_line(board: Storyboard) -> None:
    after = edit(board, op("remove_entity", kind="cast", id="maren", replace_with="ivo")).board
    assert {line.who for _, shot in after.shots() for line in shot.spoken} == {"ivo"}
    assert after.shot("order").over == "ivo"
    assert list(after.shot("steps").who or {}) == ["ivo"]


def test_a_removal_that_would_dangle_lists_every_use(board: Storyboard) -> None:
    with pytest.raises(EditRefused) as refused:
        edit(board, op("remove_shots", shots=["beam"]))
    assert [p.path for p in refused.value.problems] == [
        "titles.open.over",
        "scenes[2].shots[0].same_as",
        "scenes[4].shots[0].same_as",
    ]


def test_a_removal_and_the_edit_that_frees_it_apply_together(board: Storyboard) -> None:
    free = [op("remove_music", id="drone"), op("omit_shots", shots=["order"]), op("remove_shots", shots=["steps"])]
    assert "steps" not in labels(edit(board, *free).board)


@pytest.mark.parametrize(
    ("written", "error", "said"),
    [
        (op("edit_shot", shots=["2A"], path="who.ivo.att", value="left"), EditRefused, "'at'"),
        (op("edit_shot", shots=["2A"], path="lines", value=[]), EditRefused, "operation of its own"),
        (op("edit_shot", shots=["2A"], path="id", value="x"), EditRefused, "operation of its own"),
        (op("edit_shot", shots=["2A"], path="who.eva", value="left"), EditRefused, "not in the cast"),
        (op("edit_shot", shots=["2A"], path="seconds", value=100), EditRefused, "at most 60"),
        (op("edit_shot", shots=["9A"], path="size", value="wide"), UnknownTarget, "no shot '9A'"),
        (op("edit_line", line="l9", path="text", value="x"), UnknownTarget, "no line 'l9'"),
        (op("edit_line", line="l-late-1", path="text", value="x"), EditRefused, "unknown field 'text'"),
        (op("split_line", line="l-late-0", at_char=6, new_id="n"), EditRefused, "between two words"),
        (op("split_line", line="l-late-1", at_char=6, new_id="n"), EditRefused, "is a beat"),
        (op("split_shot", shot="dark", at_seconds=9, new_id="n"), EditRefused, "split it between 0.5 and 4"),
        (op("split_shot", shot="steps", at_line="l-steps-0", new_id="n"), EditRefused, "but the first"),
        (op("split_shot", shot="steps", new_id="n"), EditRefused, "either before which line"),
        (op("merge_shots", first="beam", second="steps"), EditRefused, "does not follow"),
        (op("merge_scenes", first="s1", second="s3"), EditRefused, "does not follow"),
        (op("split_scene", scene="s2", at_shot="2A", new_id="n"), EditRefused, "but the first"),
        (op("roll_cut", left="beam", right="steps", frames=200), EditRefused, "a shot lasts 0.5 to 60"),
        (op("roll_cut", left="beam", right="dark", frames=2), EditRefused, "does not follow"),
        (op("set_seconds", shot="relight", seconds=4, ripple=False), EditRefused, "no shot after it"),
        (op("replace_text", find="ship", with_="boat", expect_count=2), EditRefused, "1 times, not 2"),
        (op("replace_text", find="ship", with_="boat", in_="nowhere", expect_count=1), UnknownTarget, "nowhere"),
        (op("add_entity", kind="cast", id="ivo", value="x"), EditRefused, "already"),
        (op("add_entity", kind="props", id="beam", value="x"), EditRefused, "already that of"),
        (op("rename_entity", kind="cast", id="ivo", to="maren"), EditRefused, "as replacement"),
        (op("add_shot", ref={}, shot={"action": "x"}), EditRefused, "after which shot"),
        (op("add_shot", ref={"after": "2A", "scene": "s1"}, shot={"action": "x"}), EditRefused, "is in scene s2"),
        (op("add_shot", ref={"after": "2A"}, shot={"action": ""}), EditRefused, "is empty"),
        (op("move_shots", shots=["2A"], ref={"after": "2A"}), EditRefused, "one of the shots that move"),
        (op("add_music", cue={"prompt": "x", "from": "nowhere"}), EditRefused, "not a shot"),
        (op("set_film", path="title", value="The Lighthouse"), EditRefused, "changes nothing"),
        (op("set_film", path="fps", value=23), EditRefused, "24, 25, 30"),
        (op("resolve_note", note="n9"), UnknownTarget, "no note 'n9'"),
        (op("clear_image", shot="dark", slot="refs", upload="a.png"), EditRefused, "no picture"),
        (op("restore_revision", n=3), UnknownTarget, "revision 3 is not at hand"),
        (op("patch", changes=[{"path": ["title"], "before": "Else", "after": "New"}]), StaleBase, "changed meanwhile"),
        (op("patch", changes=[{"path": ["x", "y"], "before": None, "after": 1}]), StaleBase, "x.y"),
        (op("patch", changes=[{"path": ["titel"], "before": None, "after": "x"}]), EditRefused, "'title'"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do(board: Storyboard, written: Values, error: type[StoryboardError], said: str) -> None:
    with pytest.raises(error, match=said.replace("(", r"\(")) as refused:
        edit(board, written)
    assert type(refused.value) is error


@pytest.mark.parametrize(
    ("aspect", "written"),
    [
        ("words", op("edit_line", line="l-late-0", path="text", value="Who?")),
        ("words", op("move_line", line="l-chart-0", shot="late", ref={})),
        ("picture", op("edit_entity", kind="cast", id="maren", path="look", value="young")),
        ("picture", op("edit_scene", scene="s4", path="light", value="bright")),
        ("picture", op("set_film", path="style", value="bright")),
        ("picture", op("choose_take", shot="late", kind="motion", artifact="abc")),
        ("timing", op("set_seconds", shot="late", seconds=9)),
        ("timing", op("roll_cut", left="late", right="relight", frames=3)),
        ("timing", op("move_shots", shots=["late"], ref={"after": "beam"})),
        ("timing", op("edit_line", line="l-late-1", path="beat", value=2)),
        ("all", op("add_sfx", shot="late", sfx="gull")),
        ("words", op("remove_shots", shots=["late"])),
        ("timing", op("omit_shots", shots=["late"])),
        ("picture", op("remove_scene", scene="s4")),
    ],
)  # fmt: skip
def test_a_lock_holds_against_everything_that_reaches_it(board: Storyboard, aspect: str, written: Values) -> None:
    locked = edit(board, op("lock", targets=["late"], aspects=[aspect])).board
    with pytest.raises(Locked, match="4B"):
        edit(locked, written)
    edit(locked, op("unlock", targets=["4B"]), written)
    edit(locked, op("add_note", target="late", text="ok"))
    edit(locked, op("set_film", path="title", value="Else"), op("omit_shots", shots=["chart"]))


def test_only_a_person_unlocks_in_any_way(board: Storyboard) -> None:
    made = edit(board, op("lock", targets=["late"]))
    outside = {"revision:1": board}
    for written in (op("unlock", targets=["late"]), op("restore_revision", n=1)):
        with pytest.raises(Locked):
            edit(made.board, written, by_person=False, resolve=outside)
    with pytest.raises(Locked):
        apply(made.board, made.inverses, by_person=False)
    assert apply(made.board, made.inverses).board == board


def test_a_revision_comes_back_whole_and_its_ids_with_it(board: Storyboard) -> None:
    later = edit(board, op("remove_shots", shots=["dark"]), op("set_film", path="title", value="x")).board
    back = edit(later, op("restore_revision", n=1), resolve={"revision:1": board})
    assert canonical(back.board) == canonical(board)
    assert back.board.reserved == ()
    assert canonical(apply(back.board, back.inverses).board) == canonical(later)


def test_an_import_replaces_or_merges(board: Storyboard) -> None:
    other = text.read(
        "cast: {eva: {}}\nscenes: [{id: s2, shots: [{id: steps, action: x}]}, {id: new, shots: [{id: n1, action: y}]}]"
    ).board
    outside = {f"import:{DIGEST}": other}
    assert canonical(edit(board, op("import", digest=DIGEST), resolve=outside).board) == canonical(other)
    kept = [op("remove_music", id="drone"), op("import", digest=DIGEST, mode="merge")]
    merged = edit(board, *kept, resolve=outside).board
    assert [scene.id for scene in merged.scenes] == ["s1", "s2", "s3", "s4", "s5", "new"]
    assert list(merged.cast) == ["maren", "ivo", "eva"]
    assert merged.shot("steps").action == "x"


def test_a_stale_base_is_carried_over_or_refused_with_both_values(board: Storyboard) -> None:
    mine = OPS.validate_json(json.dumps([op("edit_shot", shots=["3A"], path="size", value="wide")]))
    moved = edit(board, op("add_scene", ref={}, scene={"id": "n", "shots": [{"id": "m", "action": "x"}]})).board
    carried = rebase(board, moved, mine).board
    assert carried.shot("dark").size == "wide"
    assert labels(carried)["dark"] == "4A"
    theirs = edit(board, op("edit_shot", shots=["dark"], path="size", value="full")).board
    with pytest.raises(StaleBase) as refused:
        rebase(board, theirs, mine)
    path = ["scenes", "s3", "shots", "dark", "size"]
    assert refused.value.fields["conflicts"] == [{"path": path, "theirs": "full", "yours": "wide"}]
    gone = edit(board, op("remove_shots", shots=["dark"])).board
    with pytest.raises(StaleBase):
        rebase(board, gone, mine)


def test_new_parts_get_ids_and_short_forms_are_taken(board: Storyboard) -> None:
    made = edit(
        board, op("add_shot", ref={"scene": "s1"}, shot={"action": "x", "size": "ECU", "lines": "Ivo: Hello.\n(beat)"})
    )
    new = made.board.scenes[0].shots[0]
    assert (new.size, [type(line).__name__ for line in new.lines]) == ("extreme-close", ["Spoken", "Beat"])
    assert isinstance(new.lines[0], Spoken)
    assert new.lines[0].who == "ivo"
    twice = edit(made.board, op("add_line", shot=new.id, line={"beat": 0.8})).board.shot(new.id)
    assert len({line.id for line in twice.lines}) == 3


def test_an_envelope_refuses_what_it_does_not_know() -> None:
    batch = {"film": "f1", "base": 3, "ops": [op("trim", shot="a", trim_in=1)], "author": "Ann", "reason": "tighter"}
    assert EditBatch.model_validate_json(json.dumps(batch)).ops[0].op == "trim"
    wrongs: list[Values] = [
        {"ops": []},
        {"ops": [op("explode")]},
        {"bsae": 3},
        {"source": "robot"},
        {"ops": [op("trim", shot="a")]},
    ]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            EditBatch.model_validate_json(json.dumps({**batch, **wrong}))
