"""How long things take before anything is made, and where words are divided."""

import re

from control.storyboard import speech
from control.storyboard.fountain import craft

SHOT_SECONDS = 9.0
"""Most seconds of words in one shot."""
SHORT_TURN = 1.2
"""A turn shorter than this stays in the shot before."""
LONG_ACTION = 35
"""Words of an action above which it is divided."""
ESTABLISHING = 3.5
MOST_LETTERS = 300
_SENTENCE = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"”’')]))\s+(?=[\"“‘'(—]*[A-Z0-9])")
_CLAUSE = re.compile(r"(?<=[;:—])\s+")
_COMMA = re.compile(r"(?<=,)\s+")
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Capt|Lt|Sgt)\.$")


def action_seconds(action: str, size: str | None, *, establishing: bool) -> float:
    """Seconds of a shot without words: 1.2 + 0.28 a word, 2 to 8; a second more to linger; an insert 1.5 to 3."""
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", action)
    seconds = min(8.0, max(2.0, 1.2 + 0.28 * len(words)))
    if craft.LINGERS & {word.lower() for word in words}:
        seconds += 1.0
    if size == "insert":
        seconds = min(3.0, max(1.5, seconds))
    if establishing:
        seconds = max(ESTABLISHING, seconds)
    return round(seconds, 1)


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order. Titles such as Mr. end none."""
    found: list[str] = []
    for part in _SENTENCE.split(text.strip()):
        if found and _TITLE.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        elif part:
            found.append(part)
    return found


def divided_action(action: str) -> list[str]:
    """An action in pieces of whole sentences, at most 35 words where its sentences allow that."""
    if len(action.split()) <= LONG_ACTION:
        return [action]
    pieces: list[str] = []
    for sentence in sentences(action):
        if pieces and len(f"{pieces[-1]} {sentence}".split()) <= LONG_ACTION:
            pieces[-1] = f"{pieces[-1]} {sentence}"
        else:
            pieces += _by_words(sentence, 60)
    return pieces


def divided_speech(text: str, how: str) -> list[str]:
    """Words in pieces that last at most 9 s each: at sentences, else at clauses, else at commas."""
    pieces = [text]
    for pattern in (None, _CLAUSE, _COMMA):
        pieces = [part for piece in pieces for part in _packed(piece, how, pattern)]
    return [part for piece in pieces for part in _by_letters(piece)]


def _packed(text: str, how: str, pattern: re.Pattern[str] | None) -> list[str]:
    if speech.line_seconds(text, how) <= SHOT_SECONDS and len(text) <= MOST_LETTERS:
        return [text]
    pieces: list[str] = []
    for part in sentences(text) if pattern is None else pattern.split(text):
        together = f"{pieces[-1]} {part}" if pieces else part
        if pieces and speech.line_seconds(together, how) <= SHOT_SECONDS and len(together) <= MOST_LETTERS:
            pieces[-1] = together
        else:
            pieces.append(part)
    return pieces


def _by_words(text: str, most: int) -> list[str]:
    words = text.split()
    return [" ".join(words[at : at + most]) for at in range(0, len(words), most)]


def _by_letters(text: str) -> list[str]:
    pieces: list[str] = []
    rest = text
    while len(rest) > MOST_LETTERS:
        cut = rest.rfind(" ", 1, MOST_LETTERS + 1)
        cut = MOST_LETTERS if cut < 1 else cut
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [piece for piece in [*pieces, rest] if piece]
