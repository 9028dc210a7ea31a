"""Which door makes a step: of those that the accepted quote names, the cheapest that is open and has room. Pure."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from control.doors.breaker import Breaker
from control.doors.network import Network

if TYPE_CHECKING:
    from control.doors.registry import Door

NEAR: Mapping[Network, int] = {"loopback": 0, "private": 1, "public": 2}


@dataclass(frozen=True, slots=True)
class Choice:
    """`door` to submit to now. Without one: `full` where room is waited for, `closed` says why no door is open, neither
    where no door that may be used runs the engine.
    """

    door: "Door | None" = None
    full: bool = False
    closed: str = ""

    @property
    def nowhere(self) -> bool:
        """No door that may be used runs it."""
        return self.door is None and not self.full and not self.closed


def candidates(doors: Iterable["Door"], engine: str, named: Container[str] | None) -> list["Door"]:
    """Doors that run the engine and may be used, as the quote names them: ENGINE@DOOR."""
    found = [door for door in doors if engine in door.engines and not door.retired]
    return [door for door in found if named is None or f"{engine}@{door.id}" in named]


def choose(
    doors: Iterable["Door"],
    engine: str,
    named: Container[str] | None,
    breakers: Mapping[str, Breaker],
    busy: Mapping[str, int],
    now: int,
) -> Choice:
    """`busy` counts live jobs by door."""
    everywhere = list(doors)
    found = candidates(everywhere, engine, named)
    if not found:
        return Choice()
    ready = [door for door in found if breakers[door.id].allows(now)]
    if not ready:
        others = [d.id for d in candidates(everywhere, engine, None) if d not in found and breakers[d.id].allows(now)]
        return Choice(closed=_why_closed(found, breakers, others))
    roomy = [door for door in ready if _has_room(door, everywhere, busy)]
    if not roomy:
        return Choice(full=True)
    return Choice(min(roomy, key=lambda d: (d.terms.price_u, NEAR[d.network], busy.get(d.id, 0) / d.capacity)))


def _has_room(door: "Door", doors: Iterable["Door"], busy: Mapping[str, int]) -> bool:
    if busy.get(door.id, 0) >= door.capacity:
        return False
    if not door.provider:
        return True
    return sum(busy.get(d.id, 0) for d in doors if d.provider == door.provider) < door.provider_jobs


def _why_closed(found: Iterable["Door"], breakers: Mapping[str, Breaker], others: list[str]) -> str:
    said = "; ".join(closed(door.id, breakers[door.id]) for door in found)
    if others:
        said += f". {', '.join(others)} would run it: render again for a quote that names it"
    return said


def closed(door_id: str, breaker: Breaker) -> str:
    """A closed door in words: until when it is not tried, and why."""
    until = datetime.fromtimestamp(breaker.until / 1000, UTC)
    return f"the door {door_id} takes no jobs until {until:%H:%M:%S} UTC: {breaker.reason}"
