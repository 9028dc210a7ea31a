"""Spoken words to phonemes, each phoneme knowing the printed word it belongs to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from functions.dialogue.text import Clause

NOBODY = -1
Phonemize = Callable[[str], str]
"""Words to phonemes, one character each and no punctuation, words apart by one space (eSpeak joins some)."""


@dataclass(frozen=True)
class Phoneme:
    """One symbol of the voice's alphabet; `token` is the printed word, -1 for spaces and punctuation."""

    symbol: str
    token: int


def _matches(long: Sequence[str], short: Sequence[str]) -> list[int]:
    """For every symbol of `short` the position in `long` it stands at (edit distance, Wagner and Fischer 1974)."""
    rows, columns = len(short) + 1, len(long) + 1
    cost = [[0] * columns for _ in range(rows)]
    for r in range(rows):
        for c in range(columns):
            if r == 0 or c == 0:
                cost[r][c] = r + c
            else:
                swap = cost[r - 1][c - 1] + (short[r - 1] != long[c - 1])
                cost[r][c] = min(swap, cost[r - 1][c] + 1, cost[r][c - 1] + 1)
    found, r, c = [0] * len(short), len(short), len(long)
    while r > 0:
        if c and cost[r][c] == cost[r - 1][c - 1] + (short[r - 1] != long[c - 1]):
            found[r - 1], r, c = c - 1, r - 1, c - 1
        elif cost[r][c] == cost[r - 1][c] + 1:
            found[r - 1], r = max(0, c - 1), r - 1
        else:
            c -= 1
    return found


def _owners(symbols: str, apart: Sequence[str]) -> list[int]:
    """Which word each symbol belongs to, when words were joined: by aligning them with the words said one by one."""
    joined = [symbol for word in apart for symbol in word]
    owner = [index for index, word in enumerate(apart) for _ in word]
    places = _matches(joined, symbols)
    found = [owner[place] for place in places]
    for i in range(1, len(found)):
        found[i] = max(found[i], found[i - 1])
    return found


def pronounce(clause: Clause, phonemize: Phonemize) -> list[Phoneme]:
    """The phonemes of a clause. The words are pronounced together, as speech runs, then told apart again."""
    words = [spoken.word for spoken in clause.words]
    symbols = phonemize(" ".join(words))
    if symbols.count(" ") == len(words) - 1:
        owners = [symbols.count(" ", 0, place) for place in range(len(symbols))]
    else:
        dense = iter(_owners(symbols.replace(" ", ""), [phonemize(word).replace(" ", "") for word in words]))
        owners = [0 if symbol == " " else next(dense) for symbol in symbols]
    return [
        Phoneme(symbol, NOBODY if symbol == " " else clause.words[owner].token)
        for symbol, owner in zip(symbols, owners, strict=True)
    ]
