"""Storyboard text made safe: from untrusted bytes to plain JSON values, with the line of each part.

YAML 1.2 (JSON is read as the part of YAML that it is). Size is capped before anything is parsed; aliases, anchors
and tags are refused at event level, before they can be expanded, as are depth and node count.
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.parser import RoundTripParser
from ruamel.yaml.reader import ReaderError

from control.storyboard.errors import StoryboardRefused
from control.storyboard.problem import error

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
MAX_NODES = 100_000
Path = tuple[str | int, ...]
_HALF = re.compile("[\ud800-\udfff]")
_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """Plain values and the line (1-based) on which each path begins."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int | None:
        """The line of this path, or of the nearest part around it that stands in the text."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)


def decode(data: bytes | str) -> str:
    """The text of the bytes. Raises `StoryboardRefused` when too large or no UTF-8."""
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _refused(f"is {size:,} bytes; a storyboard is at most {MAX_BYTES:,}, so none of it was read")
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as bad:
        line = data[: bad.start].count(b"\n") + 1
        message = f"is not UTF-8 at byte {bad.start} (0x{data[bad.start]:02x}); save the file as UTF-8"
        raise _refused(message, line) from bad


def round_trip() -> YAML:
    """The one YAML configuration: version 1.2, comments and quotes kept, lines not folded."""
    yaml = YAML(typ="rt", pure=True)
    yaml.version = None
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def joined(text: str) -> str:
    """The text with the escape pairs by which JSON writes characters beyond U+FFFF, which YAML does not know, as those
    characters.
    """
    return _PAIR.sub(_astral, text)


def tree(text: str) -> Any:
    """ruamel's round-trip tree of guarded text. Raises `StoryboardRefused`."""
    try:
        yaml = round_trip()
        yaml.Parser = _GuardedParser
        return yaml.load(text)
    except DuplicateKeyError as twice:
        line = twice.problem_mark.line + 1 if twice.problem_mark is not None else None
        raise _refused(str(twice.problem).split(" with value")[0].replace("found ", "") + "; keep one", line) from twice
    except MarkedYAMLError as bad:
        line = bad.problem_mark.line + 1 if bad.problem_mark is not None else None
        raise _refused(f"is not YAML: {bad.problem or bad.context}", line) from bad
    except ReaderError as bad:
        line = text[: bad.position].count("\n") + 1
        raise _refused(f"holds U+{ord(text[bad.position]):04X}, which YAML does not allow; remove it", line) from bad
    except (YAMLError, ValueError, RecursionError) as bad:
        raise _refused(f"is not YAML: {bad}") from bad


def load(data: bytes | str) -> Source:
    """Plain values of a storyboard's bytes. Raises `StoryboardRefused` for all that is not a safe YAML mapping."""
    node = tree(joined(decode(data)))
    if not isinstance(node, CommentedMap):
        raise _refused("holds no storyboard; begin with `storyboard: 1` and a `title`")
    lines: dict[Path, int] = {}
    return Source(_plain(node, (), lines), lines)


class _GuardedParser(RoundTripParser):
    """Looks at each event before anything is made of it."""

    depth = nodes = 0

    def get_event(self) -> Any:
        """The next event. Raises `StoryboardRefused`."""
        event = super().get_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise _refused("uses a YAML anchor or alias (& or *); write the words out", line)
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None and event.tag != "!":
            raise _refused(f"uses the YAML tag {event.tag}; leave it out", line)
        self.depth += isinstance(event, CollectionStartEvent)
        self.depth -= isinstance(event, CollectionEndEvent)
        self.nodes += isinstance(event, NodeEvent)
        if self.depth > MAX_DEPTH:
            raise _refused(f"is nested more than {MAX_DEPTH} deep", line)
        if self.nodes > MAX_NODES:
            raise _refused(f"holds more than {MAX_NODES:,} values", line)
        return event


def _plain(node: Any, path: Path, lines: dict[Path, int]) -> Any:
    if isinstance(node, CommentedMap):
        found = {}
        for key, value in node.items():
            line = node.lc.data[key][0] + 1 if node.lc.data and key in node.lc.data else None
            if not isinstance(key, str):
                raise _refused(f"the name {key!r} is not text; put it in quotes", line)
            here = (*path, str(_plain(key, path, lines)))
            if line is not None:
                lines[here] = line
            found[str(key)] = _plain(value, here, lines)
        return found
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            lines[(*path, index)] = node.lc.data[index][0] + 1
        return [_plain(value, (*path, index), lines) for index, value in enumerate(node)]
    if isinstance(node, str) and _HALF.search(node):
        raise _refused("holds half of a character (a lone surrogate); remove it", lines.get(path))
    return _scalar(node)


def _scalar(node: Any) -> Any:
    if node is None or isinstance(node, bool):
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node.isoformat() if isinstance(node, datetime.date) else str(node)


def _astral(pair: re.Match[str]) -> str:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _refused(message: str, line: int | None = None) -> StoryboardRefused:
    where = f"line {line}: " if line is not None else ""
    return StoryboardRefused(f"{where}the storyboard {message}", [error("", message, line)])
