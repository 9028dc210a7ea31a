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
    codes = np.rint(block * FULL_SCALE)
    np.clip(codes, -FULL_SCALE, FULL_SCALE - 1, out=codes)
    return np.asarray(codes, np.int32)


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
        codes = np.ascontiguousarray(block, dtype="<i4").view(np.uint8).reshape(-1, 4)
        low = np.empty((len(codes), 3), np.uint8)
        for place in range(3):
            low[:, place] = codes[:, place]
        with writing(self.path):
            self._file.write(low.data)

    def _header(self) -> bytes:
        return _header(self.samples, self.channels)


def _header(samples: int, channels: int) -> bytes:
    size, align = samples * channels * 3, channels * 3
    riff = struct.pack("<4sI4s", b"RIFF", size + HEADER - 8, b"WAVE")
    kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, SAMPLE_RATE, SAMPLE_RATE * align, align, 24)
    return riff + kind + struct.pack("<4sI", b"data", size)


class WavReader:
    """A file exactly as `WavWriter` leaves it, read at any place without a decoder."""

    def __init__(self, path: Path, samples: int, channels: int) -> None:
        self.path, self.samples, self.channels = path, samples, channels

    @classmethod
    def of(cls, path: Path) -> "WavReader | None":
        """A reader, or None for any other file."""
        with path.open("rb") as file:
            head = file.read(HEADER)
        size = path.stat().st_size - HEADER
        for channels in (1, 2):
            samples, rest = divmod(size, 3 * channels)
            if samples > 0 and not rest and samples * channels <= LONGEST * 2 and head == _header(samples, channels):
                return cls(path, samples, channels)
        return None

    def read(self, start: int, count: int) -> NDArray[np.int32]:
        """Code values times 256, shape (count, channels), of samples that the file has."""
        width = 3 * self.channels
        packed = np.fromfile(self.path, np.uint8, count * width, offset=HEADER + start * width).reshape(-1, 3)
        out = np.zeros((len(packed), 4), np.uint8)
        for place in range(3):
            out[:, place + 1] = packed[:, place]
        return out.view("<i4").reshape(-1, self.channels)
