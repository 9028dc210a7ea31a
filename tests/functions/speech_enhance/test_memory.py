"""Ten minutes take as much memory as ten seconds."""

from pathlib import Path

import numpy as np
import pytest

from tests.servers.footage import Sound, write_sound
from tests.servers.peak import peak_bytes

CODE = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from functions.catalog import builtin
from functions.contract.params import SpeechEnhance
from functions.runtime.engines import Engines
from tests.servers.job import LocalJob
name, sound, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
manifest = builtin()[name]
engine = Engines(builtin(), check=lambda _: None).get(name)
job = LocalJob(folder, manifest, SpeechEnhance(strength=0, steps=2), ["line.wav"], {"line.wav": sound})
outcome = engine.run(job)
print(json.dumps({note.code: note.value for note in outcome.notes}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["speech-enhance-plain", "speech-enhance-resemble"])
def test_memory_does_not_grow_with_length(weights: Path, voice: Sound, tmp_path: Path, engine: str) -> None:
    environ = {"VIVIJURE_WEIGHTS": str(weights), "VIVIJURE_WEIGHTS_LOCK": str(weights / "weights.toml")}
    spoken = voice[48_000:-36_000]
    peaks = {}
    for seconds in (30, 600):
        sound = np.resize(spoken, seconds * 48_000)
        path = write_sound(tmp_path / f"{seconds}.wav", sound)
        peaks[seconds], told = peak_bytes(CODE, engine, path, tmp_path / f"{engine}{seconds}", environ=environ)
        assert told["speech"] > 0.9 * seconds
    assert peaks[600] < 1.1 * peaks[30]
