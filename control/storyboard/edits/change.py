"""The difference between two storyboards as data: single changes at paths, that can be applied and turned round.

A storyboard is seen as nested maps of JSON values. Lists whose parts have ids, and maps whose order counts, become
maps from each id to its part and to what follows it, so that changes at different places of one list do not meet.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from control.storyboard.errors import StaleBase
from control.storyboard.minting import STEMS
from control.storyboard.models import Storyboard
from control.storyboard.scalars import Node

ORDERED = frozenset({"cast", "places", "props", "who"})
"""Maps by id whose order counts; all others are sorted."""
HEAD, NEXT = "^", "$next"
"""The place before the first part; the step that leads to what follows a part."""
Path = tuple[str, ...]
Tree = dict[str, Any]


class Change(Node):
    """What was at a path and what is there now; None stands for nothing there."""

    path: Path
    before: Any = None
    after: Any = None

    @property
    def inverse(self) -> "Change":
        """The change back."""
        return Change(path=self.path, before=self.after, after=self.before)


@dataclass(slots=True)
class Chain:
    """Parts by id, and for each (and for `HEAD`) the id that follows it, None at the end."""

    listed: bool
    parts: Tree = field(default_factory=dict)
    follows: dict[str, str | None] = field(default_factory=dict)


def tree(board: Storyboard) -> Tree:
    """The storyboard as nested maps, defaults left out; `reserved` is no part of it."""
    return _shaped(board.model_dump(mode="json", exclude_defaults=True, exclude={"reserved"}))


def values(shaped: Tree) -> Tree:
    """JSON values of the long form. Raises `StaleBase` where moves made a list that has no order any more."""
    return {key: _unshaped(value, (key,)) for key, value in shaped.items()}


def changes(before: Storyboard, after: Storyboard) -> tuple[Change, ...]:
    """All that differs, in an order in which it can be applied."""
    return tuple(_compared(tree(before), tree(after), ()))


def applied(board: Storyboard, made: Iterable[Change]) -> Tree:
    """JSON values of the board with the changes made.

    Raises `StaleBase`, with both values of every place that no longer is what the change began from.
    """
    shaped = tree(board)
    clashes = [clash for change in made if (clash := _apply(shaped, change)) is not None]
    if clashes:
        raise stale(clashes)
    return values(shaped)


def stale(clashes: Sequence[Mapping[str, Any]]) -> StaleBase:
    """The refusal that shows where both sides changed the film, and to what."""
    first = clashes[0]
    more = f" and {len(clashes) - 1} more" if len(clashes) > 1 else ""
    where = ".".join(first["path"])
    return StaleBase(
        f"{where}{more} changed meanwhile: now {first['theirs']!r}, this edit says {first['yours']!r}; "
        "look at the newest revision and decide",
        conflicts=list(clashes),
    )


def _shaped(value: Tree) -> Tree:
    return {key: _part(key, part) for key, part in value.items()}


def _part(key: str, value: Any) -> Any:
    if key in STEMS and isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return _chain([(part["id"], part) for part in value], listed=True)
    if key in ORDERED and isinstance(value, dict):
        return _chain(list(value.items()), listed=False)
    return _shaped(value) if isinstance(value, dict) else value


def _chain(items: list[tuple[str, Any]], *, listed: bool) -> Chain:
    keys = [key for key, _ in items]
    follows = dict(zip([HEAD, *keys], [*keys, None], strict=True))
    return Chain(listed, {k: _shaped(v) if isinstance(v, dict) else v for k, v in items}, follows)


def _unshaped(value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        return {k: _unshaped(v, (*path, k)) for k, v in value.items()}
    if not isinstance(value, Chain):
        return value
    order = list(_walk(value))
    if len(order) != len(value.parts) or set(order) != set(value.parts):
        raise stale([{"path": [*path, NEXT], "yours": order, "theirs": list(value.parts)}])
    parts = {k: _unshaped(value.parts[k], (*path, k)) for k in order}
    return list(parts.values()) if value.listed else parts


def _walk(chain: Chain) -> Iterator[str]:
    here = chain.follows.get(HEAD)
    for _ in range(len(chain.parts) + 1):
        if here is None:
            return
        yield here
        here = chain.follows.get(here)


def _compared(before: Any, after: Any, path: Path) -> Iterator[Change]:
    if isinstance(before, Chain) and isinstance(after, Chain):
        yield from _compared(before.parts, after.parts, path)
        for key in dict.fromkeys([*before.follows, *after.follows]):
            was, now = before.follows.get(key), after.follows.get(key)
            if was != now:
                yield Change(path=(*path, key, NEXT), before=was, after=now)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _compared(before.get(key), after.get(key), (*path, key))
    elif before != after or type(before) is not type(after):
        yield Change(path=path, before=_leaf(before), after=_leaf(after))


def _leaf(value: Any) -> Any:
    return _unshaped(value, ()) if isinstance(value, dict | Chain) else value


def _apply(shaped: Tree, change: Change) -> dict[str, Any] | None:
    """Make the change, or say how what is there differs from what it began from."""
    *way, last = change.path
    key = way.pop() if last == NEXT and way else last
    holder = _holder(shaped, way)
    chained = isinstance(holder, Chain)
    if holder is None or (last == NEXT and not chained):
        return _clash(change, None)
    if isinstance(holder, Chain) and last == NEXT:
        found, place = holder.follows.get(key), holder.follows
    else:
        place = holder.parts if isinstance(holder, Chain) else holder
        found = _leaf(place.get(key))
    if found != change.before or type(found) is not type(change.before):
        return _clash(change, found)
    if change.after is None:
        place.pop(key, None)
    else:
        place[key] = change.after if last == NEXT else _entered(key, change.after, chained)
    return None


def _entered(key: str, value: Any, chained: bool) -> Any:
    if chained:
        return _shaped(value) if isinstance(value, dict) else value
    return _part(key, value)


def _holder(shaped: Tree, way: Sequence[str]) -> Tree | Chain | None:
    here: Any = shaped
    for step in way:
        here = here.parts.get(step) if isinstance(here, Chain) else here.get(step) if isinstance(here, dict) else None
    return here if isinstance(here, dict | Chain) else None


def _clash(change: Change, found: Any) -> dict[str, Any]:
    return {"path": list(change.path), "theirs": found, "yours": change.after}
