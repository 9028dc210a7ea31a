"""Ids written into a person's own text: only the parts that lack one are touched, all else stays to the letter."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from control.storyboard import source, text
from control.storyboard.errors import StoryboardRefused
from control.storyboard.minting import STEMS
from control.storyboard.models import Storyboard
from control.storyboard.patches import Patch, end, flow, patched
from control.storyboard.shorthand import is_long_line
from control.storyboard.shot import Sfx


def write_ids(written: bytes | str, board: Storyboard) -> str:
    """The text with the ids of `board`, which was read from it, in every part that states none; short forms that have
    no room for an id become long. Raises `StoryboardRefused` when the board is not that text's.
    """
    joined = source.joined(source.decode(written))
    root = source.round_trip().compose(joined)
    quoted = joined.lstrip().startswith("{")
    joined = patched(joined, _inside(root, board, joined, quoted))
    if text.read(joined).board != board:
        raise StoryboardRefused("the text and the storyboard differ; read the text again before writing ids into it")
    return joined


def _inside(node: Node, part: BaseModel, written: str, quoted: bool) -> Iterator[Patch]:
    if not isinstance(node, MappingNode):
        return
    for key, value in node.value:
        parts = getattr(part, key.value, None) if key.value in STEMS else None
        if not parts:
            continue
        if isinstance(value, SequenceNode) and len(value.value) == len(parts):
            for item, inner in zip(value.value, parts, strict=True):
                yield from _item(key.value, item, inner, written, quoted)
        elif isinstance(value, ScalarNode):
            yield _whole(key, value, parts, quoted)


def _item(kind: str, node: Node, part: BaseModel, written: str, quoted: bool) -> Iterator[Patch]:
    if not isinstance(node, MappingNode) or _is_short(kind, node):
        yield Patch(node.start_mark.index, end(node, written), _flow(part, quoted))
        return
    if not any(key.value == "id" for key, _ in node.value):
        yield _insertion(node, str(getattr(part, "id", "")), quoted)
    yield from _inside(node, part, written, quoted)


def _is_short(kind: str, node: MappingNode) -> bool:
    keys = [key.value for key, _ in node.value]
    if kind == "lines":
        return not is_long_line(dict.fromkeys(keys))
    return kind == "sfx" and len(keys) == 1 and keys[0] not in Sfx.model_fields


def _insertion(node: MappingNode, name: str, quoted: bool) -> Patch:
    at = node.start_mark.index
    if node.flow_style:
        pair = f'"id": "{name}"' if quoted else f"id: {name}"
        return Patch(at + 1, at + 1, f"{pair}, " if node.value else pair)
    return Patch(at, at, f"id: {name}\n{' ' * node.start_mark.column}")


def _whole(key: Node, value: ScalarNode, parts: Sequence[BaseModel], quoted: bool) -> Patch:
    """A list written as one text: a block becomes a block of items, anything else a list in brackets."""
    items = [_flow(part, quoted) for part in parts]
    if value.style in ("|", ">"):
        indent = "\n" + " " * (key.start_mark.column + 2) + "- "
        return Patch(value.start_mark.index, value.end_mark.index, indent.lstrip(" ") + indent.join(items) + "\n")
    return Patch(value.start_mark.index, value.end_mark.index, f"[{', '.join(items)}]")


def _flow(part: BaseModel, quoted: bool) -> str:
    """The part's long form on one line."""
    return flow(part.model_dump(mode="json", exclude_defaults=True), quoted=quoted)
