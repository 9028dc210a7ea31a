"""Tiny weights of the CogVideoX engine, built once, and workers that hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from functions.contract.base import Size
from functions.contract.manifest import DurationGrid
from functions.motion_cogvideox import recipes
from tests.servers.checkpoints import cogvideox
from tests.servers.checkpoints.lock import environment
from tests.servers.motion import Bench, small

SIZE = Size(width=cogvideox.COLUMNS, height=cogvideox.ROWS)
Worker = Callable[..., Bench]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every set of this engine."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("weights")
    cogvideox.i2v(root / recipes.WEIGHTS)
    environment(root)
    return root


@pytest.fixture
def worker(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Makes a worker with the engine, its manifest changed as told."""

    def make(**changes: Any) -> Bench:
        monkeypatch.setenv("VIVIJURE_WEIGHTS", str(weights))
        monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / "weights.toml"))
        grid = DurationGrid(base=9, step=1, shortest=9, longest=9)
        return Bench(tmp_path, small("motion-cogvideox", SIZE, **{"durations": grid, **changes}))

    return make
