"""One shot read word for word: what a passage of a script says without any guess. Export writes what this reads."""

from collections.abc import Callable, Sequence
from typing import Any

from control.storyboard.fountain import craft
from control.storyboard.fountain.script import Element

Values = dict[str, Any]
Resolve = Callable[[str], str]
"""From a cue to a cast id."""
SOUND_LINE = ("SOUND:", "SFX:")


def shot(elements: Sequence[Element], resolve: Resolve) -> Values:
    """The fields of a shot that these elements say; only fields that differ from their default."""
    values: Values = {}
    lines: list[Values] = []
    at = 0
    while at < len(elements):
        element = elements[at]
        at += 1
        if element.kind == "action":
            values |= action(element.text, resolve)
        elif element.kind == "transition":
            values |= _via(element)
        elif element.kind == "centred":
            values["super"] = {"text": element.text.strip(), "at": "centre"}
        elif element.kind == "cue":
            end = next((i for i in range(at, len(elements)) if elements[i].kind not in _IN_SPEECH), len(elements))
            lines += turn(element, elements[at:end], resolve)
            at = end
    return {**values, **({"lines": lines} if lines else {})}


_IN_SPEECH = ("dialogue", "parenthetical", "lyric")


def action(text: str, resolve: Resolve) -> Values:
    """Framing, action and sounds of an action paragraph. Lines that begin with `SOUND:` name sounds."""
    rows = [row.strip() for row in text.split("\n")]
    sounds = [row for row in rows if row.upper().startswith(SOUND_LINE)]
    says, words = craft.framing(" ".join(row for row in rows if row and row not in sounds))
    people: Values = {key: resolve(says[key]) for key in ("over", "pov") if key in says}
    sfx = [{"sound": name.strip()} for row in sounds for name in row.split(":", 1)[1].split(";") if name.strip()]
    return {**says, **people, "action": words, **({"sfx": sfx} if sfx else {})}


def turn(cue: Element, words: Sequence[Element], resolve: Resolve) -> list[Values]:
    """The lines and silences of one cue, in order. Parentheticals say how, or are a silence."""
    who, voice = resolve(cue.text), extension(cue.extension)
    lines: list[Values] = []
    how, held = "", list[str]()

    def spoken(text: str, manner: str) -> Values:
        return {"who": who, "text": text, **({"how": manner} if manner else {}), **({"voice": voice} if voice else {})}

    for element in words:
        text = " ".join(element.text.split())
        if element.kind == "dialogue":
            held += [text] if text else []
            continue
        lines += [spoken(" ".join(held), how)] if held else []
        held = []
        if element.kind == "lyric":
            lines.append(spoken(text, "sung"))
            continue
        inner = text.removeprefix("(").removesuffix(")").strip()
        if inner.casefold() in craft.PAUSES:
            lines.append({"beat": craft.PAUSES[inner.casefold()]})
        else:
            voice, how = (
                craft.VOICES.get(inner.casefold(), voice),
                inner if inner.casefold() not in craft.VOICES else "",
            )
    return lines + ([spoken(" ".join(held), how)] if held else [])


def extension(text: str) -> str:
    """The voice that an extension names; empty for none and for CONT'D."""
    parts = [part.strip().casefold().replace("’", "'") for part in text.replace("/", ",").split(",")]
    parts += [part.strip(") ") for part in text.casefold().split("(")]
    return next((craft.VOICES[part] for part in parts if part in craft.VOICES), "")


def _via(element: Element) -> Values:
    via = craft.transition(element.text)
    return {"via": via} if via else {}
