"""Ten minutes of a face take as much memory as ten seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.checkpoints.lock import environment
from tests.servers.media import ffmpeg
from tests.servers.talking import clip, portrait

RATE = 4
"""Frames a second: few, since each is worked on."""


@pytest.mark.slow
def test_memory_does_not_grow_with_length(weights: Path, tmp_path: Path) -> None:
    ten = clip(tmp_path / "10.mp4", lambda _: portrait(), 10 * RATE, str(RATE))
    long = tmp_path / "600.mp4"
    ffmpeg("-stream_loop", "59", "-i", ten, "-c", "copy", long)
    peaks = {}
    for path in (ten, long):
        argv = [sys.executable, "-m", "tests.servers.streaming", "face-restore-gfpgan", path, tmp_path / path.stem]
        environ = {**os.environ, **environment(weights)}
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
        peaks[path.stem] = int(done.stdout.splitlines()[-1])
    print(f"{peaks['10']} KiB for 10 s, {peaks['600']} KiB for 600 s")
    assert peaks["600"] < 1.1 * peaks["10"]
