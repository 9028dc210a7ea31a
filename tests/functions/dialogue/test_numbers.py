import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dialogue import numbers


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (206, "two hundred and six"),
        (1_000, "one thousand"),
        (1_001, "one thousand and one"),
        (12_345, "twelve thousand three hundred and forty five"),
        (1_000_000, "one million"),
        (2_000_050, "two million and fifty"),
    ],
)
def test_cardinals_are_read_as_in_english(value: int, said: str) -> None:
    assert " ".join(numbers.cardinal(value)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1, "first"),
        (2, "second"),
        (3, "third"),
        (12, "twelfth"),
        (20, "twentieth"),
        (21, "twenty first"),
        (100, "one hundredth"),
    ],
)
def test_ordinals(value: int, said: str) -> None:
    assert " ".join(numbers.ordinal(value)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1888, "eighteen eighty eight"),
        (1906, "nineteen oh six"),
        (1900, "nineteen hundred"),
        (2007, "two thousand and seven"),
        (2026, "twenty twenty six"),
    ],
)
def test_years(value: int, said: str) -> None:
    assert " ".join(numbers.year(value)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3.5", "three point five"),
        ("007", "zero zero seven"),
        ("0", "zero"),
        ("0.25", "zero point two five"),
        ("9" * 16, " ".join(["nine"] * 16)),
    ],
)
def test_decimals_codes_and_numbers_past_counting(text: str, said: str) -> None:
    assert " ".join(numbers.number(text)) == said


def test_clock_times() -> None:
    assert numbers.clock(10, 30) == ["ten", "thirty"]
    assert numbers.clock(9, 5) == ["nine", "oh", "five"]
    assert numbers.clock(7, 0) == ["seven", "o'clock"]


def value_of(words: list[str]) -> int:
    """An independent reading of number words."""
    scales = {name: scale for scale, name in numbers.SCALES}
    total = part = 0
    for word in words:
        if word in numbers.ONES:
            part += numbers.ONES.index(word)
        elif word in numbers.TENS:
            part += 10 * numbers.TENS.index(word)
        elif word == "hundred":
            part *= 100
        elif word in scales:
            total, part = total + part * scales[word], 0
    return total + part


@given(st.integers(0, 10**15 - 1))
def test_words_count_to_the_number_they_name(value: int) -> None:
    assert value_of(numbers.cardinal(value)) == value
