"""Outlines of bodies, hair and hats from their table."""

from typing import Any

from functions.animatic.scene import table


def outline_of(*path: str) -> list[list[float]]:
    """An outline of outlines.toml; a view that is not drawn falls back on the short cut or the front."""
    found: Any = table("outlines.toml")
    for name in path[:-1]:
        found = found[name]
    if path[-1] not in found:
        found = table("outlines.toml")["hair"]["short"] if path[0] == "hair" else found
    chosen: list[list[float]] = found.get(path[-1], found.get("front"))
    return chosen
