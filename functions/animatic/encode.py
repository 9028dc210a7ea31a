"""Writing pictures: an intermediate H.264 clip through ffmpeg, and PNG stills."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

from functions.animatic.values import Floats
from functions.contract.base import Rate, Size
from functions.contract.errors import EngineError
from functions.runtime.engine import Job

_X264 = "threads=1:lookahead_threads=1:sliced-threads=0:rc-lookahead=0:sync-lookahead=0:scenecut=0:weightp=0"


def command(size: Size, rate: Rate, target: Path) -> list[str]:
    """ffmpeg that reads I420 frames from its input and writes an intermediate: constant rate, BT.709, no sound.

    One thread and no lookahead, so that the same frames always give the same bytes.
    """
    colour = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]
    return [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-threads", "1"),
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size.width}x{size.height}"),
        *("-framerate", f"{rate.num}/{rate.den}", *colour, "-i", "pipe:0"),
        *("-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "19", "-g", "24", "-bf", "0"),
        *("-x264-params", _X264, "-pix_fmt", "yuv420p", *colour, "-fps_mode", "passthrough"),
        *("-video_track_timescale", str(rate.num), "-fflags", "+bitexact", "-flags:v", "+bitexact"),
        *("-map_metadata", "-1", "-f", "mp4", str(target)),
    ]


def clip(job: Job, size: Size, rate: Rate, frames: Iterator[bytes], count: int) -> None:
    """Encode `count` I420 frames into the job's `clip.mp4`, reporting each."""
    with job.children.pipe(command(size, rate, job.output("clip.mp4"))) as pipe:
        for number, frame in enumerate(frames, 1):
            pipe.stdin.write(frame)
            job.progress("render", number, count)


def still(picture: Floats, target: Path) -> None:
    """Write sRGB code values (rows, columns, 3: R, G, B) in 0..1 as an 8-bit PNG. Raises `EngineError`."""
    codes = np.asarray(np.clip(picture * 255.0 + 0.5, 0, 255), np.uint8)
    done, data = cv2.imencode(".png", codes[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise EngineError(f"The keyframe could not be written as PNG to {target.name}; check the disk and try again.")
    target.write_bytes(data.tobytes())
