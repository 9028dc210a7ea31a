"""Lights that move and go out."""

from functions.animatic.canvas import View
from functions.animatic.light import Beam
from functions.animatic.palette import choose
from functions.animatic.scene import Scene
from functions.contract.params import Composition


def test_a_beam_whose_lamp_is_out_is_drawn_as_nothing() -> None:
    beam = Beam((0.0, 0.0), 0.5, View(16 / 9, 180, 0.0, 0.0), choose((), ("indigo", "night"), "rock"), lambda _: 0.0, 1)
    picture = beam.tile(1.0).pixels
    assert picture.cover is not None
    assert picture.cover.max() <= 1


def test_a_light_far_off_does_not_put_the_lamp_out() -> None:
    def change(action: str) -> str:
        return Scene(Composition(action=action, light="one warm beam"), 16 / 9, 1).change

    assert change("The beam wakes and swings out. Far off, small as a match, a light answers.") == "wake"
    assert change("She throws the switch and the lamp goes out.") == "drain"
    assert change("He switches off the lamp.") == "drain"
