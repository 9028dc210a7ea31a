"""A line of a script as a reader performs it: clauses of spoken words, pauses, and what is not said aloud."""

import re
import unicodedata
from dataclasses import dataclass

from functions.dialogue.reading import TABLE, say

SMART = str.maketrans(
    {"‘": "'", "’": "'", "‛": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "⁄": "/"}
)
SENTENCE_MS = 350
"""Silence after a sentence inside a line, at the voice's own pace."""
DASH_MS = 220
ELLIPSIS_MS = 550
OPENING = "([{"
CLOSING = {"(": ")", "[": "]", "{": "}"}
LEAD = re.compile(r"^(?:[\"'*_~¡¿(\[{<,.;:!?]|-(?!\d))*(?=[\w#£$€¥.&+=@%°§×÷-])")
TAIL = re.compile(r"[^\w%°&+=@£$€¥]*$")


@dataclass(frozen=True)
class Spoken:
    """One word a voice says, and the printed word (by position in the line) it belongs to."""

    word: str
    token: int


@dataclass(frozen=True)
class Clause:
    """Words said in one breath. `end` is one of `, ; : . ? !`; `pause_ms` the silence the reader leaves after it."""

    words: tuple[Spoken, ...]
    end: str
    pause_ms: int


@dataclass(frozen=True)
class Script:
    """A line, read. `tokens` are the printed words; `asides` the parentheticals; `unread` what no reader could say."""

    tokens: tuple[str, ...]
    clauses: tuple[Clause, ...]
    asides: tuple[str, ...]
    unread: tuple[str, ...]


def normal(text: str) -> str:
    """Plain quotes, composed letters and no variation selectors; the number of printed words stays."""
    return unicodedata.normalize("NFKC", text).translate(SMART)


def readable(word: str) -> bool:
    """Whether every letter is Latin: what the voices' pronunciation rules cover."""
    return all(not c.isalpha() or "LATIN" in unicodedata.name(c, "") or c in "ªº" for c in word)


def _ending(token: str, following: str) -> tuple[str, int]:
    """How a printed word closes its clause: the mark and the silence after it, or no mark."""
    tail = (TAIL.search(token) or [""])[0].replace('"', "").replace("'", "")
    if "…" in tail or ".." in tail:
        return ("." if not following or following[:1].isupper() else ","), ELLIPSIS_MS
    if "—" in tail or "–" in tail or "--" in tail:
        return ",", DASH_MS
    for mark in "?!":
        if mark in tail:
            return mark, SENTENCE_MS
    if "." in tail:
        return ".", SENTENCE_MS
    return next(((mark, 0) for mark in ";:," if mark in tail), ("", 0))


def _abbreviation(token: str, following: str) -> tuple[list[str], bool] | None:
    """Words of an abbreviation and whether its full stop ends the sentence too; None for any other word."""
    plain = token.strip("\"'([*_").rstrip("\"')]*_,;:?!").lower()
    opens = following.strip("\"'([*_")
    if plain == "no." and opens[:1].isdecimal():
        return ["number"], False
    if plain == "st.":
        named = opens[:1].isupper()
        return ["saint" if named else "street"], not opens
    if plain in TABLE.titles and opens:
        return TABLE.titles[plain].split(), False
    if plain in TABLE.titles or plain in TABLE.abbreviations:
        spoken = TABLE.titles.get(plain) or TABLE.abbreviations[plain]
        return spoken.split(), not opens or (opens[:1].isupper() and plain not in {"vs.", "v.", "e.g.", "i.e."})
    if re.fullmatch(r"[a-z]\.", plain) and opens[:1].isupper() and token.strip("\"'(")[:1].isupper() and plain != "i.":
        return say(plain[0].upper()), False
    return None


class _Reader:
    """Collects clauses while walking over the printed words of one line."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.tokens = tokens
        self.clauses: list[Clause] = []
        self.words: list[Spoken] = []
        self.asides: list[str] = []
        self.unread: list[str] = []
        self.owed: list[str] = []

    def close(self, mark: str, pause_ms: int) -> None:
        """End the clause here; a mark without words lengthens the silence before it."""
        if self.words:
            self.clauses.append(Clause(tuple(self.words), mark, pause_ms))
            self.words = []
        elif self.clauses and pause_ms:
            last = self.clauses[-1]
            self.clauses[-1] = Clause(last.words, last.end, max(last.pause_ms, pause_ms))

    def aside(self, words: list[str]) -> None:
        """A parenthetical: silence if it names one, else kept for the delivery."""
        text = " ".join(words).strip("()[]{}.,;:!?").strip()
        pause = TABLE.pauses.get(text.lower())
        if pause:
            self.close(",", pause)
        elif text:
            self.asides.append(text)

    def token(self, index: int) -> None:
        """Say one printed word."""
        raw, following = self.tokens[index], self.tokens[index + 1] if index + 1 < len(self.tokens) else ""
        short = _abbreviation(raw, following)
        core = TAIL.sub("", LEAD.sub("", raw))
        if not readable(core):
            self.unread.append(raw)
            said: list[str] = []
        else:
            said = short[0] if short else say(core.replace("—", "-").replace("–", "-"), following)
        self.words += [Spoken(word, index) for word in said + self.owed]
        self.owed = _owed(core, following)
        mark, pause = _ending(raw, following)
        if short and mark == "." and not short[1]:
            mark, pause = next(((m, 0) for m in ",;:" if raw.endswith(m)), ("", 0))
        if mark:
            self.close(mark, pause)


def _owed(core: str, following: str) -> list[str]:
    """The currency that is said after the scale word that follows ("$5 million")."""
    scale = following.lower().strip(".,;:!?\"'")
    return [TABLE.currencies[core[0]][1]] if core[:1] in TABLE.currencies and scale in TABLE.words["scales"] else []


def read(text: str) -> Script:
    """Read a line. One entry of `tokens` a whitespace-separated printed word, as `text.split()` gives them."""
    printed = tuple(text.split())
    reader = _Reader(tuple(normal(token) for token in printed))
    index = 0
    while index < len(printed):
        token = reader.tokens[index].lstrip("\"'*_")
        end = _aside_end(reader.tokens, index) if token[:1] in OPENING and token else None
        if end is None:
            reader.token(index)
            index += 1
        else:
            reader.aside(list(reader.tokens[index : end + 1]))
            mark, pause = _ending(reader.tokens[end], reader.tokens[end + 1] if end + 1 < len(printed) else "")
            reader.close(mark or ",", pause)
            index = end + 1
    reader.close(".", 0)
    return Script(printed, tuple(reader.clauses), tuple(reader.asides), tuple(reader.unread))


def _aside_end(tokens: tuple[str, ...], start: int) -> int | None:
    """Where the parenthetical that opens at `start` closes, None if it never does."""
    closing = CLOSING[tokens[start].lstrip("\"'*_")[0]]
    return next((i for i in range(start, len(tokens)) if closing in tokens[i]), None)
