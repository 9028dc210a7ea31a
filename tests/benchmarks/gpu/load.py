"""How fast weights come from a cold disk onto the device, beside what the disk itself gives.

`python -m tests.benchmarks.gpu.load [--gb 8] [--folder /tmp] [--device cuda]` writes files of random bytes (nothing
that a disk or file system could compress), and in turn drops them from the page cache and reads them: plainly, by as
many threads as the loader has and in the same pieces, then through `load_module`. JSON; the goal is 0.8 of the rate.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from functions.models.load import CHUNK, THREADS, load_module

SIDE = 8192
"""Rows and columns of each weight: 128 MiB in bf16."""
SHARD = 16
"""Weights in a file: 2 GiB."""
ROUNDS = 3


class Model(nn.Module):
    """Weights and nothing else."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(SIDE, SIDE, bias=False) for _ in range(count))


def written(folder: Path, count: int) -> list[Path]:
    """Files that hold `count` weights of random bits, on the disk itself."""
    files = []
    for first in range(0, count, SHARD):
        path = folder / f"{first:05d}.safetensors"
        held = {}
        for number in range(first, min(first + SHARD, count)):
            bits = torch.frombuffer(bytearray(os.urandom(SIDE * SIDE * 2)), dtype=torch.int16).reshape(SIDE, SIDE)
            # The exponent's top bit cleared: no NaN, no infinity, still fifteen random bits in sixteen.
            held[f"layers.{number}.weight"] = (bits & ~0x4000).view(torch.bfloat16)
        save_file(held, path)
        files.append(path)
    os.sync()
    return files


def cold(files: list[Path]) -> None:
    """Drop the files from the page cache."""
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_plainly(files: list[Path]) -> None:
    """Read every byte into buffers that are thrown away."""
    handles = [os.open(path, os.O_RDONLY) for path in files]
    pieces = [(h, at) for h, p in zip(handles, files, strict=True) for at in range(0, p.stat().st_size, CHUNK)]
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda piece: len(os.pread(piece[0], CHUNK, piece[1])), pieces))
    finally:
        for handle in handles:
            os.close(handle)


def seconds(files: list[Path], use: Callable[[], object]) -> float:
    """Wall seconds of one use on a cold cache."""
    cold(files)
    begun = time.perf_counter()
    use()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu.load")
    parser.add_argument("--gb", type=float, default=8.0)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    count = max(1, round(asked.gb * 10**9 / (SIDE * SIDE * 2)))
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        files = written(Path(folder), count)
        nbytes = sum(path.stat().st_size for path in files)
        load_module(lambda: Model(min(count, 1)), [written_one(Path(folder))], asked.device)
        disk, load = [], []
        for _ in range(ROUNDS):
            disk.append(seconds(files, lambda: read_plainly(files)))
            load.append(seconds(files, lambda: load_module(lambda: Model(count), files, asked.device)))
    rates = {name: nbytes / statistics.median(times) / 10**9 for name, times in (("disk", disk), ("load", load))}
    print(
        json.dumps(
            {
                "device": torch.cuda.get_device_name() if asked.device == "cuda" else asked.device,
                "bytes": nbytes,
                "disk_gb_s": round(rates["disk"], 3),
                "load_gb_s": round(rates["load"], 3),
                "share": round(rates["load"] / rates["disk"], 3),
                "disk_s": [round(s, 3) for s in disk],
                "load_s": [round(s, 3) for s in load],
            }
        )
    )


def written_one(folder: Path) -> Path:
    """One weight in a file of its own, to warm up with."""
    path = folder / "warm.safetensors"
    save_file({"layers.0.weight": torch.zeros(SIDE, SIDE, dtype=torch.bfloat16)}, path)
    return path


if __name__ == "__main__":
    main()
