"""Sound as arrays: float samples in -1..1 to and from WAV bytes and child processes."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48_000
Samples = npt.NDArray[np.float32]
"""Mono `(n,)` or interleaved channels `(n, channels)`, nominally -1..1."""


def write_wav24(path: Path, samples: Samples, sample_rate: int = SAMPLE_RATE) -> None:
    """Write 24-bit PCM WAV, mono or `(n, channels)`; values outside -1..1 are clipped."""
    scaled = np.rint(np.clip(samples, -1.0, 1.0) * np.float32(2**23 - 1)).astype("<i4")
    packed = scaled.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(3)
        file.setframerate(sample_rate)
        file.writeframes(packed)


def read_wav24(path: Path) -> Samples:
    """Samples of a 24-bit PCM WAV as `(n, channels)`, or `(n,)` for mono. Raises `wave.Error` on another format."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 3:
            raise wave.Error(f"{path.name} holds {8 * file.getsampwidth()}-bit samples, 24-bit expected")
        channels = file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, 3)
    wide = np.zeros((len(raw), 4), np.uint8)
    wide[:, 1:] = raw
    values = (wide.view("<i4").ravel() >> 8).astype(np.float32) / np.float32(2**23 - 1)
    return values if channels == 1 else values.reshape(-1, channels)
