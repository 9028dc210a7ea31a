"""Clips of a real face, still or with a mouth that opens and closes, and sounds that go with them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from functions.models.faces import FaceDetector
from functions.models.mesh import CHIN, LOWER_LIP, UPPER_LIP, FaceMesh, Look, Mesh
from tests.servers.faces import astronaut, detector_weights
from tests.servers.media import TAGS, ffmpeg

Picture = NDArray[np.uint8]
RATE = 25


def mesh() -> FaceMesh:
    """The mesh's real weights."""
    return FaceMesh(detector_weights().with_name("face_landmark.tflite"))


def face_in(picture: Picture) -> Mesh:
    """The only face of a picture."""
    (face,) = FaceDetector(detector_weights()).find(picture)
    found = mesh().find(picture, Look.of(face))
    assert found is not None
    return found


def portrait(width: int = 288, height: int = 224) -> Picture:
    """A part of the photograph, the face (about 100 pixels wide) in its middle."""
    left, top = 226 - width // 2, 130 - height // 2
    return np.ascontiguousarray(astronaut()[top : top + height, left : left + width])


def opened(picture: Picture, face: Mesh, pixels: float) -> Picture:
    """The same face with its lower lip and chin so many pixels lower, dark between the lips."""
    middle = float(face.points[[UPPER_LIP, LOWER_LIP], 1].mean())
    end = float(face.points[CHIN, 1]) + 12
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    centre, half = float(face.points[CHIN, 0]), 0.22 * face.width
    side = np.exp(-(((columns - centre) / (2.2 * half)) ** 4))
    depth = np.clip((rows - middle) / pixels if pixels > 0 else rows * 0, 0, 1)
    falling = np.clip((end - rows) / (end - middle), 0, 1)
    moved = np.where(rows > middle, pixels * depth * falling * side, 0).astype(np.float32)
    made = cv2.remap(picture, columns, rows - moved, cv2.INTER_LINEAR)
    gap = (rows > middle) & (rows < middle + pixels * np.sqrt(np.clip(1 - ((columns - centre) / half) ** 2, 0, 1)))
    return np.where(gap[..., None], np.array([50, 15, 15], np.uint8), made).astype(np.uint8)


def clip(path: Path, paint: Callable[[int], Picture], frames: int, rate: str = str(RATE), *extra: str | Path) -> Path:
    """An H.264 clip of R'G'B' pictures, nearly without loss; `extra` are further ffmpeg inputs."""
    rows, columns, _ = paint(0).shape
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{columns}x{rows}", "-r", rate, "-i", "-", *extra),
        *("-vf", f"scale=in_range=pc:out_range=tv:out_color_matrix=bt709,format=yuv420p{TAGS}"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "8", "-c:a", "aac", "-movflags", "+faststart", path),
        stdin=b"".join(paint(n).tobytes() for n in range(frames)),
    )
    return path


def syllables(seconds: float, seed: int = 1) -> NDArray[np.float64]:
    """How loud a voice is over time, 0..1 at 48 kHz: syllables of uneven length and strength."""
    draw = np.random.Generator(np.random.PCG64(seed))
    count = round(seconds * 48_000)
    found = np.zeros(count)
    at = 0
    while at < count:
        length = int(draw.uniform(0.14, 0.34) * 48_000)
        shape = np.sin(np.linspace(0, np.pi, length)) * draw.uniform(0.15, 1)
        found[at : at + length] = shape[: count - at]
        at += length + int(draw.uniform(0, 0.12) * 48_000)
    return found
