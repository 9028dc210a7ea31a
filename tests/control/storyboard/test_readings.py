"""What is read by which class of steps, through scenes, cast and the shots that lean on each other."""

import pytest

from control.storyboard import text
from control.storyboard.models import Storyboard
from control.storyboard.readings import stale

FILM = """\
cast: {ann: {look: old}, bo: {look: young}}
places: {room: {look: bare}}
pronounce: {lough: lock}
scenes:
- {place: room, shots: [
    {id: a, action: x, who: {ann: {}}, lines: [{id: l, who: bo, text: The lough.}]},
    {id: b, action: x, from_previous: true, same_as: a},
    {id: c, action: x, end_frame: next},
    {id: d, action: x, omit: true},
    {id: e, action: x, over: bo}]}
"""


@pytest.mark.parametrize(
    ("old", "new", "shots"),
    [
        ("look: old", "look: grey", {"a": "KM", "b": "KM"}),
        ("look: young", "look: tall", {"c": "M", "e": "KM"}),
        ("lough: lock", "lough: loch", {"a": "D"}),
        ("lough: lock", "lough: lock, sea: see", {}),
        ("look: bare", "look: full", {"a": "KM", "b": "KM", "c": "KM", "e": "KM"}),
        ("{id: a, action: x", "{id: a, action: x, camera: push", {"a": "M", "b": "KM"}),
        ("{id: a, action: x", "{id: a, action: x, size: CU", {"a": "KM", "b": "KM"}),
        ("{id: a, action: x", "{id: a, action: x, via: dissolve, super: Hi, j_cut: 1", {"a": "SC"}),
        ("{id: a, action: x", "{id: a, action: x, notes: hm, lock: all", {}),
        ("{id: e, action: x", "{id: e, action: x, lens: long", {"c": "M", "e": "KM"}),
        ("{id: d, action: x, omit: true", "{id: d, action: y, omit: true", {}),
        ("{id: d, action: x, omit: true", "{id: d, action: x", {"c": "KM", "d": "KMDSC"}),
        ("text: The lough.", "text: The lake.", {"a": "D"}),
    ],
)
def test_a_change_reaches_those_who_read_it(old: str, new: str, shots: dict[str, str]) -> None:
    before, after = text.read(FILM).board, text.read(FILM.replace(old, new, 1)).board
    assert dict(stale(before, after).shots) == shots


def test_nothing_is_stale_of_the_same_film(lighthouse: Storyboard) -> None:
    found = stale(lighthouse, lighthouse)
    assert (dict(found.shots), found.film) == ({}, "")
