"""Tiny weights of the LTX engine, built once, and workers that hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from functions.contract.base import Size
from functions.motion_ltx import recipes
from tests.servers.checkpoints import ltx
from tests.servers.checkpoints.lock import environment
from tests.servers.motion import Bench, small

Worker = Callable[..., Bench]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every set of this engine."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("weights")
    ltx.single_file(root / "ltxv-2b-0.9.8-distilled")
    ltx.diffusers_folder(root / "ltxv-13b-0.9.8-distilled")
    ltx.upsampler(root / recipes.UPSAMPLER)
    ltx.text_encoder(root / recipes.TEXT_ENCODER)
    environment(root)
    return root


@pytest.fixture
def worker(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Makes a worker with the engine, its manifest changed as told."""

    def make(**changes: Any) -> Bench:
        monkeypatch.setenv("VIVIJURE_WEIGHTS", str(weights))
        monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / "weights.toml"))
        return Bench(tmp_path, small("motion-ltx", **{"size": Size(width=96, height=64), **changes}))

    return make
