"""What holds for the repository as a whole."""

import re
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADDRESS = re.compile(r"--(extra-)?index-url|--find-links|\bfile:///|registry\.npmjs|\.org/simple|\"resolved\"")
"""Of a package registry, or of a folder that stands for one."""
LOCKS = [*ROOT.glob("requirements/*.txt"), *ROOT.glob("tests/servers/*/package-lock.json"), ROOT / "pyproject.toml"]


@pytest.mark.parametrize("package", ["control", "functions", "images", "local_doors", "interactions", "release"])
def test_no_other_distribution_brings_a_package_of_our_name(package: str) -> None:
    assert set(packages_distributions().get(package, ["vivijure"])) == {"vivijure"}


def test_what_ci_runs_is_a_script_that_ends_in_make_test() -> None:
    script = ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", script], check=True)
    assert script.read_text().splitlines()[-1] == "make test"
    assert script.stat().st_mode & 0o111


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_names_no_registry(lock: Path) -> None:
    assert ADDRESS.findall(lock.read_text()) == []
