"""Tiny weights of the Wan engines, built once, and workers that hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.servers.checkpoints import wan
from tests.servers.checkpoints.lock import environment
from tests.servers.motion import Bench, small

Worker = Callable[..., Bench]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every set of these engines."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("weights")
    wan.a14b(root / "wan2.2-i2v-a14b")
    wan.ti2v(root / "wan2.2-ti2v-5b")
    wan.distilled(root / "wan2.2-distill-loras")
    environment(root)
    return root


@pytest.fixture
def worker(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Makes a worker with an engine, its manifest changed as told."""

    def make(engine: str = "motion-wan", **changes: Any) -> Bench:
        monkeypatch.setenv("VIVIJURE_WEIGHTS", str(weights))
        monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / "weights.toml"))
        return Bench(tmp_path, small(engine, **changes))

    return make
