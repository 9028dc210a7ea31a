"""Labels are computed, skip I and O, and find their shots."""

import pytest

from control.storyboard import text
from control.storyboard.errors import UnknownTarget
from control.storyboard.labels import labels, letter, resolve
from control.storyboard.models import Storyboard


def test_letters_skip_i_and_o() -> None:
    assert "".join(letter(n) for n in range(24)) == "ABCDEFGHJKLMNPQRSTUVWXYZ"
    assert [letter(n) for n in (24, 25, 47, 48)] == ["AA", "AB", "AZ", "BA"]
    assert len({letter(n) for n in range(400)}) == 400


def test_shots_are_found_by_id_and_label(lighthouse: Storyboard) -> None:
    assert labels(lighthouse)["question"] == "2C"
    for ref in ("question", "2C", "2c"):
        assert resolve(lighthouse, ref) == "question"
    with pytest.raises(UnknownTarget, match="the nearest is 'question'"):
        resolve(lighthouse, "qestion")
    with pytest.raises(UnknownTarget, match="no shot '9Z'"):
        resolve(lighthouse, "9Z")


def test_printed_numbers_and_omitted_shots_keep_their_labels() -> None:
    board = text.read(
        "scenes: [{number: 12A, shots: [{id: a, action: x, omit: true}, {id: b, action: x}]},"
        " {shots: [{id: c, action: x}]}]"
    ).board
    assert labels(board) == {"a": "12AA", "b": "12AB", "c": "2A"}
