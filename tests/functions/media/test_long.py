"""Ten minutes through every engine that streams take no more memory than ten seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import footage
from tests.servers.checkpoints import esrgan, rife
from tests.servers.checkpoints.lock import environment

MORE = 1.10
RATE = "8"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("weights")
    esrgan.build(root)
    rife.build(root)
    return environment(root)


def peak(engine: str, seconds: int, folder: Path, weights: dict[str, str]) -> int:
    clip = footage.sounding_clip(folder / f"{seconds}.mp4", seconds, "64x48", RATE)
    argv = [sys.executable, "-m", "tests.servers.streaming", engine, str(clip), str(folder / str(seconds))]
    told = subprocess.run(argv, env={**os.environ, **weights}, capture_output=True, text=True, check=True)
    return int(told.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["interpolate-flow", "upscale-esrgan", "interpolate-rife"])
def test_ten_minutes_take_no_more_memory_than_ten_seconds(tmp_path: Path, weights: dict[str, str], engine: str) -> None:
    short, long = (peak(engine, seconds, tmp_path, weights) for seconds in (10, 600))
    print(f"{engine}: {short} KiB for 10 s, {long} KiB for 600 s")
    assert long <= short * MORE
