"""Ten minutes of a face take as much memory as ten seconds."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.servers.checkpoints.lock import environment
from tests.servers.media import ffmpeg
from tests.servers.talking import clip, portrait

RATE = 4
"""Frames a second: few, since each is worked on."""
SEEN = 10
"""Seconds of each minute in which there is a face."""


@pytest.mark.slow
def test_memory_does_not_grow_with_length(weights: Path, tmp_path: Path) -> None:
    nobody = np.full_like(portrait(), 90)
    ten = clip(tmp_path / "10.mp4", lambda _: portrait(), SEEN * RATE, str(RATE))
    minute = clip(tmp_path / "60.mp4", lambda n: portrait() if n < SEEN * RATE else nobody, 60 * RATE, str(RATE))
    long = tmp_path / "600.mp4"
    ffmpeg("-stream_loop", "9", "-i", minute, "-c", "copy", long)
    peaks = {}
    for path in (ten, long):
        folder = str(tmp_path / path.stem)
        argv = [sys.executable, "-m", "tests.servers.streaming", "face-restore-gfpgan", str(path), folder]
        environ = {**os.environ, **environment(weights)}
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
        peaks[path.stem] = int(done.stdout.splitlines()[-1])
    print(f"{peaks['10']} KiB for 10 s, {peaks['600']} KiB for 600 s")
    assert peaks["600"] < 1.1 * peaks["10"]
