from itertools import pairwise

import pytest

from functions.dialogue.piper import PiperVoice
from functions.dialogue.pronunciation import NOBODY, pronounce
from functions.dialogue.text import read


@pytest.mark.parametrize(
    "text",
    [
        "I put it on at once in an hour of the day",
        "There is no one who has been out of the house",
        "Two hundred and six of them are to be at the end of it",
        "What do you want to do with it for a while",
    ],
)
def test_every_word_keeps_phonemes_of_its_own_where_espeak_joins_words(joe: PiperVoice, text: str) -> None:
    (clause,) = read(text).clauses
    phonemes = pronounce(clause, joe.phonemize)
    owners = [p.token for p in phonemes if p.token != NOBODY]
    assert joe.phonemize(text).count(" ") < len(text.split()) - 1, "eSpeak is expected to join words here"
    assert sorted(set(owners)) == list(range(len(text.split())))
    assert all(a <= b for a, b in pairwise(owners))


def test_joined_words_are_told_apart_at_the_right_sound(joe: PiperVoice) -> None:
    (clause,) = read("at once").clauses
    phonemes = pronounce(clause, joe.phonemize)
    assert "".join(p.symbol for p in phonemes if p.token == 0) == "ɐt"
    assert "".join(p.symbol for p in phonemes if p.token == 1) == "wˈʌns"


def test_a_printed_word_said_as_several_is_one(joe: PiperVoice) -> None:
    (clause,) = read("206 steps").clauses
    owners = {p.token for p in pronounce(clause, joe.phonemize)} - {NOBODY}
    assert owners == {0, 1}
