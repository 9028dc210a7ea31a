"""Ten thousand random schedules over the real runner, ledger and service."""

import pytest

from tests.faults.lab import explore, tell

SCHEDULES = 10_000
CHUNKS = 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_schedule_breaks_a_law(chunk: int) -> None:
    size = SCHEDULES // CHUNKS
    found = explore(range(chunk * size, (chunk + 1) * size), stop="any")
    assert not found.broken, tell(*found.broken[0])
    assert found.schedules == size
