"""Decoded sounds on disk: read at any place, looped without a seam, memory independent of their length."""

from pathlib import Path

import numpy as np

from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import InputError
from functions.media.decode import sound_blocks
from functions.media.disk import writing
from functions.media.fir import Stereo

SEAM = SAMPLE_RATE // 2
"""Longest cross-fade at a loop's seam, in samples."""


class Sound:
    """An input decoded to 48 kHz stereo float32 in a scratch file."""

    def __init__(self, source: Path, scratch: Path, what: str) -> None:
        self.samples = 0
        with writing(scratch), scratch.open("wb") as file:
            for block in sound_blocks(source, what):
                file.write(np.ascontiguousarray(block, "<f4").tobytes())
                self.samples += len(block)
        if not self.samples:
            raise InputError(f"{what} holds no sound: give an audio file")
        self._data = np.memmap(scratch, "<f4", "r", shape=(self.samples, 2))

    def read(self, start: int, count: int) -> Stereo:
        """Samples from `start`, zeros outside the sound."""
        out = np.zeros((count, 2))
        low, high = max(start, 0), min(start + count, self.samples)
        if low < high:
            out[low - start : high - start] = self._data[low:high]
        return out

    def looped(self, offset: int, start: int, count: int) -> Stereo:
        """Samples of the endless repetition of what lies behind `offset`; each pass cross-fades at equal power into
        the next.
        """
        usable = self.samples - offset
        seam = min(SEAM, usable // 4)
        period = usable - seam
        at = np.arange(start, start + count)
        phase = np.where(at < 0, 0, at % period)
        out: Stereo = self._data[offset + phase].astype(np.float64)
        joint = np.flatnonzero((phase < seam) & (at >= period))
        angle = (phase[joint, None] + 0.5) / seam * (np.pi / 2)
        out[joint] = out[joint] * np.sin(angle) + self._data[offset + period + phase[joint]] * np.cos(angle)
        out[at < 0] = 0
        return out
