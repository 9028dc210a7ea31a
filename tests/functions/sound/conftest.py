from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from functions.catalog import builtin
from functions.contract.params import Score, Sound
from functions.runtime.engine import Outcome
from functions.sound.engine import SoundSynth
from tests.servers.job import LocalJob
from tests.servers.wav import read_wav24

Stereo = npt.NDArray[np.float64]
Make = Callable[..., tuple[Outcome, Stereo]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Have the engine make a prompt: outcome and stereo samples."""
    engine = SoundSynth(builtin()["sound-synth"])

    def made(
        prompt: str, role: Literal["hit", "bed", "score"] = "hit", samples: int = 3 * 48_000, seed: int = 5
    ) -> tuple[Outcome, Stereo]:
        name = "music.wav" if role == "score" else "sound.wav"
        wanted = (
            Score(prompt=prompt, samples=samples, seed=seed)
            if role == "score"
            else Sound(prompt=prompt, role=role, samples=samples, seed=seed)
        )
        job = LocalJob(tmp_path, engine.manifest, wanted, [name])
        outcome = engine.run(job)
        return outcome, read_wav24(job.output(name))

    return made
