"""Ids for parts that were written without one: made of their words, never of their order."""

import hashlib
from collections.abc import Collection, Iterator
from typing import Any

Values = dict[str, Any]
STEMS = {"scenes": "scene", "shots": "shot", "lines": "line", "sfx": "sfx", "music": "cue", "notes": "note"}
"""Lists whose parts have ids -> how a minted id begins."""
_WORDS = ("heading", "action", "who", "text", "sound", "prompt", "file", "beat")


def mint(stem: str, words: str, taken: Collection[str]) -> str:
    """A free id made of these words. The same words and the same taken ids give the same id."""
    for attempt in range(len(taken) + 1):
        digest = hashlib.sha256(f"{words}\0{attempt}".encode()).hexdigest()
        minted = f"{stem}-{digest[:6]}"
        if minted not in taken:
            return minted
    return f"{stem}-{hashlib.sha256(words.encode()).hexdigest()[:24]}"


def mint_ids(board: Values) -> Values:
    """The long form with an id in every part that has none."""
    taken = set(_ids(board))
    return {key: _minted(key, value, taken) for key, value in board.items()}


def mint_part(kind: str, part: Values, taken: set[str]) -> Values:
    """A part for the list `kind` in the long form, with ids where it and its own parts have none."""
    return _part(kind, part, taken | set(_part_ids(part)))


def _minted(key: str, value: Any, taken: set[str]) -> Any:
    if key not in STEMS or not isinstance(value, list):
        return value
    return [_part(key, item, taken) if isinstance(item, dict) else item for item in value]


def _part(key: str, part: Values, taken: set[str]) -> Values:
    named = part
    if part.get("id") is None:
        words = "\0".join(str(part[word]) for word in _WORDS if part.get(word) is not None)
        fresh = mint(STEMS[key], words, taken)
        taken.add(fresh)
        named = {"id": fresh, **{k: v for k, v in part.items() if k != "id"}}
    return {k: _minted(k, v, taken) for k, v in named.items()}


def _ids(board: Values) -> Iterator[str]:
    """Every id that is written down or reserved."""
    for kind in ("cast", "places", "props"):
        yield from board[kind] if isinstance(board.get(kind), dict) else ()
    yield from (i for i in board.get("reserved") or () if isinstance(i, str))
    yield from _part_ids(board)


def _part_ids(part: Values) -> Iterator[str]:
    if isinstance(part.get("id"), str):
        yield part["id"]
    for key in STEMS:
        for item in part[key] if isinstance(part.get(key), list) else ():
            if isinstance(item, dict):
                yield from _part_ids(item)
