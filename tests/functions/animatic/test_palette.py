"""Colours from words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.animatic.palette import choose, colour_named
from functions.animatic.values import decode, lstar_of


def test_the_storyboard_palette_gives_family_neighbour_and_accent() -> None:
    palette = choose(("indigo", "slate", "brass", "bone"), (), "rock")
    assert palette.main.hue == 275
    assert palette.near.hue == 245
    assert palette.accent.hue == 80
    assert palette.paper.hue == 90


def test_an_unknown_place_keeps_its_colour_and_others_have_theirs() -> None:
    places = [choose((), ("zorblax",), place).main.hue for place in ("zorblax", "zorblax", "quimby")]
    assert places[0] == places[1] != places[2]


def test_hex_is_read() -> None:
    tint = colour_named("#1f3fbf")
    assert tint is not None
    assert 255 < tint.hue < 275


@pytest.mark.parametrize("words", [("neon", "teal"), ("forest",), ("fire",), ("desert", "sun"), ("noir",)])
def test_ramps_rise_and_stay_within_their_chroma(words: tuple[str, ...]) -> None:
    palette = choose((), words, "x")
    for ramp in palette.ramps():
        luminance = lstar_of((decode(ramp) @ np.array([0.2126, 0.7152, 0.0722])).astype(np.float32))
        assert np.diff(luminance).min() > -0.35
        assert luminance[256] == pytest.approx(50, abs=2.5)
    assert palette.main.chroma <= 0.15


@given(st.lists(st.text(max_size=12), max_size=8), st.text(max_size=20))
def test_any_words_give_a_palette(words: list[str], place: str) -> None:
    palette = choose(words, words, place)
    assert 0 <= palette.main.hue < 360.001
    assert 0 <= palette.main.chroma <= 0.4
