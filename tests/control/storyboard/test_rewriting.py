"""Edits written into a person's own text: comments and untouched words stay."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from control.storyboard import text
from control.storyboard.models import Storyboard
from control.storyboard.rewriting import rewrite

BLOCK = """\
# the film
storyboard: 1
title: Rain   # working title
cast:
  ada: {look: "short hair"}   # lead
scenes:
  - id: s1
    heading: INT. ROOM - NIGHT
    light: one lamp   # keep it low
    shots:
      # the first picture
      - id: a
        action: "Ada waits."   # long pause
        camera: push
        seconds: 3
      - {id: b, action: "She stands.", size: MCU}   # quick
      - id: c
        action: The door opens.
        lines: |
          ADA (quiet): Who is it?
"""
JSON = '{"storyboard": 1, "title": "Rain", "scenes": [{"id": "s1", "shots": [{"id": "a", "action": "Ada waits."}]}]}'


def edited(board: Storyboard, **shots: dict[str, object] | None) -> Storyboard:
    """The board with fields of its shots set, or a shot taken out (None)."""
    values = text.long_form(board)
    scene = values["scenes"][0]
    found = [{**s, **(shots.get(s["id"]) or {})} for s in scene["shots"] if shots.get(s["id"], {}) is not None]
    scene["shots"] = [{k: v for k, v in s.items() if v is not None} for s in found]
    return text.validate(values)


def test_one_word_changes_one_place() -> None:
    before = text.read(BLOCK).board
    found = rewrite(BLOCK, before, edited(before, a={"action": "Ada sleeps."}))
    assert found.replace('"Ada sleeps."', '"Ada waits."').partition("lines:")[0] == BLOCK.partition("lines:")[0]
    assert text.read(found).board.shot("a").action == "Ada sleeps."


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"a": {"seconds": None}}, "seconds: 3"),
        ({"b": {"size": None}}, "MCU"),
        ({"a": {"camera": {"move": "pull", "speed": "creep"}}}, "camera: push"),
        ({"c": {"lines": None}}, "Who is it?"),
    ],
)
def test_changed_parts_only(change: dict[str, dict[str, object]], gone: str) -> None:
    before = text.read(BLOCK).board
    after = edited(before, **change)
    found = rewrite(BLOCK, before, after)
    assert text.read(found).board == after
    assert gone not in found
    for comment in ("# the film", "# working title", "# lead", "# keep it low", "# the first picture"):
        assert comment in found


def test_new_keys_and_taken_shots() -> None:
    before = text.read(BLOCK).board
    after = edited(before, a={"angle": "low", "lens": "long"}, b=None)
    found = rewrite(BLOCK, before, after)
    assert text.read(found).board == after
    assert "She stands." not in found
    assert "# the film" in found


def test_json_stays_json() -> None:
    import json

    before = text.read(JSON).board
    found = rewrite(JSON, before, edited(before, a={"action": "Ada sleeps.", "seconds": 2.5}))
    assert json.loads(found)["scenes"][0]["shots"][0]["seconds"] == 2.5


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {},
                optional={
                    "action": st.sampled_from(['He: "now" # no', "- dash", "{curly}", "two\nlines", "wait, what?"]),
                    "seconds": st.sampled_from([None, 0.5, 7.25]),
                    "angle": st.sampled_from([None, "low"]),
                    "carry": st.sampled_from([None, "wet coat: yes"]),
                },
            ),
        ),
    )
)
def test_any_edit_reads_back(change: dict[str, dict[str, object] | None]) -> None:
    assume([change.get(s, {}) for s in "abc"] != [None] * 3)
    before = text.read(BLOCK).board
    after = edited(before, **change)
    assert text.read(rewrite(BLOCK, before, after)).board == after
