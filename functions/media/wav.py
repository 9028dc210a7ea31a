"""24-bit PCM WAV, written as a stream (RIFF/WAVE, EBU Tech 3285 without its extensions)."""

import struct
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import EngineError
from functions.media.disk import writing

FULL_SCALE = 1 << 23
"""Code value of 0 dBFS in 24 bits."""
HEADER = 44
LONGEST = (2**32 - 1 - HEADER) // 6
"""Stereo sample frames that a RIFF file can hold."""


def quantise(block: NDArray[np.floating]) -> NDArray[np.int32]:
    """Samples of full scale 1.0 as 24-bit code values, rounded to even and clipped."""
    codes: NDArray[np.int32] = np.clip(np.rint(block * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int32)
    return codes


class WavWriter:
    """Writes interleaved 24-bit samples at 48 kHz; a context manager that mends the header at its end."""

    def __init__(self, path: Path, channels: int = 2) -> None:
        self.path, self.channels, self.samples = path, channels, 0

    def __enter__(self) -> Self:
        with writing(self.path):
            self._file = self.path.open("wb")
            self._file.write(self._header())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            with suppress(OSError):
                self._file.close()
            return
        with writing(self.path), self._file:
            self._file.seek(0)
            self._file.write(self._header())

    def write(self, block: NDArray[np.int32]) -> None:
        """Append code values of shape (n, channels). Raises `EngineError` past 4 GiB, `DiskFull`."""
        self.samples += len(block)
        if self.samples * self.channels > LONGEST * 2:
            raise EngineError(f"{self.path.name} would pass the 4 GiB a WAV file can hold; render the film in parts")
        low = np.ascontiguousarray(block, dtype="<i4").view(np.uint8).reshape(-1, 4)[:, :3]
        with writing(self.path):
            self._file.write(low.tobytes())

    def _header(self) -> bytes:
        size, align = self.samples * self.channels * 3, self.channels * 3
        riff = struct.pack("<4sI4s", b"RIFF", size + HEADER - 8, b"WAVE")
        kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, self.channels, SAMPLE_RATE, SAMPLE_RATE * align, align, 24)
        return riff + kind + struct.pack("<4sI", b"data", size)
