"""The canonical form of a storyboard: the bytes that tell whether two are the same."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from control.storyboard.models import Storyboard
from functions.contract import canonical as contract


def plain(value: object) -> Any:
    """JSON values of a part of a storyboard. Fields at their default are left out; a map becomes a list of pairs,
    because its order is kept and canonical JSON would sort it.
    """
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        held = {name: getattr(value, name) for name in fields}
        return {name: plain(v) for name, v in held.items() if fields[name].is_required() or v != fields[name].default}
    if isinstance(value, Mapping):
        return [[key, plain(v)] for key, v in value.items()]
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    return value


def canonical(board: Storyboard) -> bytes:
    """RFC 8785 canonical JSON of what the film is. `reserved` is bookkeeping and not part of it."""
    return contract.canonical(plain(board.model_copy(update={"reserved": ()})))
