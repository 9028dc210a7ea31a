"""Lights that move and go out."""

from functions.animatic.canvas import View
from functions.animatic.light import Beam
from functions.animatic.palette import choose


def test_a_beam_whose_lamp_is_out_is_drawn_as_nothing() -> None:
    beam = Beam((0.0, 0.0), 0.5, View(16 / 9, 180, 0.0, 0.0), choose((), ("indigo", "night"), "rock"), lambda _: 0.0, 1)
    picture = beam.tile(1.0).pixels
    assert picture.cover is not None
    assert picture.cover.max() <= 1
