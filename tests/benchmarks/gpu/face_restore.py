"""GFPGAN on this machine: `python -m tests.benchmarks.gpu.face_restore [--tiny] [--repeat 5] [--material FOLDER]`.

10 s of a face at 1280x720 (`--tiny`: one second, a small network): whole warm jobs, decoding to encoding and face work
included, beside bare passes of the network over as many faces, and beside the published loop: frame by frame, each
detected, aligned, restored and pasted before the next, as the model's own scripts do. Its face networks are replaced by
ours, which are quicker, so that loop is given more than its own scripts have. The network is of published size; its
weights show the face they are given.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch

from functions.catalog import builtin
from functions.contract.params import FaceRestore
from functions.face_restore.align import SIDE, five, inverse, similarity
from functions.face_restore.engine import FaceRestorer
from functions.models.mesh import Look
from tests.benchmarks.gpu import material, motion
from tests.servers.checkpoints import gfpgan, lock
from tests.servers.media import ffmpeg

OVERLAP = 21
"""Pixels of the published paste mask's blur in the square of 512."""


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="GFPGAN, whole jobs beside bare passes and the published loop")
    parser.add_argument("--tiny", action="store_true", help="a small network and one second, on any CPU")
    parser.add_argument("--repeat", type=int, default=5, help="warm jobs")
    parser.add_argument("--material", type=Path, help="folder that tests.benchmarks.gpu.material made elsewhere")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")), help="folder for the JSON")
    return parser.parse_args()


def measured(engine: FaceRestorer, folder: Path, clip: Path, frames: int, repeat: int) -> dict[str, Any]:
    """Whole jobs, bare passes, the published loop; frames a second, one face in each."""
    runs = []
    for number in range(repeat + 1):
        todo = motion.TimedJob(
            folder / f"job{number}", engine.manifest, FaceRestore(), ["clip.mp4"], {"clip.mp4": clip}
        )
        runs.append(motion.timed(engine, todo)[0])
    whole = statistics.median(runs[1:])
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    faces = torch.rand(engine.batch, 3, SIDE, SIDE, device=engine.where)
    network = engine.network()
    bare = motion.repeated(lambda: network(faces), 5) * frames / engine.batch
    begun = time.perf_counter()
    published_loop(engine, folder / "loop.mp4", clip)
    loop = time.perf_counter() - begun
    return {
        "cold_s": round(runs[0], 3),
        "whole_s": round(whole, 3),
        "runs_s": [round(run, 3) for run in runs[1:]],
        "frames_a_second": round(frames / whole, 1),
        "bare_faces_a_second": round(frames / bare, 1),
        "bare_over_whole": round(bare / whole, 3),
        "published_loop_frames_a_second": round(frames / loop, 1),
        "times_the_published_loop": round(loop / whole, 2),
        "faces_at_once": engine.batch,
        "peak_vram_bytes": peak,
    }


def published_loop(engine: FaceRestorer, out: Path, clip: Path) -> None:
    """Each frame to PNG, then each alone: detected, aligned, restored, pasted, written; then encoded."""
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            picture = frame.to_ndarray(format="bgr24")
            cv2.imwrite(str(folder / f"{number:06d}.png"), _restored(engine, picture))
    ffmpeg("-r", "25", "-i", folder / "%06d.png", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", out)


@torch.inference_mode()
def _restored(engine: FaceRestorer, picture: np.ndarray) -> np.ndarray:
    detector, mesh = engine.faces
    rgb = np.ascontiguousarray(picture[..., ::-1])
    seen = mesh.find(rgb, Look.of(detector.find(rgb)[0]))
    if seen is None:
        raise SystemExit("the material has no usable face")
    back = similarity(five(seen))
    square = cv2.warpAffine(rgb, inverse(back), (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    face = torch.from_numpy(square.transpose(2, 0, 1).astype(np.float32) / 255).to(engine.where)[None]
    made = (engine.network()(face)[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    size = picture.shape[1], picture.shape[0]
    soft = cv2.GaussianBlur(
        cv2.erode(np.ones((SIDE, SIDE), np.float32), np.ones((OVERLAP, OVERLAP))), (OVERLAP,) * 2, 0
    )
    mask = cv2.warpAffine(soft, back, size)[..., None]
    laid = cv2.warpAffine(made, back, size, flags=cv2.INTER_LINEAR)
    return np.asarray((laid * mask + rgb * (1 - mask))[..., ::-1], np.uint8)


def main() -> None:
    """Measure."""
    told = options()
    with motion.workplace() as folder:
        source = told.material or material.make(folder / "material")
        clip, frames = source / material.CLIP, material.SECONDS * material.RATE
        if told.tiny:
            frames, clip = material.RATE, folder / "short.mp4"
            ffmpeg("-i", source / material.CLIP, "-frames:v", str(frames), "-c", "copy", clip)
        root = folder / "weights"
        gfpgan.build(root, gfpgan.compact() if told.tiny else gfpgan.full(), source)
        os.environ.update(lock.environment(root))
        engine = FaceRestorer(builtin()["face-restore-gfpgan"])
        motion.report("face_restore", told.out, {"1280x720": measured(engine, folder, clip, frames, told.repeat)})


if __name__ == "__main__":
    main()
