"""Ids go into a person's own text, and nothing else of it changes."""

import difflib
import re

import pytest

from control.storyboard import text
from control.storyboard.errors import StoryboardRefused
from control.storyboard.writing import write_ids

WRITTEN = """\
# top
title: A   # why
cast:
  maren: {name: Old Maren}
scenes:
# before scene
- heading: INT. X
  shots:
  # before shot
  - action: "walks"   # trailing
    lines:
    - Old Maren (quiet): "hi"  # c1
    - beat: 0.5  # c2

    # c4
    - maren: |
        block text
        two
    sfx:
    - boom   # c5
    - {bang: 1.5}
    notes: "hello: there"
  - id:  kept
    action: two
    lines: |
      MAREN (V.O.): hello
      (beat)
    sfx: splash
# end
"""


def test_every_part_has_an_id_and_every_comment_stays() -> None:
    board = text.read(WRITTEN).board
    written = write_ids(WRITTEN, board)
    assert text.read(written).board == board
    assert write_ids(written, board) == written
    for comment in re.findall(r"# .*", WRITTEN):
        assert comment in written
    changed = [line for line in difflib.ndiff(WRITTEN.splitlines(), written.splitlines()) if line.startswith("- ")]
    assert not any(word in line for line in changed for word in ("title", "cast", "kept", "action: two"))


def test_ids_in_the_text_hold_when_its_words_change() -> None:
    board = text.read(WRITTEN).board
    later = text.read(write_ids(WRITTEN, board).replace('"walks"', '"runs"').replace("text: hi", "text: ho")).board
    assert [s.id for _, s in later.shots()] == [s.id for _, s in board.shots()]
    assert [x.id for _, s in later.shots() for x in s.lines] == [x.id for _, s in board.shots() for x in s.lines]


def test_json_stays_json() -> None:
    written = '{"title": "x", "scenes": [{"shots": [{"action": "x 😀", "lines": [{"beat": 1}]}, {}]}]}'.replace(
        ", {}", ""
    )
    board = text.read(written).board
    assert write_ids(written, board).startswith('{"title": "x", "scenes": [{"id": "scene-')
    assert text.read(write_ids(written, board)).board == board


def test_another_films_ids_are_not_written() -> None:
    other = text.read(WRITTEN.replace("title: A", "title: B")).board
    with pytest.raises(StoryboardRefused, match="read the text again"):
        write_ids(WRITTEN, other)
