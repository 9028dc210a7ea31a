"""Scene headings: what they say of place and time."""

import re
from typing import Any

from control.storyboard.fountain import craft, names
from control.storyboard.fountain.script import Element

Values = dict[str, Any]
_PARTS = re.compile(
    r"^(?:(?:INT\.?/EXT|I/E|INT|EXT|EST)(?:\s*\.|\s)\s*)?(?P<place>.*?)(?:\s+[-–—]+\s+(?P<time>[^–—-]+))?$",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"^[0-9]{1,4}[A-Z]{0,2}$")
HEADING_LENGTH = 120


def scene_values(element: Element) -> Values:
    """The fields of a scene that its heading says. `place` is the id of the place named."""
    text = " ".join(element.text.split())[:HEADING_LENGTH].strip()
    number = (element.number or "").rstrip(".").upper()
    location = place(text)
    return {
        **({"number": number} if _NUMBER.match(number) else {}),
        **({"heading": text} if text else {}),
        **({"place": names.slug(location)} if location else {}),
    }


def place(heading: str) -> str:
    """The location that a heading names, without INT or EXT and without the time of day."""
    found = _PARTS.match(heading)
    if found is None:
        return ""
    time = found["time"]
    if time is not None and not craft.TIMES & {word.strip(".,()") for word in time.upper().split()}:
        return heading[found.start("place") :].strip()
    return found["place"].strip(" .")


def has_time(heading: str) -> bool:
    """Whether the heading names a time of day."""
    return bool(craft.TIMES & {word.strip(".,()") for word in heading.upper().split()})
