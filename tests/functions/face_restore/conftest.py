"""Workers with small networks in the place of GFPGAN, and clips of a real face."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from functions.catalog import builtin
from tests.servers.checkpoints import gfpgan
from tests.servers.finish import Finisher
from tests.servers.footage import tone, write_sound
from tests.servers.talking import clip, portrait

torch.set_num_threads(1)
Make = Callable[..., Finisher]
FRAMES = 10


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every set of the engine; a compact network that tints."""
    root = tmp_path_factory.mktemp("weights")
    gfpgan.build(root, gfpgan.compact())
    return root


@pytest.fixture
def worker(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a worker with the engine."""

    def make(root: Path = weights, **changes: Any) -> Finisher:
        monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
        monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(root / "weights.toml"))
        return Finisher(tmp_path, builtin()["face-restore-gfpgan"].model_copy(update=changes))

    return make


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A still face with sound."""
    folder = tmp_path_factory.mktemp("still")
    sound = write_sound(folder / "sound.wav", tone(FRAMES / 25, 440, 0.2))
    return clip(folder / "clip.mp4", lambda _: portrait(), FRAMES, "25", "-i", sound)
