"""Cutting speech into cues and breaking them into lines."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from control.graph.captions import BOUND, GAP, Noise, Speech, Token, captions, line_limit, wrap
from functions.contract.base import Rate

RATE = Rate(num=24)
WORDS = st.sampled_from(
    ["a", "the", "sea,", "light.", "answers", "and", "never", "Maren", "Skerry", "of", "why?", "home!"]
)


def speech(text: str, start: int = 24, per_word: int = 9, speaker: str = "Ivo") -> Speech:
    words = text.split()
    tokens = tuple(Token(w, start + i * per_word, start + (i + 1) * per_word) for i, w in enumerate(words))
    return Speech(tokens, speaker)


def test_one_sentence_a_cue() -> None:
    cues = captions([speech("Two hundred and six of them. They never came up here.")], [], [0], 400, RATE, 42)
    assert [c.lines for c in cues] == [("Two hundred and six of them.",), ("They never came up here.",)]
    assert cues[0].start == 24
    assert cues[1].start == 24 + 6 * 9


def test_never_shown_before_it_is_spoken() -> None:
    line = speech("I said I would wait for you. Then who is that?")
    for cue in captions([line], [], [0], 400, RATE, 42):
        first = cue.lines[0].split()[0]
        spoken = next(t for t in line.tokens if t.text == first and t.start >= cue.start - 2)
        assert spoken.start - cue.start <= 2


def test_lines_break_after_punctuation_and_never_after_an_article() -> None:
    assert wrap("They said a hundred steps, but nobody told me of the last one.", 42)[0].endswith("steps,")
    upper, _ = wrap("She keeps the great brass lens at the heart of the lamp room", 42)
    assert upper.split()[-1] not in BOUND


def test_two_people_at_once_share_a_cue() -> None:
    both = [speech("Who is it?", 24), speech("Somebody late.", 30, speaker="Maren")]
    (cue,) = captions(both, [], [0], 400, RATE, 42)
    assert cue.lines == ("-Who is it?", "-Somebody late.")


def test_cue_ends_at_the_cut_its_words_end_before() -> None:
    (cue,) = captions([speech("It was never the storm at all.", 24)], [], [0, 24 + 7 * 9 + 8], 400, RATE, 42)
    assert cue.end == 24 + 7 * 9 + 8


def test_sounds_are_bracketed_beside_speech() -> None:
    noises = [Noise("far horn", 10), Noise("bell", 130)]
    cues = captions([speech("Then who is that out there?", 120)], noises, [0], 400, RATE, 42)
    assert cues[0].lines == ("[far horn]",)
    assert cues[1].lines == ("[bell]", "Then who is that out there?")


def test_limits_by_shape() -> None:
    assert [line_limit(*s) for s in ((16, 9), (9, 16), (1, 1), (4, 3))] == [42, 26, 32, 42]


@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=40), min_size=1, max_size=6),
    st.integers(3, 14),
    st.sampled_from([26, 32, 42]),
    st.lists(st.integers(1, 3000), max_size=8),
)
def test_cues_are_legal(lines: list[list[str]], pace: int, limit: int, cuts: list[int]) -> None:
    start, spoken = 10, []
    for words in lines:
        spoken.append(speech(" ".join(words), start, pace))
        start += len(words) * pace + 12
    total = start + 48
    cues = captions(spoken, [], cuts, total, RATE, limit)
    said = " ".join(w for line in lines for w in line)
    assert " ".join(" ".join(c.lines) for c in cues) == said
    for cue in cues:
        assert cue.end > cue.start >= 0
        assert cue.end <= total
        assert all(len(line) <= limit for line in cue.lines)
        assert cue.end - cue.start <= 7 * 24
    for a, b in itertools.pairwise(cues):
        assert b.start - a.end >= GAP
