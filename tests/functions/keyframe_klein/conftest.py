"""Tiny weights of the FLUX.2 klein engine, built once, and a worker that holds them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.servers.checkpoints import klein
from tests.servers.checkpoints.lock import NAME, environment
from tests.servers.keyframes import Desk, faces

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this engine's set, and its lock."""
    root = tmp_path_factory.mktemp("klein")
    klein.build(root)
    faces(root)
    environment(root)
    return root


@pytest.fixture(scope="session")
def desk(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A worker for all tests, as a warm one is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIVIJURE_WEIGHTS", str(weights))
        patch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / NAME))
        yield Desk(tmp_path_factory.mktemp("desk"), "keyframe-klein")
