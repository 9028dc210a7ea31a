"""A real voice, sounds made of it, and workers of both engines over tiny weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from functions.catalog import builtin
from functions.contract.params import Dialogue as Line
from functions.dialogue.engine import Dialogue
from tests.servers.bench import Worker
from tests.servers.checkpoints import resemble
from tests.servers.checkpoints.lock import environment
from tests.servers.footage import Sound, noise, write_sound
from tests.servers.job import LocalJob
from tests.servers.wav import read_wav24

Make = Callable[..., Worker]
OUTPUTS = {"line.wav": "audio/wav"}
TEXT = "They said a hundred steps."


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the set."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("weights")
    resemble.weights(root)
    environment(root)
    return root


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A spoken line, mono at 48 kHz, with a second of silence around it."""
    job = LocalJob(tmp_path_factory.mktemp("voice"), builtin()["voice-piper"], Line(text=TEXT, seed=7), ["line.wav"])
    Dialogue(builtin()["voice-piper"]).run(job)
    return np.pad(read_wav24(job.output("line.wav"))[:, 0], 48_000)


@pytest.fixture(scope="session")
def noisy(voice: Sound, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The line in steady noise."""
    heard = voice + noise(len(voice) / 48_000, 0.004, channels=1)[: len(voice), 0]
    return write_sound(tmp_path_factory.mktemp("noisy") / "line.wav", heard)


@pytest.fixture
def restore(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a worker with the network."""

    def make(root: Path = weights, **changes: Any) -> Worker:
        monkeypatch.setenv("VIVIJURE_WEIGHTS", str(root))
        monkeypatch.setenv("VIVIJURE_WEIGHTS_LOCK", str(root / "weights.toml"))
        manifest = builtin()["speech-enhance-resemble"].model_copy(update=changes)
        return Worker(tmp_path / "restore", manifest, OUTPUTS)

    return make


@pytest.fixture
def filters(tmp_path: Path) -> Worker:
    """A worker with the filters."""
    return Worker(tmp_path / "filters", builtin()["speech-enhance-plain"], OUTPUTS)
