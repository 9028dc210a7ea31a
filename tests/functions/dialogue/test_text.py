import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dialogue.text import DASH_MS, ELLIPSIS_MS, SENTENCE_MS, read


def said(text: str) -> str:
    """The line as a transcript: words, and the mark that closes each clause."""
    return " ".join(" ".join(word.word for word in clause.words) + clause.end for clause in read(text).clauses)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("206 and 1888.", "two hundred and six and eighteen eighty eight."),
        ("It is 3.5, not £5.", "It is three point five, not five pounds."),
        ("£3.50 or $1 or €2.01", "three pounds fifty or one dollar or two euros and one cent."),
        ("$5 million!", "five million dollars!"),
        ("At 10:30 on the 2nd", "At ten thirty on the second."),
        ("7:05pm", "seven oh five p m."),
        ("Dr. Smith left.", "doctor Smith left."),
        ("St. James St. is long.", "saint James street is long."),
        ("No. 5 is alive. No. Never.", "number five is alive. No. Never."),
        ("He met Mr. J. Jones, e.g. here.", "He met mister j Jones, for example here."),
        ("Bring rope, etc. Then go.", "Bring rope, et cetera. Then go."),
        ("“Don’t,” she said.", "Don't, she said."),
        ("STOP, NOW!", "stop, now!"),
        ("The FBI's on TV", "The f b i's on t v."),
        ("Henry VIII and Act II", "Henry eight and Act two."),
        ("5km at 20%, 1/2 full", "five kilometres at twenty percent, one half full."),
        ("It was 1,500 in the 1920s", "It was one thousand five hundred in the nineteen twenties."),
        ("well-known 35-year-old", "well known thirty five year old."),
        ("You & I *never* met", "You and I never met."),
        ("3-4 of them, -5 below", "three to four of them, minus five below."),
        ("a@b.com", "a at b dot com."),
        ("café naïve", "café naïve."),
    ],
)
def test_is_read_as_a_reader_would(text: str, spoken: str) -> None:
    assert said(text) == spoken


def test_emoji_and_lone_punctuation_are_not_spoken() -> None:
    script = read("Well 😀 — yes … * no")
    assert [w.word for c in script.clauses for w in c.words] == ["Well", "yes", "no"]
    assert script.unread == ()


def test_dashes_and_ellipses_are_silence() -> None:
    assert [c.pause_ms for c in read("I never — did").clauses] == [DASH_MS, 0]
    assert [c.pause_ms for c in read("I never… Did you?").clauses] == [ELLIPSIS_MS, SENTENCE_MS]
    assert [c.end for c in read("Wait... what").clauses] == [",", "."]


def test_parentheticals_are_performed_or_left_out_but_never_spoken() -> None:
    script = read("(softly) I know. (beat) You [off] too")
    assert [w.word for c in script.clauses for w in c.words] == ["I", "know", "You", "too"]
    assert script.asides == ("softly", "off")
    assert script.clauses[0].pause_ms == 800


def test_an_unclosed_parenthesis_hides_nothing() -> None:
    assert said("(wait for me") == "wait for me."


def test_other_scripts_are_left_out_and_named() -> None:
    script = read("Say привет or 你好 now")
    assert [w.word for c in script.clauses for w in c.words] == ["Say", "or", "now"]
    assert script.unread == ("привет", "你好")


@given(st.text(max_size=120))
def test_any_text_keeps_its_printed_words_in_order_and_leaves_no_figures(text: str) -> None:
    script = read(text)
    words = [word for clause in script.clauses for word in clause.words]
    assert script.tokens == tuple(text.split())
    assert [w.token for w in words] == sorted(w.token for w in words)
    assert all(0 <= w.token < len(script.tokens) for w in words)
    assert all(c.words and c.end in ",;:.?!" for c in script.clauses)
    assert not any(re.search(r"[0-9\s(){}\[\]\"]", w.word) for w in words)


@given(
    st.lists(
        st.sampled_from(
            ["206", "Dr.", "it", "No.", "5", "£5", "(softly)", "—", "STOP", "end.", "10:30", "$3", "million"]
        ),
        max_size=12,
    )
)
def test_any_mixture_of_hard_words_is_read(tokens: list[str]) -> None:
    script = read(" ".join(tokens))
    assert list(script.tokens) == tokens
