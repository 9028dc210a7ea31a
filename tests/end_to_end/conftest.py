"""The example film, rendered once."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from control.graph.model import Plan, Recipe
from control.storyboard import text
from tests.control.graph.conftest import finish
from tests.end_to_end.measure import Floats, read_wav
from tests.end_to_end.studio import ROOT, Run, vivijure

BOARD = ROOT / "examples" / "lighthouse.yaml"


@dataclass(frozen=True)
class Film:
    """A rendered film, its stems, and the command that made it."""

    path: Path
    data: Path
    run: Run

    def stem(self, name: str) -> Floats:
        """A stem, or `mix`."""
        return read_wav(self.path.with_suffix("") / "stems" / f"{name}.wav")


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """`examples/lighthouse.yaml` as the first command of the README makes it."""
    folder = tmp_path_factory.mktemp("lighthouse")
    path = folder / "lighthouse.mp4"
    run = vivijure(folder / "data", "render", BOARD, "-o", path, "--json")
    assert run.code == 0, run.err
    return Film(path, folder / "data", run)


@pytest.fixture(scope="session")
def plan() -> Plan:
    """The example's graph; line lengths are estimates, shots are as long as written."""
    return finish(text.read(BOARD.read_bytes()).board, Recipe())[0]
