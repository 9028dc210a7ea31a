"""An edited storyboard written into the person's own text: what did not change keeps its words, form and comments."""

import io
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from control.storyboard import source
from control.storyboard.models import Storyboard
from control.storyboard.text import long_form
from control.storyboard.writing import write_ids


WIDTH = 118
"""Columns after which long flow forms are broken."""


def rewrite(written: bytes | str, before: Storyboard, after: Storyboard) -> str:
    """The text, which `before` was read from, with the values of `after`. Raises `StoryboardRefused`."""
    root = source.tree(write_ids(written, before))
    _merge_map(root, long_form(before), long_form(after))
    out = io.StringIO()
    yaml = source.round_trip()
    yaml.width = WIDTH
    yaml.dump(root, out)
    return out.getvalue()


def _merge_map(node: CommentedMap, before: dict[str, Any], after: dict[str, Any]) -> None:
    for key in before:
        if key not in after and key in node:
            del node[key]
    for key, value in after.items():
        if key not in before or value != before[key]:
            node[key] = _merged(node.get(key), before.get(key), value)


def _merged(node: Any, before: Any, after: Any) -> Any:
    """The node brought from `before` to `after`, in place where it is in the long form, else replaced."""
    if isinstance(node, CommentedMap) and isinstance(before, dict) and isinstance(after, dict):
        return _kept(node, before, after)
    if isinstance(node, CommentedSeq) and isinstance(before, list) and isinstance(after, list):
        with_ids = all(isinstance(part, dict) and "id" in part for part in (*before, *after))
        return _merge_parts(node, before, after) if with_ids and len(node) == len(before) else after
    return after


def _kept(node: CommentedMap, before: dict[str, Any], after: dict[str, Any]) -> Any:
    """The map changed in place; a short form, whose keys are no field's, gives way to the long one."""
    if not set(node) <= set(before) | {"id"}:
        return after
    _merge_map(node, before, after)
    return node


def _merge_parts(node: CommentedSeq, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> CommentedSeq:
    """A list of parts with ids: each part keeps its node wherever it goes."""
    nodes = {old["id"]: (part, old) for part, old in zip(node, before, strict=True)}
    parts = []
    for value in after:
        part, old = nodes.get(value["id"], (None, None))
        parts.append(part if old == value else _merged(part, old, value))
    if [v["id"] for v in after] == [v["id"] for v in before]:
        for i, part in enumerate(parts):
            node[i] = part
        return node
    moved = CommentedSeq(parts)
    moved.fa.set_flow_style() if node.fa.flow_style() else moved.fa.set_block_style()
    return moved
