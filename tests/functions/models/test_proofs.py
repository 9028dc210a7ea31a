"""Every picture engine has every proof that docs/models.md lists for it, under the name that it lists."""

import re
from pathlib import Path

import pytest

from functions.catalog import builtin

PAGE = Path("docs/models.md")
PROOFS = ("whole jobs", "timesteps", "golden outputs", "single forwards", "mutants", "cancel", "out of memory")
PICTURES = {"keyframe", "motion", "train_lora"}
DRAWN = {"animatic"}
"""Without a model of weights."""


def table() -> dict[str, dict[str, str]]:
    """Engine -> proof -> `file::test`, as the page says."""
    text = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z ]+) \| `(tests/[^`]+)` \|$", text, re.MULTILINE)
    found: dict[str, dict[str, str]] = {}
    for engine, proof, where in rows:
        found.setdefault(engine, {})[proof] = where
    return found


def engines() -> list[str]:
    """Picture engines that run a model here."""
    runs = [m for m in builtin().engines.values() if m.entry and PICTURES.intersection(m.kinds)]
    return sorted(m.name for m in runs if m.name not in DRAWN)


@pytest.mark.parametrize("engine", engines())
def test_an_engine_has_every_proof(engine: str) -> None:
    proofs = table().get(engine, {})
    assert set(proofs) == set(PROOFS)
    for where in proofs.values():
        path, _, name = where.partition("::")
        assert f"\ndef {name}(" in Path(path).read_text("utf-8"), where
