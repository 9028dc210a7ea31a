"""What the benchmarks of engines that move keyframes share: whole warm jobs beside their bare forward passes.

Architectures are of full size, weights random (bf16 or fp8, made on the device): speed and memory do not depend on
their values. What they make is noise, the worst case of an encoder, so frames of a smooth moving picture are encoded in
its place, as many and as large; decoding itself is done.
"""

import argparse
import functools
import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn

from functions.contract.errors import Cancelled
from functions.contract.manifest import EngineManifest
from functions.contract.params import Motion
from functions.models.graphs import FIRST
from functions.models.load import kept
from functions.models.staging import Load, Model
from functions.runtime.engine import Engine
from tests.servers.job import LocalJob
from tests.servers.motion import picture

OUTPUTS = ("clip.mp4",)
BLOCK = 1 << 20
WARM = FIRST + 1
"""Calls that compile, choose algorithms and record a graph."""
CANCELS = 2
"""Cancelled jobs of a case."""


class TimedJob(LocalJob):
    """Keeps when each stage was reported, in seconds."""

    times: list[tuple[str, int, float]]
    cancelled: threading.Event | None = None

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        super().progress(stage, done, total)
        if self.cancelled is not None and self.cancelled.is_set():
            raise Cancelled("for the benchmark")
        self.times = [*getattr(self, "times", []), (stage, done, time.perf_counter())]


def arguments(what: str) -> argparse.Namespace:
    """The command line of every benchmark."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--tiny", action="store_true", help="small networks and pictures, on any CPU, in seconds")
    parser.add_argument("--tier", action="append", help="only this tier (may be repeated)")
    parser.add_argument("--repeat", type=int, default=5, help="warm jobs of each case")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")), help="folder for the JSON")
    return parser.parse_args()


def random_load(kind: Any, config: Any, dtype: torch.dtype) -> Load:
    """Makes a network with random weights where it shall run, in the numbers and formats of a loaded one."""

    def load(where: torch.device) -> nn.Module:
        with init_empty_weights(include_buffers=False):
            module: nn.Module = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
        keep = set(kept(module, dtype))
        for name, parameter in list(module.named_parameters()):
            own_dtype = torch.float32 if keep & set(name.split(".")) else dtype
            owner, _, own = name.rpartition(".")
            values = filled(parameter.shape, own, where).to(own_dtype)
            setattr(module.get_submodule(owner), own, nn.Parameter(values, requires_grad=False))
        if (tie := getattr(module, "tie_weights", None)) is not None:
            tie()
        return module.to(where).eval()

    return load


def filled(shape: torch.Size, own: str, where: torch.device) -> Tensor:
    """Random weights of about the size that trained ones have; on a CPU one block of them again and again."""
    if own in ("gamma", "weight") and shape.numel() == shape[0]:
        return torch.ones(shape, device=where)
    spread = 1.0 if len(shape) < 2 else shape[1:].numel() ** -0.5
    if where.type != "cpu":
        return torch.randn(shape, device=where) * min(0.02, spread)
    block = torch.randn(min(BLOCK, shape.numel())) * min(0.02, spread)
    return block.repeat(-(-shape.numel() // len(block)))[: shape.numel()].view(shape)


def configure(folder: Path, config: dict[str, Any]) -> None:
    """Say in a tiny network's folder what one of full size is: plans are made from that."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **config}), "utf-8")


def numel(kind: Any, config: Any) -> int:
    """Numbers in a network of this configuration."""
    with torch.device("meta"):
        module = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
    return sum(p.numel() for p in module.parameters())


_NUMEL: dict[str, int] = {}


def randomised(model: Model, kind: Any, config: Any, dtype: torch.dtype) -> Model:
    """A model with another architecture's random weights."""
    named = f"{kind}{config}"
    if named not in _NUMEL:
        _NUMEL[named] = numel(kind, config)
    size = replace(model.size, bytes=_NUMEL[named] * dtype.itemsize)
    return replace(model, key=("random", model.key), size=size, load=random_load(kind, config, dtype))


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


@functools.cache
def moving(number: int, rows: int, columns: int, where: torch.device) -> Tensor:
    """One frame of it, uint8 (rows, columns, 3); kept, so that a warm job does not wait for it."""
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
    begins, lasts = denoising(runs[-1][1])
    moments = [begins + lasts * (n + 0.5) / (4 * CANCELS) for n in range(CANCELS)]
    latencies = [cancelled(engine, make(repeat + 1 + n), moment) for n, moment in enumerate(moments)]
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
        "cancel_s": [round(seconds, 3) for seconds in latencies],
        "peak_vram_bytes": peak,
    }


def denoising(done: TimedJob) -> tuple[float, float]:
    """When the steps of a job began, and how long they took, in seconds."""
    begun = done.times[0][2]
    at = [when for stage, _, when in done.times if stage == "denoise"]
    return at[0] - begun, at[-1] - at[0]


def cancelled(engine: Engine, todo: TimedJob, after: float) -> float:
    """Seconds from a cancel, so many seconds after a job began, to its end; a job that ended before gives 0."""
    todo.cancelled, asked = threading.Event(), []

    def cancel() -> None:
        asked.append(time.perf_counter())
        todo.cancelled.set()  # type: ignore[union-attr]

    timer = threading.Timer(after, cancel)
    timer.start()
    try:
        engine.run(todo)
    except Cancelled:
        synchronise()
        return time.perf_counter() - asked[0]
    finally:
        timer.cancel()
    return 0.0


def timed(engine: Engine, todo: TimedJob) -> tuple[float, TimedJob]:
    """Seconds of one job, from its picture's bytes to its clip; told on standard error, since benchmarks take long."""
    synchronise()
    begun = time.perf_counter()
    outcome = engine.run(todo)
    synchronise()
    seconds = time.perf_counter() - begun
    todo.times = [("begun", 0, begun), *todo.times, ("written", 1, begun + seconds)]
    todo.outcome = outcome  # type: ignore[attr-defined]
    print(f"{todo.manifest.name}: {seconds:.3f} s {stages(todo)}", file=sys.stderr, flush=True)
    return seconds, todo


def stages(done: TimedJob) -> dict[str, float]:
    """Seconds from the first report of each stage to the first of the next."""
    firsts: dict[str, float] = {}
    for stage, _, at in done.times:
        firsts.setdefault(stage, at)
    names = list(firsts)
    return {a: round(firsts[b] - firsts[a], 3) for a, b in itertools.pairwise(names)}


def repeated(call: Callable[[], object], count: int = 5) -> float:
    """Median seconds of a call, on a device that is done with everything else, after what only first calls need."""
    found = []
    for number in range(WARM + count):
        synchronise()
        begun = time.perf_counter()
        with torch.no_grad():
            call()
        synchronise()
        if number >= WARM:
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
