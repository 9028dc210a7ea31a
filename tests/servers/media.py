"""Small media files for tests, made by the pinned ffmpeg."""

import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frame = NDArray[np.uint8]
TAGS = ",setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
SIZE = (320, 180)


def ffmpeg(*argv: str | Path, stdin: bytes | None = None) -> None:
    """Run ffmpeg, quietly."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, argv)]
    subprocess.run(command, input=stdin, check=True, stdin=None if stdin else subprocess.DEVNULL)


def clip(
    path: Path,
    paint: Callable[[int], Frame],
    *,
    frames: int = 12,
    rate: str = "24",
    pixels: str = "yuv420p",
    tags: bool = True,
    extra: tuple[str | Path, ...] = (),
) -> Path:
    """A video of grey frames (rows, columns)."""
    first = paint(0)
    size = f"{first.shape[1]}x{first.shape[0]}"
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", size, "-r", rate, "-i", "-", *extra),
        *("-vf", f"scale=in_range=pc:out_range=tv,format={pixels}{TAGS if tags else ''}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", pixels),
        *("-movflags", "+faststart", path),
        stdin=b"".join(paint(n).tobytes() for n in range(frames)),
    )
    return path


def scene(shift: int = 0, size: tuple[int, int] = SIZE) -> Frame:
    """A soft picture with large shapes, moved by so many pixels."""
    x = np.arange(size[0])[None, :] + shift
    y = np.arange(size[1])[:, None]
    light = 120 + 60 * np.sin(x / 40) + 50 * np.cos(y / 30 + x / 90)
    painted: Frame = np.clip(light, 0, 255).astype(np.uint8)
    return painted


def noise(seed: int, size: tuple[int, int] = SIZE) -> Frame:
    """What random weights make."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0]), dtype=np.uint8)


def black(size: tuple[int, int] = SIZE) -> Frame:
    """Nothing."""
    return np.zeros((size[1], size[0]), dtype=np.uint8)


def image(path: Path, luma: Frame) -> Path:
    """A picture file."""
    Image.fromarray(luma).convert("RGB").save(path)
    return path


def tone(path: Path, samples: int, *, channels: int = 1, rate: int = 48_000, level: float = 0.5) -> Path:
    """A 16-bit WAV file of a tone."""
    values = np.sin(np.arange(samples) / rate * 2 * np.pi * 440) * level * 32767
    data = np.repeat(values.astype("<i2")[:, None], channels, axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data.tobytes())
    return path
