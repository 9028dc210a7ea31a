"""Short forms that people write, expanded to the long form. What fits no short form passes through untouched, so that
validation says what is wrong with it."""

import re
from typing import Any

from control.storyboard.shot import TRANSITION_SECONDS, Beat, Sfx, Spoken

Values = dict[str, Any]
SIZES = {
    "ews": "extreme-wide",
    "xws": "extreme-wide",
    "ws": "wide",
    "fs": "full",
    "mfs": "medium-full",
    "ms": "medium",
    "mcu": "medium-close",
    "cu": "close",
    "ecu": "extreme-close",
    "xcu": "extreme-close",
}
VOICES = {
    "v.o.": "vo",
    "vo": "vo",
    "o.s.": "os",
    "os": "os",
    "o.c.": "os",
    "oc": "os",
    "on phone": "device",
    "on radio": "device",
    "phone": "device",
    "radio": "device",
    "thought": "thought",
}
PAUSES = {"beat": 0.8, "pause": 1.5, "long pause": 2.5, "silence": 2.5}
"""Seconds of silence that a parenthetical on its own stands for."""
_SPEAKER = re.compile(r"^\s*(?P<who>[^()]+?)\s*(?:\((?P<how>[^()]*)\)\s*)*$")
_HOW = re.compile(r"\(([^()]*)\)")
_LINE = re.compile(r"^\s*(?P<head>[^:]{1,80}?)\s*:\s*(?P<text>.+?)\s*$")
_LINE_FIELDS = {*Spoken.model_fields, *Beat.model_fields}


def expand(board: Values) -> Values:
    """The long form of a storyboard's plain values."""
    names = names_of(board.get("cast"))
    long: Values = _mapped(
        board,
        cast=lambda v: _entries(v, member),
        places=lambda v: _entries(v, lambda e: _keyed(e, "look")),
        props=lambda v: _entries(v, lambda e: _keyed(e, "look")),
        palette=_listed,
        titles=lambda v: _mapped(v, open=lambda t: _keyed(t, "text"), credits=_credits),
        notes=_notes,
        scenes=lambda v: [scene(s, names) for s in v] if isinstance(v, list) else v,
    )
    return long


def speaker(head: str, names: dict[str, str]) -> Values:
    """`who`, `how` and `voice` of `maren (O.S., quiet)`. A name unknown to the cast stays as written, as an id."""
    found = _SPEAKER.match(head)
    if found is None:
        return {"who": head}
    who = found["who"].strip()
    values: Values = {"who": names.get(who.casefold(), re.sub(r"[\s_]+", "-", who.lower()))}
    words = [w.strip() for group in _HOW.findall(head) for w in group.split(",") if w.strip()]
    voices = [VOICES[w.casefold()] for w in words if w.casefold() in VOICES]
    how = [w for w in words if w.casefold() not in VOICES and w.casefold() != "cont'd"]
    return {**values, **({"how": ", ".join(how)} if how else {}), **({"voice": voices[0]} if voices else {})}


def is_long_line(value: object) -> bool:
    """Whether a line is written in the long form already."""
    return isinstance(value, dict) and not _is_short_line(value)


def _is_short_line(value: Values) -> bool:
    return len(value) == 1 and next(iter(value)) not in _LINE_FIELDS


def names_of(cast: Any) -> dict[str, str]:
    """Every way to write a cast member, case folded -> id."""
    if not isinstance(cast, dict):
        return {}
    names = {str(m["name"]).casefold(): k for k, m in cast.items() if isinstance(m, dict) and m.get("name")}
    return {**names, **{k.casefold(): k for k in cast}}


def scene(value: Any, names: dict[str, str]) -> Any:
    """The long form of a scene. `names` are the ways to write the cast (`names_of`)."""
    return _mapped(
        value,
        number=lambda v: str(v) if isinstance(v, int) and not isinstance(v, bool) else v,
        shots=lambda v: [shot(s, names) for s in v] if isinstance(v, list) else v,
        notes=_notes,
    )


def shot(value: Any, names: dict[str, str]) -> Any:
    """The long form of a shot."""
    return _mapped(
        value,
        size=lambda v: SIZES.get(v.casefold(), v) if isinstance(v, str) else v,
        camera=lambda v: _keyed(v, "move"),
        via=_via,
        who=_who,
        lines=lambda v: _lines(v, names),
        sfx=lambda v: [sound(s) for s in _listed(v)],
        super=lambda v: _keyed(v, "text"),
        lock=_listed,
        props=_listed,
        refs=_listed,
        notes=_notes,
    )


def _mapped(value: Any, **change: Any) -> Any:
    """The mapping with these entries changed; anything else as it is."""
    if not isinstance(value, dict):
        return value
    return {k: change[k](v) if k in change and v is not None else v for k, v in value.items()}


def _keyed(value: Any, key: str) -> Any:
    return {key: value} if isinstance(value, str) else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _entries(value: Any, change: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: change({} if v is None else v) for k, v in value.items()}


def member(value: Any) -> Any:
    """The long form of a cast member."""
    return _mapped(_keyed(value, "look"), voice=lambda v: _keyed(v, "preset"), refs=_listed)


def _credits(value: Any) -> Any:
    return {"lines": _listed(value)} if isinstance(value, str | list) else value


def _notes(value: Any) -> Any:
    return [_keyed(note, "text") for note in _listed(value)]


def _via(value: Any) -> Any:
    if isinstance(value, str):
        return {"kind": value, "seconds": TRANSITION_SECONDS.get(value, 0.0)}
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in TRANSITION_SECONDS:
        kind, seconds = next(iter(value.items()))
        return {"kind": kind, "seconds": TRANSITION_SECONDS[kind] if seconds is None else seconds}
    if isinstance(value, dict) and value.get("kind") in TRANSITION_SECONDS and "seconds" not in value:
        return {**value, "seconds": TRANSITION_SECONDS[value["kind"]]}
    return value


def _who(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    if isinstance(value, str):
        return {value: {}}
    return _entries(value, lambda v: _keyed(v, "at"))


def sound(value: Any) -> Any:
    """The long form of a sound: `heavy switch`, or `{heavy switch: 1.2}` with the second it begins."""
    if isinstance(value, dict) and len(value) == 1:
        key, at = next(iter(value.items()))
        if key not in Sfx.model_fields:
            return {"sound": key, "at": at}
    return _keyed(value, "sound")


def _lines(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return [_text_line(row, names) for row in value.splitlines() if row.strip()]
    if not isinstance(value, list):
        return value
    return [line(item, names) for item in value]


def line(value: Any, names: dict[str, str]) -> Any:
    """The long form of a line: `{maren (quiet): words}`, or `MAREN (quiet): words` as text."""
    if isinstance(value, str):
        return _text_line(value, names)
    if isinstance(value, dict) and _is_short_line(value):
        head, text = next(iter(value.items()))
        return {**speaker(head, names), "text": text}
    return value


def _text_line(row: str, names: dict[str, str]) -> Any:
    """A line of a script: `NAME (how): words`, or `(beat)` alone."""
    silence = PAUSES.get(row.strip().strip("()").casefold())
    if silence is not None:
        return {"beat": silence}
    found = _LINE.match(row)
    if found is None:
        return row
    return {**speaker(found["head"], names), "text": found["text"].strip('"“”')}
