"""Which door a step goes to."""

from dataclasses import replace

from control.doors.breaker import Breaker
from control.doors.choice import Choice, choose
from control.doors.registry import Door
from control.render.outcome import Terms

NOW = 1_800_000_000_000
X = frozenset({"x"})
NEAR = Door("near", X, network="loopback")
LAN = Door("lan", X, network="private")
RENTED = Door("rented", X, terms=Terms(price_u=700), provider="runpod:api", concurrency=2)
DEAR = Door("dear", X, terms=Terms(price_u=900), provider="runpod:api", concurrency=2)
SHUT = Breaker(3, "it gives no answer", NOW, NOW + 60_000)


def pick(*doors: Door, named: set[str] | None = None, shut: str = "", busy: dict[str, int] | None = None) -> Choice:
    breakers = {door.id: SHUT if door.id in shut.split() else Breaker() for door in doors}
    return choose(doors, "x", named, breakers, busy or {}, NOW)


def test_the_cheapest_is_taken_then_the_nearest_then_the_one_with_the_shortest_queue() -> None:
    assert pick(DEAR, RENTED, LAN, NEAR).door == NEAR
    assert pick(DEAR, RENTED, LAN).door == LAN
    assert pick(DEAR, RENTED).door == RENTED
    twin = replace(RENTED, id="twin")
    assert pick(RENTED, twin, busy={"rented": 1}).door == twin


def test_what_has_no_room_is_waited_for_or_passed_by() -> None:
    assert pick(NEAR, RENTED, busy={"near": 2}).door == RENTED
    assert pick(NEAR, busy={"near": 2}) == Choice(full=True)
    assert pick(replace(RENTED, provider_jobs=3), DEAR, busy={"rented": 2, "dear": 1}).door == DEAR
    crowded = [replace(door, provider_jobs=3) for door in (RENTED, DEAR)]
    assert pick(*crowded, busy={"rented": 2, "dear": 1}) == Choice(full=True)


def test_never_a_door_outside_the_accepted_quote() -> None:
    assert pick(NEAR, RENTED, named={"x@rented"}).door == RENTED
    assert pick(NEAR, named={"x@rented", "y@near"}) == Choice()


def test_a_closed_door_is_passed_by_where_another_is_named_and_else_said_with_its_reason() -> None:
    assert pick(NEAR, RENTED, shut="near").door == RENTED
    choice = pick(NEAR, RENTED, shut="near", named={"x@near"})
    assert choice.door is None
    assert "the door near takes no jobs until 08:01:00 UTC: it gives no answer" in choice.closed
    assert "rented would run it: render again" in choice.closed


def test_a_retired_door_gets_nothing() -> None:
    assert pick(replace(NEAR, retired=True)) == Choice()
