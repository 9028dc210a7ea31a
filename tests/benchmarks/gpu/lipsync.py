"""MuseTalk 1.5 on this machine: `python -m tests.benchmarks.gpu.lipsync [--tiny] [--repeat 5] [--material FOLDER]`.

10 s of a face at 1280x720 that speaks throughout (`--tiny`: one second): whole warm jobs, decoding to encoding and face
work included, beside the bare passes of autoencoder and U-Net over as many faces, and beside the published loop: frame
by frame through PNG files, its stages one after the other. Its face networks (DWPose, BiSeNet) are replaced by
ours, which are quicker, so that loop is given more than its own scripts have.
"""

import argparse
import os
import statistics
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from functions.catalog import builtin
from functions.contract.params import LipLine, Lipsync
from functions.lipsync import networks
from functions.lipsync.engine import LipsyncMuseTalk
from functions.lipsync.features import Hearing
from functions.lipsync.networks import BATCH, SIDE, Mouths, Parts
from functions.lipsync.patch import Framed, framed
from functions.lipsync.speech import Spoken, lines
from functions.models.mesh import Look
from functions.models.plan import make_plan
from tests.benchmarks.gpu import material, motion
from tests.servers.checkpoints import lock, musetalk
from tests.servers.footage import sound_of, write_sound
from tests.servers.media import ffmpeg
from tests.servers.upstream.musetalk import Loop

UNET = {
    **{k: v for k, v in musetalk.UNET.items() if not k.startswith("_")},
    "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "norm_num_groups": 32,
}
VAE = {**musetalk.VAE, "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "norm_num_groups": 32}
WHISPER = WhisperConfig(
    d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536, num_mel_bins=80, vocab_size=51865
)


class Benchmark(LipsyncMuseTalk):
    """The engine, with random networks of full size unless the tiny ones are asked for."""

    tiny = False

    def parts(self) -> Parts:
        found = super().parts()
        if self.tiny:
            return found
        return Parts(
            motion.randomised(found.unet, UNet2DConditionModel, UNET, self.dtype),
            motion.randomised(found.vae, AutoencoderKL, VAE, self.dtype),
            motion.randomised(found.whisper, WhisperEncoder, WHISPER, self.dtype),
        )


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="MuseTalk 1.5, whole jobs beside bare passes and the published loop")
    parser.add_argument("--tiny", action="store_true", help="small networks and one second, on any CPU")
    parser.add_argument("--repeat", type=int, default=5, help="warm jobs")
    parser.add_argument("--material", type=Path, help="folder that tests.benchmarks.gpu.material made elsewhere")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")), help="folder for the JSON")
    return parser.parse_args()


def measured(engine: Benchmark, folder: Path, clip: Path, line: Path, frames: int, repeat: int) -> dict[str, Any]:
    """Whole jobs, bare passes, the published loop; frames a second."""
    params = Lipsync(lines=(LipLine(input="line", figure="mara", start=0),))
    inputs = {"clip.mp4": clip, "line": line}
    runs = []
    for number in range(repeat + 1):
        todo = motion.TimedJob(folder / f"job{number}", engine.manifest, params, ["clip.mp4"], inputs)
        runs.append(motion.timed(engine, todo)[0])
    whole = statistics.median(runs[1:])
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    spoken = lines(motion.TimedJob(folder / "loop", engine.manifest, params, ["clip.mp4"], inputs), params)[0]
    bare, loop = compared(engine, folder / "loop", clip, spoken, frames)
    return {
        "cold_s": round(runs[0], 3),
        "whole_s": round(whole, 3),
        "runs_s": [round(run, 3) for run in runs[1:]],
        "frames_a_second": round(frames / whole, 1),
        "bare_frames_a_second": round(frames / bare, 1),
        "bare_over_whole": round(bare / whole, 3),
        "published_loop_frames_a_second": round(frames / loop, 1),
        "times_the_published_loop": round(loop / whole, 2),
        "peak_vram_bytes": peak,
    }


def compared(engine: Benchmark, folder: Path, clip: Path, spoken: Spoken, frames: int) -> tuple[float, float]:
    """Seconds of the bare passes over so many faces, and of the published loop."""
    parts, device = engine.parts(), engine.device
    sizes = [model.size for model in parts.models]
    engine.stages.follow(make_plan(sizes, device.vram_bytes, device.ram_bytes, device.pinnable_bytes, "bf16"))
    with (
        engine.stages.use(parts.unet) as unet,
        engine.stages.use(parts.vae) as vae,
        engine.stages.use(parts.whisper) as whisper,
    ):
        mouths = Mouths(unet, vae)
        faces = torch.rand(BATCH, 3, SIDE, SIDE, device=engine.where)
        heard = torch.randn(BATCH, 50, 384, device=engine.where)
        bare = motion.repeated(lambda: mouths.spoken(faces, heard), 5) * frames / BATCH
        extract = networks.extractor(engine.snapshots.folder(networks.WHISPER))
        hearing = Hearing(whisper, extract, engine.where, engine.dtype)
        begun = time.perf_counter()
        loop = Loop(
            unet,
            vae,
            engine.where,
            lambda number: hearing.at(spoken, Fraction(number, material.RATE)),
            lambda frame: find(engine, frame),
        )
        loop.clip(clip, folder)
        return bare, time.perf_counter() - begun


def find(engine: Benchmark, frame: np.ndarray) -> Framed:
    """Where the face of a B'G'R' frame is."""
    detector, mesh, _ = engine.faces
    rgb = np.ascontiguousarray(frame[..., ::-1])
    seen = mesh.find(rgb, Look.of(detector.find(rgb)[0]))
    box = framed(seen, rgb.shape[1], rgb.shape[0]) if seen else "no_face"
    if isinstance(box, str):
        raise SystemExit(f"the material has no usable face: {box}")
    return box


def main() -> None:
    """Measure."""
    told = options()
    with motion.workplace() as folder:
        source = told.material or material.make(folder / "material")
        clip, line, frames = source / material.CLIP, source / material.SPEECH, material.SECONDS * material.RATE
        if told.tiny:
            frames, clip = material.RATE, folder / "short.mp4"
            ffmpeg("-i", source / material.CLIP, "-frames:v", str(frames), "-c", "copy", clip)
            line = write_sound(folder / "short.wav", sound_of(line)[:48_000, 0] / 32768)
        weights = folder / "weights"
        weights.mkdir()
        musetalk.weights(weights, source)
        os.environ.update(lock.environment(weights))
        Benchmark.tiny = told.tiny
        engine = Benchmark(builtin()["lipsync-musetalk"])
        motion.report("lipsync", told.out, {"1280x720": measured(engine, folder, clip, line, frames, told.repeat)})


if __name__ == "__main__":
    main()
