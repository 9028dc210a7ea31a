"""A storyboard written as a script and read back is the same storyboard."""

from hypothesis import HealthCheck, given, settings

from control.storyboard.form import canonical
from control.storyboard.fountain import export_fountain, import_fountain
from control.storyboard.models import Storyboard
from tests.control.storyboard.strategies import boards


@given(boards())
@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
def test_import_of_export_is_the_same_board(board: Storyboard) -> None:
    read = import_fountain(export_fountain(board)).board
    assert read == board
    assert canonical(read) == canonical(board)
