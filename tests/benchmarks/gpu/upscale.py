"""Upscaling on this machine's GPU: `python -m tests.benchmarks.gpu.upscale [--tiny] [--tier draft] [--repeat 5]`.

Whole warm jobs from 832x480 to four times that, beside the bare network (same batch, compiled), the encoder alone, and
the plain upstream loop: one frame at a time, as the model's own scripts work, through the same network. `psnr_db` tells
batched frames from single ones, not ours from theirs. Networks of published size, random weights; the picture moves
smoothly, so encoders have neither the best case nor the worst.
"""

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from functions.catalog import builtin
from functions.contract.base import Rate, Size, Tier
from functions.contract.params import Upscale
from functions.media.encoders import choose
from functions.media.frames import Frames
from functions.media.source import describe
from functions.media.writer import ClipWriter
from functions.models.colour import to_packed, to_rgb
from functions.upscale.engine import TIERS, UpscaleEsrgan
from functions.upscale.network import Network
from tests.benchmarks.gpu import motion
from tests.servers.checkpoints import esrgan, lock

FULL, TINY = Size(width=832, height=480), Size(width=96, height=64)


def clip(path: Path, size: Size, frames: int) -> Path:
    """A picture that moves smoothly."""
    source, rate = None, Rate(num=24)
    with ClipWriter(path, size, rate, frames, choose("final", gpu=False), source) as out:
        for number in range(frames):
            rgb = motion.moving(number, size.height, size.width, torch.device("cpu"))
            out.write(to_packed(rgb.permute(2, 0, 1)[None] / 255)[0].numpy())
    return path


def weights(root: Path, *, tiny: bool) -> None:
    """Every tier's set: tiny, or of published size."""
    if tiny:
        esrgan.build(root)
        return
    esrgan.place(root, TIERS["draft"], esrgan.tiny_compact(1, 64, 16))
    esrgan.place(root, TIERS["standard"], esrgan.tiny_compact(2, 64, 32))
    esrgan.place(root, TIERS["final"], esrgan.tiny_dense(4, 3, features=64, blocks=23))


def upstream(network: Network, pictures: list[Tensor]) -> tuple[float, list[Tensor]]:
    """(frames a second, what is made) of one frame at a time, each up, through and down before the next."""
    made = []
    begun = time.perf_counter()
    with torch.inference_mode():
        for picture in pictures:
            made.append((network(picture.to(network.where, network.dtype)) * 255).round().byte().cpu())
    motion.synchronise()
    return len(pictures) / (time.perf_counter() - begun), made


def psnr(one: Tensor, other: Tensor) -> float:
    """In dB, of codes."""
    wrong = float((one.double() - other.double()).square().mean())
    return 10 * math.log10(255**2 / wrong) if wrong else 99.0


def encoded(made: Path, out: Path, size: Size, tier: Tier) -> float:
    """Frames a second of the encoder alone, on the frames of a finished clip."""
    found = describe(made)
    pictures = list(Frames(found))[:48]
    begun = time.perf_counter()
    with ClipWriter(out, size, found.rate, len(pictures), choose(tier, gpu=True), None) as writer:
        for picture in pictures:
            writer.write(picture)
    return len(pictures) / (time.perf_counter() - begun)


def case(engine: UpscaleEsrgan, folder: Path, tier: Tier, options: argparse.Namespace) -> dict[str, Any]:
    """One tier."""
    size, count = (TINY, 24) if options.tiny else (FULL, 48 if tier == "final" else 192)
    source = clip(folder / f"{tier}.mp4", size, count)
    large = Size(width=size.width * 4, height=size.height * 4)

    def job(number: int) -> motion.TimedJob:
        params = Upscale(size=large, tier=tier)
        return motion.TimedJob(folder / f"{tier}{number}", engine.manifest, params, ["clip.mp4"], {"clip.mp4": source})

    motion.timed(engine, job(0))
    jobs = [job(n + 1) for n in range(options.repeat)]
    whole = sorted(motion.timed(engine, todo)[0] for todo in jobs)[options.repeat // 2]
    network, fit = engine.network(TIERS[tier]), next(f for k, f in engine.fits.items() if k.weights == TIERS[tier])
    batch = torch.rand(fit.batch, 3, size.height, size.width, device=network.where).to(network.dtype)
    batch = batch.contiguous(memory_format=torch.channels_last)
    bare = fit.batch / motion.repeated(lambda: network(batch))
    packed = torch.stack([torch.from_numpy(p) for p in list(Frames(describe(source)))[:16]])
    pictures = [p[None] for p in to_rgb(packed)]
    plain, wanted = upstream(network, pictures)
    with torch.inference_mode():
        ours = (network(torch.cat(pictures).to(network.where, network.dtype)) * 255).round().byte().cpu()
    encoder = encoded(jobs[-1].output("clip.mp4"), folder / "alone.mp4", large, tier)
    slower = min(bare, encoder)
    return {
        "frames": count,
        "whole_fps": round(count / whole, 2),
        "bare_fps": round(bare, 2),
        "encoder_fps": round(encoder, 2),
        "share_of_slower": round(count / whole / slower, 3),
        "upstream_loop_fps": round(plain, 2),
        "times_upstream": round(count / whole / plain, 2),
        "psnr_db": round(psnr(ours, torch.cat(wanted)), 2),
        "fit": str(fit),
        "encoder": choose(tier, gpu=True).summary,
    }


def main() -> None:
    """Measure the tiers that are asked for."""
    options = motion.arguments("Real-ESRGAN, 832x480 to four times that")
    with motion.workplace() as folder:
        root = folder / "weights"
        weights(root, tiny=options.tiny)
        os.environ.update(lock.environment(root))
        engine = UpscaleEsrgan(builtin()["upscale-esrgan"])
        tiers: list[Tier] = options.tier or ["draft", "standard", "final"]
        motion.report("upscale", options.out, {tier: case(engine, folder, tier, options) for tier in tiers})


if __name__ == "__main__":
    main()
