"""Differences between films: applied they give the other film, turned round they give it back."""

import pytest
from hypothesis import HealthCheck, given, settings

from control.storyboard import text
from control.storyboard.edits.change import Change, applied, changes
from control.storyboard.errors import StaleBase
from control.storyboard.form import canonical
from control.storyboard.models import Storyboard
from tests.control.storyboard.edits.films import films

many = settings(max_examples=30, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


@many
@given(films(), films())
def test_the_difference_of_any_two_films_leads_there_and_back(one: Storyboard, other: Storyboard) -> None:
    made = changes(one, other)
    assert canonical(text.validate(applied(one, made))) == canonical(other)
    assert canonical(text.validate(applied(other, [c.inverse for c in made]))) == canonical(one)
    assert changes(one, one) == ()


def shots(order: str) -> Storyboard:
    return text.validate({"scenes": [{"id": "s", "shots": [{"id": name, "action": "x"} for name in order]}]})


def test_moves_touch_only_what_they_part_and_join() -> None:
    paths = [".".join(c.path[3:]) for c in changes(shots("abcdef"), shots("acbdef"))]
    assert sorted(paths) == ["a.$next", "b.$next", "c.$next"]
    both = [*changes(shots("abcdef"), shots("bacdef")), *changes(shots("abcdef"), shots("abcdfe"))]
    assert text.validate(applied(shots("abcdef"), both)) == shots("bacdfe")


def test_moves_that_tie_a_knot_are_refused() -> None:
    knot = [
        Change(path=("scenes", "s", "shots", "a", "$next"), before="b", after="d"),
        Change(path=("scenes", "s", "shots", "c", "$next"), before="d", after="b"),
    ]
    with pytest.raises(StaleBase, match="shots"):
        applied(shots("abcde"), knot)
