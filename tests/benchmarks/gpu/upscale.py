"""Upscaling on this machine's GPU: `python -m tests.benchmarks.gpu.upscale [--tiny] [--tier draft] [--repeat 5]`.

Whole warm jobs from 832x480 to four times that, beside the bare network (same batch, compiled), the encoder alone, and
the plain published loop over the same clip, from file to file, in the half precision that its script takes and in
single precision. `psnr_half_db` and `psnr_single_db` compare raw frames of ours with the loop's, given the same
colours. Networks of published size, random weights; the picture moves smoothly, so encoders have neither the best case
nor the worst.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

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
from tests.servers.upstream.parity import psnr
from tests.servers.upstream.realesrgan import Loop

FULL, TINY = Size(width=832, height=480), Size(width=96, height=64)


def clip(path: Path, size: Size, frames: int, speed: int = 1) -> Path:
    """A picture that moves smoothly."""
    source, rate = None, Rate(num=24)
    with ClipWriter(path, size, rate, frames, choose("final", gpu=False), source) as out:
        for number in range(frames):
            rgb = motion.moving(number * speed, size.height, size.width, torch.device("cpu"))
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


def upstream(weights_file: Path, network: Network, source: Path, folder: Path) -> dict[str, Any]:
    """The published loop from file to file, and how alike its raw frames are to ours."""
    found: dict[str, Any] = {}
    for half in (True, False) if network.where.type == "cuda" else (False,):
        loop, name = Loop(weights_file, network.where, half=half), "half" if half else "single"
        loop.clip(source, folder / "loop.mp4")
        begun = time.perf_counter()
        frames = loop.clip(source, folder / "loop.mp4")
        found[f"upstream_{name}_fps"] = round(frames / (time.perf_counter() - begun), 2)
        found[f"psnr_{name}_db"] = round(alike(loop, network, source), 2)
    return found


@torch.inference_mode()
def alike(loop: Loop, network: Network, source: Path) -> float:
    """PSNR of eight raw frames, both given the same 8-bit colours."""
    packed = torch.from_numpy(np.stack(list(Frames(describe(source)))[:8]))
    codes = (to_rgb(packed) * 255).round()
    given = (codes / 255).to(network.where, network.dtype).contiguous(memory_format=torch.channels_last)
    ours = (network(given).float().cpu() * 255).round()
    frames = [np.ascontiguousarray(f.permute(1, 2, 0).byte().numpy()[..., ::-1]) for f in codes]
    theirs = np.stack([made[..., ::-1] for made in loop.frames(frames)])
    return psnr(ours.permute(0, 2, 3, 1).numpy(), theirs)


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
    file = next(engine.snapshots.folder(TIERS[tier]).glob("*.safetensors"))
    plain = upstream(file, network, source, folder)
    quickest = max(value for name, value in plain.items() if name.endswith("_fps"))
    encoder = encoded(jobs[-1].output("clip.mp4"), folder / "alone.mp4", large, tier)
    slower = min(bare, encoder)
    return {
        "frames": count,
        "whole_fps": round(count / whole, 2),
        "bare_fps": round(bare, 2),
        "encoder_fps": round(encoder, 2),
        "share_of_slower": round(count / whole / slower, 3),
        **plain,
        "times_upstream": round(count / whole / quickest, 2),
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
