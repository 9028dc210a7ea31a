"""Sound that is held whole, as engines that synthesise it make it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from functions.contract.base import SAMPLE_RATE
from functions.media.wav import WavWriter, quantise

__all__ = ["SAMPLE_RATE", "Samples", "write_wav24"]
Samples = npt.NDArray[np.float32]
"""Mono `(n,)` or channels `(n, channels)`, nominally -1..1."""


def write_wav24(path: Path, samples: Samples) -> None:
    """Write 48 kHz 24-bit WAV, mono or `(n, channels)`; values outside -1..1 are clipped. Raises `DiskFull`."""
    block = samples.reshape(len(samples), -1)
    with WavWriter(path, block.shape[1]) as file:
        file.write(quantise(block))
