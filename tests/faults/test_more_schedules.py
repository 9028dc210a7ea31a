"""Ten thousand random schedules over the real runner, ledger and service: the second half."""

import pytest

from tests.faults.lab import explore, tell

CHUNK = 1250


@pytest.mark.parametrize("begin", range(5000, 10000, CHUNK))
def test_no_schedule_breaks_a_law(begin: int) -> None:
    found = explore(range(begin, begin + CHUNK), stop="any")
    assert not found.broken, tell(*found.broken[0])
    assert found.schedules == CHUNK
