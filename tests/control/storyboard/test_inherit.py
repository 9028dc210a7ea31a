"""What a shot leaves out comes from its scene, from the shot it is set up like, or from the defaults."""

from control.storyboard import text
from control.storyboard.inherit import effective
from control.storyboard.models import Storyboard

FILM = """\
cast: {ann: {wardrobe: coat}, bo: {}}
places: {room: {ambience: hum}}
scenes:
- {place: room, light: dim, wardrobe: {bo: cap}, shots: [
    {id: a, action: x, size: CU, angle: low, compose: left third, camera: push, light: lamp,
     who: {bo: {}, ann: {wardrobe: shawl}}},
    {id: b, action: x, same_as: a, angle: high}, {id: c, action: x, same_as: b, who: {}}]}
- {ambience: none, shots: [{id: d, action: x, same_as: b}, {id: e, action: x}]}
"""


def test_same_as_gives_the_set_up_and_neither_light_nor_camera() -> None:
    board = text.read(FILM).board
    b, c, d = (effective(board, board.shot(name)) for name in "bcd")
    assert (b.size, b.angle, b.lens, b.compose, b.light) == ("close", "high", "normal", "left third", "dim")
    assert b.shot.camera.move == "static"
    assert {name: person.wardrobe for name, person in b.who.items()} == {"bo": "cap", "ann": "shawl"}
    assert (c.size, c.angle, c.who) == ("close", "high", {})
    assert (d.size, d.angle, d.light, list(d.who)) == ("close", "high", "", ["bo", "ann"])
    assert {name: person.wardrobe for name, person in d.who.items()} == {"bo": "", "ann": "shawl"}


def test_own_light_place_ambience_and_defaults() -> None:
    board = text.read(FILM).board
    a, e = effective(board, board.shot("a")), effective(board, board.shot("e"))
    assert (a.light, a.ambience) == ("lamp", "hum")
    assert (e.size, e.angle, e.lens, e.focus, e.compose, e.light, e.ambience, e.who) == (
        "medium", "eye", "normal", "normal", "", "", "", {},
    )  # fmt: skip


def test_the_example_holds_its_set_up(lighthouse: Storyboard) -> None:
    dark = effective(lighthouse, lighthouse.shot("dark"))
    assert (dark.size, dark.angle, dark.ambience) == ("extreme-wide", "low", "wind only, very low")
    assert effective(lighthouse, lighthouse.shot("beam")).ambience == "sea on rock, wind"
