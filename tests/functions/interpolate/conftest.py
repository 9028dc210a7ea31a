from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from functions.catalog import builtin
from tests.servers.checkpoints import rife
from tests.servers.finish import Finisher

torch.set_num_threads(1)
Worker = Callable[[str], Finisher]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    rife.build(root)
    return root


@pytest.fixture
def worker(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setenv("VIVIJURE_WEIGHTS", str(weights))
    monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / "weights.toml"))
    return lambda engine: Finisher(tmp_path, builtin()[engine])
