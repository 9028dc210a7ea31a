"""How one printed word is said: a token of the line to the words a voice speaks."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

from functions.dialogue import numbers


@dataclass(frozen=True)
class Table:
    """`reading.toml`."""

    titles: dict[str, str]
    abbreviations: dict[str, str]
    currencies: dict[str, list[str]]
    units: dict[str, list[str]]
    symbols: dict[str, str]
    fractions: dict[str, str]
    pauses: dict[str, int]
    words: dict[str, list[str]]


TABLE = Table(**tomllib.loads(resources.files("functions.dialogue").joinpath("reading.toml").read_text("utf-8")))
NUMBER = r"\d[\d,]*(?:\.\d+)?"
Reader = Callable[[re.Match[str], str], list[str]]
"""From a match on the token and the next token to the spoken words."""


def _plain(text: str) -> str:
    return text.replace(",", "")


def letters(text: str) -> list[str]:
    """Each letter by its name."""
    return ["ay" if letter in "aA" else letter.lower() for letter in text if letter.isalpha()]


def _money(match: re.Match[str], following: str) -> list[str]:
    one, many, small_one, small_many = TABLE.currencies[match[1]]
    whole, _, part = _plain(match[2]).partition(".")
    if following.lower().strip(".,;:!?") in TABLE.words["scales"]:
        return numbers.number(_plain(match[2]))
    if len(part) != 2:
        return [*numbers.number(_plain(match[2])), one if (whole, part) == ("1", "") else many]
    pounds, pence = int(whole), int(part)
    large = [*numbers.cardinal(pounds), one if pounds == 1 else many] if pounds or not pence else []
    if large and pence >= 10:
        return [*large, *numbers.cardinal(pence)]
    small = [*numbers.cardinal(pence), small_one if pence == 1 else small_many] if pence else []
    return [*large, *(["and"] if large and small else []), *small]


def _unit(match: re.Match[str], _: str) -> list[str]:
    one, many = TABLE.units[match[2].lower()]
    return [*count(match[1]), *(one if match[1] == "1" else many).split()]


def _clock(match: re.Match[str], _: str) -> list[str]:
    half = (match[3] or "").lower().replace(".", "")
    spoken = numbers.clock(int(match[1]), int(match[2]))
    return [*spoken[: -1 if half and spoken[-1] == "o'clock" else None], *(letters(half))]


def _ordinal(match: re.Match[str], _: str) -> list[str]:
    return numbers.ordinal(int(_plain(match[1]))) if len(match[1]) <= numbers.LONGEST else numbers.digits(match[1])


def _decade(match: re.Match[str], _: str) -> list[str]:
    *head, last = numbers.year(int(match[1])) if len(match[1]) == 4 else numbers.cardinal(int(match[1]))
    return [*head, last[:-1] + "ies" if last.endswith("y") else last + "s"]


def _range(match: re.Match[str], _: str) -> list[str]:
    return [*count(match[1]), "to", *count(match[2])]


def count(text: str) -> list[str]:
    """A number by itself: a year if it looks like one, else a cardinal or a decimal."""
    return numbers.year(int(text)) if numbers.is_year(text) else numbers.number(_plain(text))


_UNITS = "|".join(sorted(map(re.escape, TABLE.units), key=len, reverse=True))
_SIGNS = "".join(TABLE.currencies)
PATTERNS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reader)
    for pattern, reader in (
        (rf"([{_SIGNS}])({NUMBER})", _money),
        (r"([01]?\d|2[0-4]):([0-5]\d)(am|pm|a\.m\.|p\.m\.)?", _clock),
        (r"(\d[\d,]*)(?:st|nd|rd|th)", _ordinal),
        (r"'?(1[1-9]\d0|20\d0|[2-9]0)'?s", _decade),
        (rf"({NUMBER})({_UNITS})", _unit),
        (r"(\d+)[-–](\d+)", _range),
        (rf"({NUMBER})", lambda m, _: count(m[1])),
        (r"(\.\d+)", lambda m, _: numbers.number(m[1])),
        (rf"[-−]({NUMBER})", lambda m, _: ["minus", *count(m[1])]),
        (r"((?:[a-z]\.){2,}[a-z]?)", lambda m, _: letters(m[1])),
        (r"#(\d+)", lambda m, _: ["number", *count(m[1])]),
        (r"(\d+)/(\d+)", lambda m, _: [*count(m[1]), "over", *count(m[2])]),
    )
)
VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
PIECES = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*'?|[&+=@%°§×÷£$€]|(?<=\w)\.(?=\w)")


def _piece(text: str) -> list[str]:
    if text == ".":
        return ["dot"]
    if text[0].isdecimal():
        return count(text)
    if text in TABLE.symbols:
        return TABLE.symbols[text].split()
    stem = text.removesuffix("'s").removesuffix("'S").removesuffix("s")
    if text.isupper() and text in numbers.ROMAN:
        return numbers.cardinal(numbers.ROMAN[text])
    if stem.isupper() and len(stem) > 1 and (stem.lower() in TABLE.words["initialisms"] or not VOWEL.search(stem)):
        *head, last = letters(stem)
        return [*head, last + ("'s" if text != stem else "")]
    return [text if text == "I" or text.startswith("I'") else text.lower() if text.isupper() else text]


def say(token: str, following: str = "") -> list[str]:
    """The words said for one printed word without its surrounding punctuation; empty if there is nothing to say.

    `following` is the next printed word: "$5 million" says its dollars after the million.
    """
    if token in TABLE.fractions:
        return TABLE.fractions[token].split()
    for pattern, reader in PATTERNS:
        match = pattern.fullmatch(token)
        if match:
            return reader(match, following)
    return [word for piece in PIECES.findall(token) for word in _piece(piece)]
