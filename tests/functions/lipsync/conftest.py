"""Tiny weights of MuseTalk, and workers that hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from functions.catalog import builtin
from tests.servers.bench import Worker
from tests.servers.checkpoints import musetalk
from tests.servers.checkpoints.lock import environment

Make = Callable[..., Worker]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every set of this engine."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("weights")
    musetalk.weights(root)
    environment(root)
    return root


@pytest.fixture
def worker(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a worker with the engine."""

    def make(root: Path = weights, **changes: Any) -> Worker:
        monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
        monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(root / "weights.toml"))
        manifest = builtin()["lipsync-musetalk"].model_copy(update=changes)
        return Worker(tmp_path / "worker", manifest, {"clip.mp4": "video/mp4"})

    return make
