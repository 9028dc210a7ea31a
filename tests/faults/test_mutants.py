"""The laboratory finds every law that is broken on purpose."""

import pytest

from tests.faults.lab import explore
from tests.faults.mutants import MUTANTS

LIMIT = 10_000


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_law_is_found(name: str) -> None:
    mutant = MUTANTS[name]
    found = explore(range(LIMIT), mutant.core, stop=mutant.law)
    print(f"{name}: {mutant.law} found after {found.schedules} schedules")
    assert found.laws[mutant.law], f"{name}: not found in {found.schedules} schedules"
