"""Writing pictures: H.264 clips and PNG stills."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from functions.animatic.raster import Canvas
from functions.animatic.values import Floats
from functions.contract.base import HANDLE_SECONDS
from functions.contract.errors import EngineError
from functions.contract.params import Motion
from functions.media.encode import CLIP_GROUP_SECONDS, VideoEncoder
from functions.media.picture import planes, tagged
from functions.runtime.engine import Job


def clip(job: Job, params: Motion, frames: Iterator[tuple[Canvas, bool]]) -> None:
    """Encode frames, each told whether it differs from the last, into the job's `clip.mp4`, reporting each.

    Clips are encoded as films are, with a group of pictures beginning at the handle, so that the cut copies them.
    """
    size, rate, count = params.size, params.rate, params.frames
    handle = count - round(HANDLE_SECONDS * rate.num / rate.den)
    held = tagged(av.VideoFrame(size.width, size.height, "yuv420p"))
    with VideoEncoder(job.output("clip.mp4"), size, rate, params.tier, group=CLIP_GROUP_SECONDS) as encoder:
        for number, (canvas, changed) in enumerate(frames):
            for mine, drawn in zip(planes(held) if changed else (), canvas.planes, strict=False):
                np.copyto(mine, drawn)
            encoder.write(held, alone=number == handle)
            job.progress("render", number + 1, count)


def still(picture: Floats, target: Path) -> None:
    """Write sRGB code values (rows, columns, 3: R, G, B) in 0..1 as an 8-bit PNG. Raises `EngineError`."""
    codes = np.asarray(np.clip(picture * 255.0 + 0.5, 0, 255), np.uint8)
    done, data = cv2.imencode(".png", codes[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise EngineError(f"The keyframe could not be written as PNG to {target.name}; check the disk and try again.")
    target.write_bytes(data.tobytes())
