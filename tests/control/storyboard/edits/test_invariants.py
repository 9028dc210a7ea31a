"""What holds for every edit, whatever the film and the operation."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from control.storyboard.checks import errors, ids
from control.storyboard.edits.batch import Edited, Op, apply, rebase
from control.storyboard.edits.change import Change, changes
from control.storyboard.errors import EditRefused, Locked, StaleBase, StoryboardError
from control.storyboard.form import canonical
from control.storyboard.inherit import effective
from control.storyboard.models import Shot, Storyboard
from control.storyboard.readings import shot_readings, stale
from control.storyboard.speech import planned_seconds
from tests.control.storyboard.edits.films import EDITS, edits, films

OPS: TypeAdapter[tuple[Op, ...]] = TypeAdapter(tuple[Op, ...])
WITHOUT_PICTURE = {
    "add_music", "edit_music", "remove_music", "set_titles", "add_sfx", "edit_sfx", "move_sfx", "remove_sfx",
    "set_edges", "trim", "set_transition", "choose_take", "add_note", "lock", "add_entity",
}  # fmt: skip
SHOT_PARTING = {"split_shot", "split_shot at a line", "merge_shots"}
CONSERVING = {kind for kind in EDITS if kind.startswith(("split", "merge", "move")) and kind != "move_sfx"}
many = settings(max_examples=25, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


def ops(*written: dict[str, Any]) -> tuple[Op, ...]:
    return OPS.validate_json(json.dumps(written))


def edit(board: Storyboard, *written: dict[str, Any]) -> Edited:
    """The edit, or another example where it is refused."""
    try:
        return apply(board, ops(*written))
    except StoryboardError:
        event(f"refused {written[0]['op']}")
        assume(False)
        raise


def words(board: Storyboard) -> list[tuple[str, str]]:
    """Every word that is spoken, with its speaker, in the order of the film."""
    return [(line.who, word) for _, shot in board.shots() for line in shot.spoken for word in line.text.split()]


def frames(board: Storyboard) -> int:
    return sum(round(planned_seconds(shot) * board.fps) for _, shot in board.shots() if not shot.omit)


@many
@given(st.data(), films())
def test_1_a_batch_applies_whole_or_not_at_all(data: st.DataObject, board: Storyboard) -> None:
    before = canonical(board)
    good = data.draw(edits(board))
    edit(board, good)
    bad = {"op": "remove_shots", "shots": ["nobody"]}
    with pytest.raises(StoryboardError):
        apply(board, ops(good, bad))
    assert canonical(board) == before


@many
@given(st.data(), films())
def test_1_an_edit_that_changes_nothing_is_refused(data: st.DataObject, board: Storyboard) -> None:
    made = edit(board, data.draw(edits(board)))
    assert canonical(made.board) != canonical(board)
    assert made.changes == changes(board, made.board)


@many
@given(st.data(), films())
def test_2_undo_gives_the_same_bytes_and_redo_the_same_again(data: st.DataObject, board: Storyboard) -> None:
    first = data.draw(edits(board))
    once = edit(board, first)
    second = data.draw(edits(once.board, "y"))
    made = edit(board, first, second)
    event(second["op"])
    undone = apply(made.board, OPS.validate_json(OPS.dump_json(made.inverses)))
    assert canonical(undone.board) == canonical(board)
    assert canonical(apply(undone.board, undone.inverses).board) == canonical(made.board)


@many
@given(st.data(), films())
def test_3_ids_are_never_reused(data: st.DataObject, board: Storyboard) -> None:
    made = edit(board, data.draw(edits(board)))
    old, new = {name for name, _ in ids(board)}, {name for name, _ in ids(made.board)}
    assert not new & set(made.board.reserved)
    for name in old - new:
        assert name in made.board.reserved
        with pytest.raises(EditRefused, match="never given again"):
            apply(made.board, ops({"op": "add_entity", "kind": "props", "id": name, "value": "x"}))


@many
@given(st.data(), films())
def test_3_splits_and_merges_keep_the_first_id(data: st.DataObject, board: Storyboard) -> None:
    written = data.draw(edits(board, kinds=SHOT_PARTING))
    order = [shot.id for _, shot in board.shots()]
    after = [shot.id for _, shot in edit(board, written).board.shots()]
    if written["op"] == "split_shot":
        at = order.index(written["shot"]) + 1
        assert after == [*order[:at], written["new_id"], *order[at:]]
    else:
        assert after == [name for name in order if name != written["second"]]


@many
@given(st.data(), films())
def test_4_every_reference_resolves(data: st.DataObject, board: Storyboard) -> None:
    made = edit(board, data.draw(edits(board)))
    assert not errors(made.board)


@many
@given(st.data(), films())
def test_5_splits_merges_and_moves_conserve_words_speaker_and_order(data: st.DataObject, board: Storyboard) -> None:
    written = data.draw(edits(board, kinds=CONSERVING))
    after = edit(board, written).board
    event(written["op"])
    if written["op"].startswith(("split", "merge")):
        assert words(after) == words(board)
    else:
        assert Counter(words(after)) == Counter(words(board))
    if written["op"] in ("move_shots", "move_scene"):
        assert {s.id: s.lines for _, s in after.shots()} == {s.id: s.lines for _, s in board.shots()}


@many
@given(st.data(), films())
def test_6_splits_conserve_frames_and_rolls_the_films_length(data: st.DataObject, board: Storyboard) -> None:
    after = edit(board, data.draw(edits(board, kinds={*SHOT_PARTING, "roll_cut"}))).board
    assert frames(after) == frames(board)


@many
@given(st.data(), films())
def test_7_cut_and_sound_make_no_picture_stale(data: st.DataObject, board: Storyboard) -> None:
    written = data.draw(edits(board, kinds=WITHOUT_PICTURE))
    event(written["op"])
    assert not set("KM") & set("".join(edit(board, written).stale.shots.values()))


@many
@given(st.data(), films(), st.sampled_from(["words", "picture", "timing", "all"]))
def test_8_a_locked_aspect_stays_whatever_is_asked(data: st.DataObject, board: Storyboard, aspect: str) -> None:
    target = data.draw(st.sampled_from([shot.id for _, shot in board.shots()]))
    locked = apply(board, ops({"op": "lock", "targets": [target], "aspects": [aspect]})).board
    try:
        after = apply(locked, ops(data.draw(edits(locked))), by_person=data.draw(st.booleans())).board
    except Locked:
        event("locked")
        return
    except StoryboardError:
        assume(False)
        raise
    for name in ("words", "picture", "timing") if aspect == "all" else (aspect,):
        assert _aspect(after, target, name) == _aspect(locked, target, name)
    with pytest.raises(Locked, match="only a person"):
        apply(locked, ops({"op": "unlock", "targets": [target]}), by_person=False)


def _aspect(board: Storyboard, name: str, aspect: str) -> Any:
    shot = board.shot(name)
    if aspect == "words":
        return [(line.who, line.text, line.how) for line in shot.spoken]
    if aspect == "timing":
        return (shot.seconds, shot.exact, shot.via, shot.trim_in, shot.j_cut, shot.l_cut)
    whole = effective(board, shot)
    looks = [board.cast[person].look for person in whole.who]
    return (whole.size, whole.angle, whole.light, whole.who, looks, shot.action, shot.takes, shot.seed, board.style)


@many
@given(st.data(), films())
def test_9_edits_at_different_places_commute_and_others_are_refused(data: st.DataObject, board: Storyboard) -> None:
    kinds = EDITS.keys() - {"lock"}
    one, two = data.draw(edits(board, "x", kinds)), data.draw(edits(board, "y", kinds))
    mine, theirs = edit(board, one), edit(board, two)
    apart = not any(meet(a, b) for a in mine.changes for b in theirs.changes)
    event(f"apart: {apart}")
    if not apart:
        with pytest.raises(StaleBase) as refused:
            rebase(board, theirs.board, ops(one))
        assert {"path", "theirs", "yours"} <= refused.value.fields["conflicts"][0].keys()
        return
    assert _outcome(board, theirs.board, one) == _outcome(board, mine.board, two)


def meet(one: Change, other: Change) -> bool:
    """Whether one path leads to the other, or through it."""
    length = min(len(one.path), len(other.path))
    return one.path[:length] == other.path[:length]


def _outcome(base: Storyboard, current: Storyboard, written: dict[str, Any]) -> bytes | None:
    try:
        return canonical(rebase(base, current, ops(written)).board)
    except StoryboardError:
        return None


@many
@given(st.data(), films())
def test_10_leaving_out_and_removing_forget_no_take(data: st.DataObject, board: Storyboard) -> None:
    target = data.draw(st.sampled_from([shot.id for _, shot in board.shots()]))
    taken = apply(board, ops({"op": "choose_take", "shot": target, "kind": "keyframe", "artifact": "kept"})).board
    gone = edit(taken, {"op": data.draw(st.sampled_from(["omit_shots", "remove_shots"])), "shots": [target]})
    held: dict[str, Shot] = {shot.id: shot for _, shot in gone.board.shots()}
    if target in held:
        assert held[target].takes["keyframe"] == "kept"
    assert apply(gone.board, gone.inverses).board.shot(target).takes["keyframe"] == "kept"


@many
@given(st.data(), films())
def test_11_what_becomes_stale_is_said_and_all_else_reads_the_same(data: st.DataObject, board: Storyboard) -> None:
    made = edit(board, data.draw(edits(board)))
    assert made.stale == stale(board, made.board)
    old, new = shot_readings(board), shot_readings(made.board)
    for name, read in new.items():
        said = made.stale.shots.get(name, "")
        assert all(old[name][letter] == value for letter, value in read.items() if letter not in said)
