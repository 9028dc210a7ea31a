"""Frame rates doubled on this machine's GPU: `python -m tests.benchmarks.gpu.interpolate [--tiny] [--repeat 5]`.

Whole warm jobs of RIFE at 1920x1080 beside the bare network (same batch), the encoder alone, and the plain published
loop over the same clip, from file to file, in the single precision that its script takes and with its `--fp16`. Raw
frames of both are compared where neither pads. Random weights.
"""

import copy
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
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
from tests.benchmarks.gpu.upscale import clip, encoded
from tests.servers.checkpoints import lock, rife
from tests.servers.upstream.parity import psnr
from tests.servers.upstream.rife import MULTIPLE, Loop

SPEED = 3
"""Fast enough that the published loop takes no frame for a duplicate: it would make the next one anew."""
FULL, TINY = Size(width=1920, height=1080), Size(width=256, height=128)


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
    """Pictures a second of the network alone, in batches."""
    count = engine.batch(size)
    packed = torch.stack([torch.from_numpy(p) for p in list(Frames(describe(source)))[: count + 1]]).to(engine.where)
    left = torch.arange(count, device=engine.where)
    when = torch.full((count, 1, 1, 1), 0.5, device=engine.where)
    with torch.inference_mode():
        rgb = to_rgb(packed)
        bare = count / motion.repeated(lambda: engine.made(rgb, left, left + 1, when))
    return {"bare_fps": round(bare, 2), "batch": count}


def upstream(engine: InterpolateRife, source: Path, folder: Path) -> dict[str, Any]:
    """The published loop from file to file, and how alike its raw frames are to ours."""
    found: dict[str, Any] = {}
    for half in (False, True) if engine.gpu else (False,):
        network, name = copy.deepcopy(engine.network()), "half" if half else "single"
        loop = Loop(network.to(memory_format=torch.contiguous_format), engine.where, half=half)
        loop.clip(source, folder / "loop.mp4")
        begun = time.perf_counter()
        frames = loop.clip(source, folder / "loop.mp4")
        found[f"upstream_{name}_fps"] = round(frames / (time.perf_counter() - begun), 2)
        found[f"psnr_{name}_db"] = round(alike(engine, loop, source), 2)
    return found


@torch.inference_mode()
def alike(engine: InterpolateRife, loop: Loop, source: Path) -> float:
    """PSNR of a raw picture between two, of the part of the frames that neither pads."""
    packed = torch.from_numpy(np.stack(list(Frames(describe(source)))[:2])).to(engine.where)
    rgb = to_rgb(packed)
    rows, columns = (side - side % MULTIPLE or side for side in rgb.shape[2:])
    codes = (rgb[:, :, :rows, :columns] * 255).round()
    at = torch.zeros(1, dtype=torch.long, device=engine.where)
    ours = engine.made(codes / 255, at, at + 1, torch.full((1, 1, 1, 1), 0.5, device=engine.where))
    theirs = list(loop.frames(iter(codes.byte().permute(0, 2, 3, 1).cpu().numpy())))[1]
    return psnr((ours[0] * 255).round().permute(1, 2, 0).cpu().numpy(), theirs)


def main() -> None:
    """Measure."""
    options = motion.arguments("RIFE 4.26, 1080p, 24 to 48 frames a second")
    with motion.workplace() as folder:
        root = folder / "weights"
        rife.build(root)
        os.environ.update(lock.environment(root))
        size, count = (TINY, 24) if options.tiny else (FULL, 192)
        source = clip(folder / "in.mp4", size, count, speed=SPEED)
        engine = InterpolateRife(builtin()["interpolate-rife"])
        assert isinstance(engine, InterpolationEngine)
        seconds, made = whole(engine, folder, source, 2 * count - 1, options.repeat)
        found = networks(engine, source, size)
        encoder = encoded(made, folder / "alone.mp4", size, "draft")
        plain, fps = upstream(engine, source, folder), (2 * count - 1) / seconds
        quickest = max(value for name, value in plain.items() if name.endswith("_fps"))
        ratio = {"times_upstream": round(fps / quickest, 2)}
        results = {"whole_fps": round(fps, 2), "encoder_fps": round(encoder, 2), **found, **plain, **ratio}
        motion.report("interpolate", options.out, results)


if __name__ == "__main__":
    main()
