"""An edited storyboard written into the person's own text: only what changed is written anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from control.storyboard import source, text
from control.storyboard.errors import StoryboardRefused
from control.storyboard.models import Storyboard
from control.storyboard.patches import Patch, end, flow, patched
from control.storyboard.writing import write_ids

Values = dict[str, Any]


def rewrite(written: bytes | str, before: Storyboard, after: Storyboard) -> str:
    """The text, which `before` was read from, with the values of `after`; comments and untouched parts keep their form.

    Where the text is so unusual that patching it would not give `after`, it is written anew in the long form.
    Raises `StoryboardRefused`.
    """
    joined = write_ids(written, before)
    root = source.round_trip().compose(joined)
    patcher = _Patcher(joined, quoted=joined.lstrip().startswith("{"))
    found = patched(joined, patcher.mapping(root, text.long_form(before), text.long_form(after)))
    return found if _reads_as(found, after) else text.dump(after)


def _reads_as(written: str, board: Storyboard) -> bool:
    try:
        return text.read(written).board == board
    except StoryboardRefused:
        return False


def _long_map(node: Node, value: Any) -> TypeGuard[MappingNode]:
    """Whether the node is a map in the long form: every key names a field."""
    return isinstance(node, MappingNode) and isinstance(value, dict) and {k.value for k, _ in node.value} <= set(value)


def _long_list(node: Node, value: Any) -> TypeGuard[SequenceNode]:
    return (
        isinstance(node, SequenceNode)
        and isinstance(value, list)
        and len(node.value) == len(value)
        and _with_ids(value)
    )


def _with_ids(values: list[Any]) -> bool:
    return all(isinstance(v, dict) and "id" in v for v in values)


@dataclass(frozen=True)
class _Patcher:
    """Finds the patches that bring nodes of `written` from one value to another."""

    written: str
    quoted: bool

    def mapping(self, node: MappingNode, before: Values, after: Values) -> Iterator[Patch]:
        """Keys that changed, went and came."""
        pairs = list(node.value)
        kept = [(k, v) for k, v in pairs if k.value in after or k.value not in before]
        if len(kept) < len(pairs) and not (node.flow_style or self._clear(node, pairs)):
            yield self._anew(node, after)
            return
        for key, value in kept:
            name = key.value
            if name in after and after[name] != before.get(name):
                yield from self.value(value, before.get(name), after[name])
        yield from self._removed(node, pairs, {k.value for k, _ in kept})
        new = [name for name in after if name not in {k.value for k, _ in pairs} and after[name] != before.get(name)]
        yield from self._added(node, kept, {name: after[name] for name in new})

    def value(self, node: Node, before: Any, after: Any) -> Iterator[Patch]:
        """One value, whatever it is."""
        if _long_map(node, before) and isinstance(after, dict):
            yield from self.mapping(node, before, after)
        elif _long_list(node, before) and isinstance(after, list) and _with_ids(after):
            yield from self._parts(node, before, after)
        else:
            yield self._anew(node, after)

    def _parts(self, node: SequenceNode, before: list[Values], after: list[Values]) -> Iterator[Patch]:
        """A list of parts with ids: patched in place, or set out again from the parts' own words."""
        if [v["id"] for v in before] == [v["id"] for v in after]:
            for item, old, new in zip(node.value, before, after, strict=True):
                if old != new:
                    yield from self.value(item, old, new)
            return
        own = {old["id"]: (item, old) for item, old in zip(node.value, before, strict=True)}
        words = [self._words(own.get(new["id"]), new) for new in after]
        start = node.start_mark.index
        if node.flow_style or not words:
            yield Patch(start, end(node, self.written), "[" + ", ".join(words) + "]")
            return
        yield Patch(start, end(node, self.written), ("\n" + " " * node.start_mark.column).join(f"- {w}" for w in words))

    def _words(self, own: tuple[Node, Values] | None, new: Values) -> str:
        """The words of one part of a list, its own where it has not changed."""
        if own is None:
            return flow(new, quoted=self.quoted)
        item, old = own
        first = item.start_mark.index
        text_ = self.written[first : end(item, self.written)]
        if old == new:
            return text_
        moved = [Patch(p.start - first, p.end - first, p.words) for p in self.value(item, old, new)]
        return patched(text_, moved)

    def _anew(self, node: Node, value: Any) -> Patch:
        tail = "\n" if getattr(node, "style", None) in ("|", ">") else ""
        stop = node.end_mark.index if tail else end(node, self.written)
        return Patch(node.start_mark.index, stop, flow(value, quoted=self.quoted) + tail)

    def _clear(self, node: MappingNode, pairs: list[tuple[Node, Node]]) -> bool:
        """Whether every key of a block begins its own line, so that lines can be taken out."""
        starts = [k.start_mark.index for k, _ in pairs]
        return all(not self.written[self.written.rfind("\n", 0, s) + 1 : s].strip() for s in starts)

    def _removed(self, node: MappingNode, pairs: list[tuple[Node, Node]], kept: set[str]) -> Iterator[Patch]:
        for i, (key, value) in enumerate(pairs):
            if key.value in kept:
                continue
            start, stop = key.start_mark.index, end(value, self.written)
            if not node.flow_style:
                line = self.written.find("\n", stop)
                yield Patch(self.written.rfind("\n", 0, start) + 1, len(self.written) if line < 0 else line + 1, "")
            elif i + 1 < len(pairs):
                yield Patch(start, pairs[i + 1][0].start_mark.index, "")
            else:
                before = end(pairs[i - 1][1], self.written) if i and pairs[i - 1][0].value in kept else start
                yield Patch(before, stop, "")

    def _added(self, node: MappingNode, kept: list[tuple[Node, Node]], new: Values) -> Iterator[Patch]:
        if not new:
            return
        pairs = [f"{flow(k, quoted=self.quoted)}: {flow(v, quoted=self.quoted)}" for k, v in new.items()]
        at = end(kept[-1][1], self.written) if kept else node.start_mark.index + 1
        if node.flow_style:
            yield Patch(at, at, (", " if kept else "") + ", ".join(pairs))
            return
        joint = "\n" + " " * kept[0][0].start_mark.column if kept else " "
        yield Patch(at, at, "".join(joint + pair for pair in pairs))
