"""Raw frames out of ffmpeg and into it, as the published scripts pass them: 8-bit, interleaved, one at a time."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from functions.media.source import describe

Frame = NDArray[np.uint8]
"""(rows, columns, 3)."""
Order = Literal["bgr24", "rgb24"]
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def read(path: Path, order: Order) -> Iterator[Frame]:
    """Every frame of a clip, its colours converted by ffmpeg's scaler as it does without being told how."""
    size = describe(path).size
    argv = [FFMPEG, "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", order, "-"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        count = size.width * size.height * 3
        while len(data := process.stdout.read(count)) == count:
            yield np.frombuffer(data, np.uint8).reshape(size.height, size.width, 3)


class Writer:
    """Encodes frames as the scripts do: libx264 at its defaults, yuv420p; a context manager."""

    def __init__(self, path: Path, size: tuple[int, int], rate: str, order: Order) -> None:
        raw = ("-f", "rawvideo", "-pix_fmt", order, "-s", f"{size[0]}x{size[1]}", "-r", rate, "-i", "-")
        argv = [FFMPEG, "-v", "error", "-y", *raw, "-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.frames = 0

    def write(self, frame: Frame) -> None:
        """Append a frame."""
        assert self._process.stdin is not None
        self._process.stdin.write(np.ascontiguousarray(frame).data)
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait() and kind is None:
            raise RuntimeError("ffmpeg could not encode the frames")
