"""Sound that is held whole, as engines that synthesise it make it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from functions.contract.base import SAMPLE_RATE
from functions.contract.media import MediaFacts
from functions.media.loudness import Meter
from functions.media.wav import WavWriter, quantise

__all__ = ["SAMPLE_RATE", "Samples", "facts", "write_wav24"]
Samples = npt.NDArray[np.float32]
"""Mono `(n,)` or channels `(n, channels)`, nominally -1..1."""


def facts(samples: Samples) -> MediaFacts:
    """Length, loudness and true peak of a sound; mono counts as one channel (ITU-R BS.1770-5)."""
    block = samples.reshape(len(samples), -1)
    channels = block.shape[1]
    heard = block if channels == 2 else np.pad(block, ((0, 0), (0, 1)))
    highest = max(float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
    level = Meter(floor=highest).feed_all(np.split(heard, range(SAMPLE_RATE, len(heard), SAMPLE_RATE))).result
    finite = {"loudness": round(level.integrated, 2), "peak": round(level.true_peak, 2)} if level.peak > -200 else {}
    return MediaFacts(
        type="audio", samples=len(block), sample_rate=SAMPLE_RATE, channels=channels, audio=True, **finite
    )


def write_wav24(path: Path, samples: Samples) -> None:
    """Write 48 kHz 24-bit WAV, mono or `(n, channels)`; values outside -1..1 are clipped. Raises `DiskFull`."""
    block = samples.reshape(len(samples), -1)
    with WavWriter(path, block.shape[1]) as file:
        file.write(quantise(block))
