"""Statements with named parameters, written as D1 takes them: numbered ones, whose numbers keep their type."""

import functools
import re
from collections.abc import Mapping

from control.db import Value
from control.errors import DatabaseError, DatabaseRefused

PARAMETERS = 100
STATEMENT_BYTES = 100_000
VALUE_BYTES = 2_000_000
"""D1's limits of a statement: its bound parameters, its text, and one value
(https://developers.cloudflare.com/d1/platform/limits/).
"""
EXACT = 2**53
"""The largest integer up to which a double carries every one exactly."""
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|:([A-Za-z_]\w*)", re.DOTALL)


def numbered(sql: str, params: Mapping[str, Value]) -> tuple[str, list[Value]]:
    """The statement with `?1`, `?2`, ... and its values in that order.

    An integer becomes `CAST(?n AS INTEGER)`: D1 binds every number as a double, which would be seen wherever no
    column gives a type, such as in `json_object` and `||`. Raises `DatabaseError` for a missing value,
    `DatabaseRefused` beyond D1's limits.
    """
    integers = frozenset(name for name, value in params.items() if isinstance(value, int))
    text, names = _rewritten(sql, integers)
    try:
        values = [_checked(name, params[name]) for name in names]
    except KeyError as error:
        raise DatabaseError(f"a statement wants the parameter {error.args[0]!r}, which it was not given") from None
    if len(values) > PARAMETERS:
        raise DatabaseRefused(f"a statement has {len(values)} parameters; D1 takes {PARAMETERS}")
    return text, values


@functools.lru_cache(maxsize=1024)
def _rewritten(sql: str, integers: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    names: list[str] = []

    def write(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        if name not in names:
            names.append(name)
        slot = f"?{names.index(name) + 1}"
        return f"CAST({slot} AS INTEGER)" if name in integers else slot

    text = _TOKEN.sub(write, sql)
    if len(text.encode()) > STATEMENT_BYTES:
        raise DatabaseRefused(f"a statement is longer than the {STATEMENT_BYTES} bytes that D1 takes")
    return text, tuple(names)


def _checked(name: str, value: Value) -> Value:
    if isinstance(value, int):
        if abs(value) > EXACT:
            raise DatabaseRefused(f"the parameter {name!r} is {value}, beyond what D1 keeps exactly")
        return int(value)
    if isinstance(value, str) and len(value) * 4 > VALUE_BYTES and len(value.encode()) > VALUE_BYTES:
        raise DatabaseRefused(f"the parameter {name!r} is longer than the {VALUE_BYTES} bytes that D1 takes")
    return value
