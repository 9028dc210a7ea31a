"""The title page, the end, and how long a script is on paper."""

import textwrap
from collections.abc import Sequence
from typing import Any

from control.storyboard.fountain import craft
from control.storyboard.fountain.script import Element, Script

Values = dict[str, Any]
PAGE_LINES = 55
_WIDTHS = {"action": 60, "dialogue": 35, "parenthetical": 25, "lyric": 35}
"""Characters a line in 12-point Courier, US letter: six lines an inch, ten characters an inch."""
_BLANK_BEFORE = ("heading", "action", "cue", "transition", "centred")
_BY = ("credit", "author", "authors", "writers", "director", "source", "copyright")


def film_values(script: Script) -> Values:
    """The fields of a film that the title page and the last transition say."""
    title = " ".join(script.title.get("title", "").split())[:120].strip()
    lines = credit_lines(script.title)
    last = next((e for e in reversed(script.elements) if e.kind not in ("note", "section", "synopsis")), None)
    return {
        **({"title": title} if title else {}),
        **({"titles": {"credits": {"lines": lines}}} if lines else {}),
        **({"end": {"fade-out": craft.END_FADE}} if last is not None and is_end_fade(last) else {}),
    }


def is_end_fade(element: Element) -> bool:
    """Whether a last element closes the film by a fade."""
    words = element.text.upper().rstrip(" .:")
    return element.kind == "transition" and craft.FADE_OUT.fullmatch(words) is not None


def credit_lines(title: dict[str, str]) -> list[str]:
    """What the credits say: the credits as listed, else who wrote it and what it is from."""
    if "credits" in title:
        lines = title["credits"].split("\n")
    else:
        rows = {key: " ".join(title[key].split()) for key in _BY if title.get(key, "").strip()}
        writers = rows.get("author") or rows.get("authors") or rows.get("writers")
        by = f"{rows.get('credit', 'Written by')} {writers}" if writers else rows.get("credit", "")
        directed = f"Directed by {rows['director']}" if "director" in rows else ""
        lines = [by, directed, rows.get("source", ""), rows.get("copyright", "")]
    return [line.strip()[:120].strip() for line in lines if line.strip()][:200]


def pages(elements: Sequence[Element]) -> float:
    """How many pages the elements fill, at 55 lines a page."""
    lines = 0
    for element in elements:
        if element.kind in ("note", "section", "synopsis"):
            continue
        width = _WIDTHS.get(element.kind, 60)
        lines += sum(len(textwrap.wrap(row, width)) or 1 for row in element.text.split("\n"))
        lines += element.kind in _BLANK_BEFORE
    return lines / PAGE_LINES
