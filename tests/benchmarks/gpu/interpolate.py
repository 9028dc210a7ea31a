"""Frame rates doubled on this machine's GPU: `python -m tests.benchmarks.gpu.interpolate [--tiny] [--repeat 5]`.

Whole warm jobs of RIFE at 1920x1080 beside the bare network (same batch), the encoder alone, and a plain loop that
makes one picture at a time in the same precision. Random weights.
"""

import os
import time
from pathlib import Path
from typing import Any

import torch

from functions.catalog import builtin
from functions.contract.base import Rate, Size
from functions.contract.params import Interpolate
from functions.interpolate.engine import InterpolationEngine
from functions.interpolate.rife import InterpolateRife
from functions.media.frames import Frames
from functions.media.source import describe
from functions.models.colour import to_rgb
from functions.runtime.engine import Engine
from tests.benchmarks.gpu import motion
from tests.benchmarks.gpu.upscale import clip, encoded, psnr
from tests.servers.checkpoints import lock, rife

FULL, TINY = Size(width=1920, height=1080), Size(width=128, height=64)


def whole(engine: Engine, folder: Path, source: Path, frames: int, repeat: int) -> tuple[float, Path]:
    """(seconds of a warm job, its clip)."""
    params, manifest = Interpolate(rate=Rate(num=48), frames=frames, tier="draft"), builtin()["interpolate-rife"]
    jobs = [
        motion.TimedJob(folder / f"job{n}", manifest, params, ["clip.mp4"], {"clip.mp4": source})
        for n in range(repeat + 1)
    ]
    seconds = [motion.timed(engine, job)[0] for job in jobs]
    return sorted(seconds[1:])[repeat // 2], jobs[-1].output("clip.mp4")


def networks(engine: InterpolateRife, source: Path, size: Size) -> dict[str, Any]:
    """Pictures a second of the network alone, in batches and one at a time, and how alike both are."""
    count = engine.batch(size)
    packed = torch.stack([torch.from_numpy(p) for p in list(Frames(describe(source)))[: count + 1]]).to(engine.where)
    left = torch.arange(count, device=engine.where)
    when = torch.full((count, 1, 1, 1), 0.5, device=engine.where)
    with torch.inference_mode():
        rgb = to_rgb(packed)
        bare = count / motion.repeated(lambda: engine.made(rgb, left, left + 1, when))
        batched = engine.made(rgb, left, left + 1, when)
        begun, single = time.perf_counter(), []
        for n in range(count):
            pair = to_rgb(packed[n : n + 2].cpu().to(engine.where))
            single.append(engine.made(pair, left[:1], left[:1] + 1, when[:1]).cpu())
    loop = count / (time.perf_counter() - begun)
    return {
        "bare_fps": round(bare, 2),
        "plain_loop_fps": round(loop, 2),
        "psnr_db": round(psnr(batched.cpu() * 255, torch.cat(single) * 255), 2),
        "batch": count,
    }


def main() -> None:
    """Measure."""
    options = motion.arguments("RIFE 4.26, 1080p, 24 to 48 frames a second")
    with motion.workplace() as folder:
        root = folder / "weights"
        rife.build(root)
        os.environ.update(lock.environment(root))
        size, count = (TINY, 24) if options.tiny else (FULL, 192)
        source = clip(folder / "in.mp4", size, count)
        engine = InterpolateRife(builtin()["interpolate-rife"])
        assert isinstance(engine, InterpolationEngine)
        seconds, made = whole(engine, folder, source, 2 * count - 1, options.repeat)
        found = networks(engine, source, size)
        encoder = encoded(made, folder / "alone.mp4", size, "draft")
        results = {"whole_fps": round((2 * count - 1) / seconds, 2), "encoder_fps": round(encoder, 2), **found}
        motion.report("interpolate", options.out, results)


if __name__ == "__main__":
    main()
