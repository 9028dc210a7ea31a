"""Ten minutes take as much memory as ten seconds."""

from pathlib import Path

import pytest

from tests.servers.footage import tone, write_sound
from tests.servers.media import ffmpeg
from tests.servers.peak import peak_bytes
from tests.servers.talking import clip, portrait, syllables

CODE = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from functions.catalog import builtin
from functions.contract.params import LipLine, Lipsync
from functions.runtime.engines import Engines
from tests.servers.job import LocalJob
clip, line, folder = map(Path, sys.argv[1:4])
start = int(sys.argv[4])
manifest = builtin()["lipsync-musetalk"]
engine = Engines(builtin(), check=lambda _: None).get("lipsync-musetalk")
params = Lipsync(lines=(LipLine(input="line", figure="mara", start=start),), tier="draft")
job = LocalJob(folder, manifest, params, ["clip.mp4"], {"clip.mp4": clip, "line": line})
outcome = engine.run(job)
print(json.dumps({note.code: note.value for note in outcome.notes}))
"""
RATE = 8
"""Frames a second: few, since each of the last ten seconds is worked on."""


@pytest.mark.slow
def test_memory_does_not_grow_with_length(weights: Path, tmp_path: Path) -> None:
    environ = {"VIVIJURE_WEIGHTS": str(weights), "VIVIJURE_WEIGHTS_LOCK": str(weights / "weights.toml")}
    ten = clip(tmp_path / "10.mp4", lambda _: portrait(), 10 * RATE, str(RATE))
    long = tmp_path / "600.mp4"
    ffmpeg("-stream_loop", "59", "-i", ten, "-c", "copy", long)
    line = write_sound(tmp_path / "line.wav", tone(10, 180, 0.3) * syllables(10))
    peaks = {}
    for seconds, path in ((10, ten), (600, long)):
        start = str((seconds - 10) * 48_000)
        peaks[seconds], told = peak_bytes(CODE, path, line, tmp_path / f"job{seconds}", start, environ=environ)
        assert "mouth_sharpness" in told
    assert peaks[600] < 1.1 * peaks[10]
