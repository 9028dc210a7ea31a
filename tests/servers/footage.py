"""Clips and sounds made for tests, and what an outsider (PyAV, ffmpeg) measures on a result."""

import re
import subprocess
import wave
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from functions.contract.base import Rate, Size
from functions.media.encode import CLIP_GROUP_SECONDS, Quality, VideoEncoder
from functions.media.picture import tagged

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
Sound = NDArray[np.float64]


def grey_clip(path: Path, lumas: list[int], size: tuple[int, int] = (320, 180), rate: int = 24) -> Path:
    """A lossless clip whose frame n is flat grey of luma `lumas[n]`."""
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, luma in enumerate(lumas):
            planes = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
            planes[: size[1]] = luma
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def moving_clip(path: Path, seconds: float = 1.0, size: str = "320x180", rate: str = "24") -> Path:
    """ffmpeg's moving test picture in H.264."""
    run("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}", "-pix_fmt", "yuv420p", str(path))
    return path


def sounding_clip(path: Path, seconds: float = 1.0, size: str = "96x64", rate: str = "24", *more: str) -> Path:
    """ffmpeg's moving test picture in BT.709 H.264 with AAC, the sound a little longer; `more` are further options."""
    picture = f"testsrc2=s={size}:r={rate}:d={seconds}"
    sound = f"sine=f=440:d={seconds + 0.1}"
    tags = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    shape = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-crf", "12", "-pix_fmt", "yuv420p", "-c:a", "aac")
    run("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *tags, *shape, *more, str(path))
    return path


def delivered_clip(path: Path, frames: int, size: tuple[int, int] = (320, 180), quality: Quality = "draft") -> Path:
    """A clip of moving bars, encoded as films are, with a group of pictures beginning at its handle (6 frames)."""
    area, rate = Size(width=size[0], height=size[1]), Rate(num=24)
    with VideoEncoder(path, area, rate, quality, group=CLIP_GROUP_SECONDS) as encoder:
        for number in range(frames):
            planes = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
            planes[: size[1]] = 60 + 40 * np.sin((np.arange(size[0])[None, :] + 2 * number) / 20)
            encoder.write(tagged(av.VideoFrame.from_ndarray(planes, "yuv420p")), alone=number == frames - 6)
    return path


def run(*arguments: str) -> str:
    """ffmpeg, quietly; its log."""
    done = subprocess.run([FFMPEG, "-hide_banner", "-nostats", "-y", *arguments], capture_output=True, check=True)
    return done.stderr.decode(errors="replace")


def planes_of(path: Path) -> list[NDArray[np.uint8]]:
    """Every decoded frame as (height * 3 / 2, width) of Y, U, V."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="yuv420p").view(np.uint8) for f in container.decode(video=0)]


def lumas_of(path: Path) -> list[float]:
    """Median luma of every decoded frame."""
    return [float(np.median(p[: len(p) * 2 // 3])) for p in planes_of(path)]


def write_sound(path: Path, sound: Sound, rate: int = 48_000) -> Path:
    """16-bit WAV of shape (n,) or (n, channels)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def codes_of(path: Path) -> NDArray[np.int32]:
    """Code values of a 24-bit WAV, shape (n, channels), read by the standard library."""
    with wave.open(str(path), "rb") as file:
        assert (file.getsampwidth(), file.getframerate()) == (3, 48_000)
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, file.getnchannels(), 3)
    wide = np.zeros((*raw.shape[:2], 4), np.uint8)
    wide[..., 1:] = raw
    codes: NDArray[np.int32] = wide.view("<i4")[..., 0] >> 8
    return codes


def sound_of(path: Path) -> Sound:
    """Decoded sound at its own rate, shape (n, channels), full scale 1."""
    with av.open(str(path)) as container:
        frames = [f.to_ndarray() for f in container.decode(audio=0)]
        planar = container.streams.audio[0].codec_context.format.is_planar
        channels = container.streams.audio[0].channels
    parts = [f.T if planar else f.reshape(-1, channels) for f in frames]
    return np.concatenate(parts).astype(np.float64)


def measured(path: Path, start: float = 0.0, seconds: float | None = None) -> dict[str, float]:
    """Integrated LUFS (`I`), range in LU (`LRA`) and true peak in dBTP (`Peak`) by ffmpeg's ebur128."""
    part = ["-ss", str(start), *(["-t", str(seconds)] if seconds else [])]
    log = run(*part, "-i", str(path), "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    found = re.findall(r"(I|LRA|Peak):\s+(-?\d+\.\d+|-inf)", log[log.index("Summary") :])
    return {name: float(value) for name, value in found}


def tone(seconds: float, hertz: float = 440.0, level: float = 0.1) -> Sound:
    """A mono sine."""
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 48_000)) / 48_000)


def noise(seconds: float, level: float = 0.1, seed: int = 1, channels: int = 2) -> Sound:
    """Decorrelated white noise of this RMS."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return level * generator.standard_normal((round(seconds * 48_000), channels))


def voice(seconds: float, seed: int = 1) -> Sound:
    """Something with a voice's spectrum and syllables, mono."""
    time = np.arange(round(seconds * 48_000)) / 48_000
    harmonics = sum(np.sin(2 * np.pi * 120 * n * time + n) / n for n in range(1, 25))
    breath = noise(seconds, 0.05, seed, 1)[:, 0]
    result: Sound = 0.2 * (harmonics + breath) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))
    return result
