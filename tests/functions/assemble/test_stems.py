"""Stems are the same however they are cut into blocks."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.assemble.sounds import Sound
from functions.assemble.speech import phrases
from functions.assemble.stems import STEMS, Stems, lay
from functions.contract.params import Gain, Mix, Placement
from tests.servers.footage import noise, write_sound

LENGTH = 60_000


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Stems:
    """Something of every kind."""
    folder = tmp_path_factory.mktemp("stems")
    sound = Sound(write_sound(folder / "n.wav", noise(0.4)), folder / "n.f32", "noise")
    points = (Gain(at=9000, level=0), Gain(at=20_000, level=-100))
    placements = (
        Placement(input="n", stem="dx", at=5000, length=15_000, level=-160, space="interior", fade_out=480),
        Placement(input="n", stem="dx", at=30_000, length=9000, level=-160, space="device", pan=300),
        Placement(input="n", stem="amb", at=100, length=50_000, loop=True, level=-300, fade_in=9600, fade_out=9600),
        Placement(input="n", stem="mx", at=0, length=18_000, offset=500, level=-200, envelope=points),
    )
    laid = [found for p in placements if (found := lay(p, sound)[0])]
    return Stems(Mix(samples=LENGTH, placements=placements, tail_fade=8000), laid)


@given(cuts=st.lists(st.integers(1, LENGTH - 1), max_size=6, unique=True))
@settings(max_examples=12, deadline=None, print_blob=True)
def test_blocks_of_any_length_give_the_same_sound(stems: Stems, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), LENGTH]
    for stem in STEMS:
        whole = stems.at(stem, 0, LENGTH)
        parts = [stems.at(stem, a, b - a) for a, b in pairwise(edges)]
        assert np.abs(np.concatenate(parts) - whole).max() < 2**-22  # two code values of 24 bits


def test_nothing_sounds_beyond_the_film(stems: Stems) -> None:
    for stem in STEMS[:2]:
        assert not stems.at(stem, -5000, 5000).any()
        assert not stems.at(stem, LENGTH, 5000).any()


def test_words_gather_into_phrases_whose_dips_do_not_touch() -> None:
    spans = ((48_000, 60_000), (62_000, 70_000), (150_000, 160_000), (230_000, 999_999), (5, 5))
    found = phrases(spans, 300_000)
    assert [(p.start, p.end) for p in found] == [(48_000, 70_000), (150_000, 160_000), (230_000, 300_000)]
    assert found[0].words == ((48_000, 70_000),)


def test_a_sound_shorter_than_its_offset_is_silence(tmp_path: Path) -> None:
    sound = Sound(write_sound(tmp_path / "n.wav", noise(0.1)), tmp_path / "n.f32", "noise")
    laid, notes = lay(Placement(input="n", stem="dx", at=0, length=100, offset=90_000, level=-160), sound)
    assert laid is None
    assert [n.code for n in notes] == ["short_input", "silent_input"]
