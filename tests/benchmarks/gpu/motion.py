"""What the benchmarks of engines that move keyframes share: whole warm jobs beside their bare forward passes.

Architectures are of full size, weights random (bf16 or fp8, made on the device): speed and memory do not depend on
their values. What they make is noise, the worst case of an encoder, so frames of a smooth moving picture are encoded in
its place, as many and as large; decoding itself is done.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from functions.contract.manifest import EngineManifest
from functions.contract.params import Motion
from functions.models.plan import ModelSize
from functions.models.staging import Load, Model
from functions.runtime.engine import Engine
from tests.servers.job import LocalJob
from tests.servers.motion import picture

OUTPUTS = ("clip.mp4",)


class TimedJob(LocalJob):
    """Keeps when each stage was reported, in seconds."""

    times: list[tuple[str, int, float]]

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        super().progress(stage, done, total)
        self.times = [*getattr(self, "times", []), (stage, done, time.perf_counter())]


def arguments(what: str) -> argparse.Namespace:
    """The command line of every benchmark."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--tiny", action="store_true", help="small networks and pictures, on any CPU, in seconds")
    parser.add_argument("--tier", action="append", help="only this tier (may be repeated)")
    parser.add_argument("--repeat", type=int, default=5, help="warm jobs of each case")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")), help="folder for the JSON")
    return parser.parse_args()


def random_load(kind: Any, config: dict[str, Any], dtype: torch.dtype) -> Load:
    """Makes a network with random weights where it shall run."""

    def load(where: torch.device) -> nn.Module:
        usual = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            with where:
                module: nn.Module = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
        finally:
            torch.set_default_dtype(usual)
        return cast(module, dtype).eval().requires_grad_(False)

    return load


def cast(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The module in `dtype`, but what its class keeps in fp32."""
    keep = set(getattr(module, "_keep_in_fp32_modules", None) or ())
    for name, parameter in module.named_parameters():
        parameter.data = parameter.data.to(torch.float32 if keep & set(name.split(".")) else dtype)
    return module


def numel(kind: Any, config: dict[str, Any]) -> int:
    """Numbers in a network of this configuration."""
    with torch.device("meta"):
        module = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
    return sum(p.numel() for p in module.parameters())


def randomised(model: Model, kind: Any, config: dict[str, Any], dtype: torch.dtype, working: int) -> Model:
    """A model with another architecture's random weights, and what that takes of memory."""
    size = ModelSize(
        model.size.name,
        numel(kind, config) * dtype.itemsize,
        working,
        model.size.group,
        model.size.tiled_bytes,
        model.size.quantisable,
    )
    return Model(("random", model.key), size, random_load(kind, config, dtype), model.quantise, model.ready)


def synchronise() -> None:
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def footage(frames: Iterator[Tensor]) -> Iterator[Tensor]:
    """As many frames of a picture that moves smoothly, after the decoder has made its own."""
    number = 0
    for chunk in frames:
        count, rows, columns, _ = chunk.shape
        yield torch.stack([moving(number + n, rows, columns, chunk.device) for n in range(count)])
        number += count


def moving(number: int, rows: int, columns: int, where: torch.device) -> Tensor:
    """One frame of it, uint8 (rows, columns, 3)."""
    y = torch.linspace(0, 1, rows, device=where)[:, None]
    x = torch.linspace(0, 1, columns, device=where)[None]
    phase = number / 24
    waves = [torch.sin(6 * (k + 1) * x + phase) * torch.cos(5 * (k + 2) * y - phase) for k in range(3)]
    return (torch.stack(waves, dim=-1) * 100 + 128).to(torch.uint8)


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for weights and jobs."""
    with TemporaryDirectory(prefix="vivijure-benchmark-") as folder:
        yield Path(folder)


def job(folder: Path, manifest: EngineManifest, params: Motion) -> TimedJob:
    """A job with a keyframe."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "key.png"
    key.write_bytes(picture(size=(params.size.width, params.size.height)))
    return TimedJob(folder, manifest, params, OUTPUTS, {"image": key})


def measured(
    engine: Engine, make: Callable[[int], TimedJob], repeat: int, bare: Callable[[], dict[str, float]]
) -> dict[str, Any]:
    """One cold job (compilation and all), then warm ones, then the bare sum; seconds and bytes."""
    cold, _ = timed(engine, make(0))
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    runs = [timed(engine, make(number + 1)) for number in range(repeat)]
    whole = statistics.median(seconds for seconds, _ in runs)
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    alone = bare()
    total = sum(alone.values())
    return {
        "cold_s": round(cold, 3),
        "whole_s": round(whole, 3),
        "runs_s": [round(seconds, 3) for seconds, _ in runs],
        "stages_s": stages(runs[-1][1]),
        "bare_s": {name: round(seconds, 4) for name, seconds in alone.items()},
        "bare_total_s": round(total, 3),
        "overhead_percent": round(100 * (whole / total - 1), 2),
        "peak_vram_bytes": peak,
    }


def timed(engine: Engine, todo: TimedJob) -> tuple[float, TimedJob]:
    """Seconds of one job, from its picture's bytes to its clip."""
    synchronise()
    begun = time.perf_counter()
    outcome = engine.run(todo)
    synchronise()
    seconds = time.perf_counter() - begun
    todo.times = [("begun", 0, begun), *todo.times, ("written", 1, begun + seconds)]
    todo.outcome = outcome  # type: ignore[attr-defined]
    return seconds, todo


def stages(done: TimedJob) -> dict[str, float]:
    """Seconds from the first report of each stage to the first of the next."""
    firsts: dict[str, float] = {}
    for stage, _, at in done.times:
        firsts.setdefault(stage, at)
    names = list(firsts)
    return {a: round(firsts[b] - firsts[a], 3) for a, b in itertools.pairwise(names)}


def repeated(call: Callable[[], object], count: int = 5) -> float:
    """Median seconds of a call, on a device that is done with everything else."""
    found = []
    for _ in range(count):
        synchronise()
        begun = time.perf_counter()
        with torch.no_grad():
            call()
        synchronise()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def report(name: str, out: Path, results: dict[str, Any]) -> None:
    """Print and keep the figures with what they were measured on."""
    on = {"torch": torch.__version__, "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"}
    if torch.cuda.is_available():
        query = ["nvidia-smi", "--query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu", "--format=csv,noheader"]
        on["state"] = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    made = json.dumps({"benchmark": name, "on": on, "results": results}, indent=1)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(made + "\n", "utf-8")
    print(made, flush=True)
