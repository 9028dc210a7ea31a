import math
from itertools import combinations

import pytest

from functions.catalog import builtin
from functions.dialogue.presets import PLAIN, TABLE, Rendering, delivery, invented


def apart(first: Rendering, second: Rendering) -> float:
    """How far two renderings lie from each other, in semitones of pitch and of vocal tract."""
    return math.hypot(first.pitch - second.pitch, 12 * math.log2(first.tract / second.tract) * 2)


def test_the_manifest_names_exactly_the_voices_there_are() -> None:
    assert set(builtin()["voice-piper"].capabilities.presets) == set(TABLE.voices)


def test_no_two_voices_of_the_table_sound_alike() -> None:
    for (a, first), (b, second) in combinations(TABLE.voices.items(), 2):
        assert apart(first, second) > 1.0 or first.breath != second.breath, (a, b)


def test_an_unknown_name_always_gives_the_same_rendering() -> None:
    assert invented("captain ahab") == invented("captain ahab")
    assert (invented("captain ahab").pitch, invented("captain ahab").tract) == (-1.15, 965)


def test_a_cast_of_unknown_names_is_told_apart() -> None:
    names = ["alice", "bob", "carol", "dan", "eve", "mallory"]
    distances = [apart(invented(a), invented(b)) for a, b in combinations(names, 2)]
    assert min(distances) > 0.15
    assert sorted(distances)[len(distances) // 2] > 2


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ("whispering", "whispering"),
        ("Out of breath", "winded"),
        ("quietly", "quiet"),
        ("SHOUTING", "shouting"),
        ("sung", "sung"),
        ("quiet, urgent", "quiet, urgent"),
        ("with a smirk", "plain"),
        ("", "plain"),
    ],
)
def test_deliveries_are_found_in_what_is_written(how: str, name: str) -> None:
    assert delivery(how).name == name


def test_two_deliveries_add_up() -> None:
    both = delivery("quiet and slow")
    assert both.pace < delivery("slow").pace < PLAIN.pace
    assert both.gain_db == delivery("quiet").gain_db


def test_no_word_asks_for_two_deliveries() -> None:
    words = [word for d in TABLE.deliveries for word in d.words]
    assert len(words) == len(set(words))
