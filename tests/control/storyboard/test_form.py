"""The canonical form tells films apart, and the long form keeps all of it."""

from hypothesis import HealthCheck, given, settings

from control.storyboard import text
from control.storyboard.form import canonical
from control.storyboard.minting import mint_ids
from control.storyboard.models import Storyboard
from control.storyboard.shorthand import expand
from control.storyboard.source import load
from tests.control.storyboard.strategies import boards

many = settings(max_examples=40, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


@many
@given(boards())
def test_dumped_and_read_is_the_same(board: Storyboard) -> None:
    again = text.validate(mint_ids(expand(load(text.dump(board)).value)))
    assert again == board
    assert canonical(again) == canonical(board)
    assert Storyboard.model_validate_json(board.model_dump_json()) == board


def test_the_order_of_the_cast_counts(lighthouse: Storyboard) -> None:
    turned = lighthouse.model_copy(update={"cast": dict(reversed(lighthouse.cast.items()))})
    assert canonical(turned) != canonical(lighthouse)


def test_reserved_ids_are_bookkeeping(lighthouse: Storyboard) -> None:
    assert canonical(lighthouse.model_copy(update={"reserved": ("gone",)})) == canonical(lighthouse)
