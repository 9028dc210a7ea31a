"""Small replacements in a person's YAML or JSON text, by the places of its nodes; all else stays to the letter."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

_PLAIN = re.compile(r"^[a-z][a-z0-9_-]*$")
_WORDS = frozenset({"null", "true", "false"})


@dataclass(frozen=True, slots=True)
class Patch:
    """`words` instead of the characters from `start` to `end`."""

    start: int
    end: int
    words: str


def patched(written: str, patches: Iterable[Patch]) -> str:
    """The text with patches that do not overlap."""
    for patch in sorted(patches, key=lambda p: (p.start, p.end), reverse=True):
        written = written[: patch.start] + patch.words + written[patch.end :]
    return written


def end(node: Node, written: str) -> int:
    """Where the words of a part end. A block's own mark lies behind the comments after it."""
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        return end(node.value[-1][1], written)
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return end(node.value[-1], written)
    found: int = node.end_mark.index
    while written[found - 1 : found].isspace():
        found -= 1
    return found


def flow(value: Any, *, quoted: bool) -> str:
    """A JSON value on one line; `quoted` as JSON proper, else as YAML with plain words where they are safe."""
    if isinstance(value, dict):
        pairs = (f"{flow(str(k), quoted=quoted)}: {flow(v, quoted=quoted)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(v, quoted=quoted) for v in value) + "]"
    if isinstance(value, str) and not quoted and _PLAIN.match(value) and value not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
