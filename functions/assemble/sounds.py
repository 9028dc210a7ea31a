"""Decoded sounds on disk: read at any place, looped without a seam, memory independent of their length."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import InputError
from functions.media.decode import sound_blocks
from functions.media.disk import writing
from functions.media.fir import Stereo
from functions.media.wav import WavReader

SEAM = SAMPLE_RATE // 2
"""Longest cross-fade at a loop's seam, in samples."""


def part_of(path: Path, kind: str, start: int, count: int, width: int = 2) -> NDArray[Any]:
    """`count` rows of `width` numbers of this kind from row `start` of a raw file."""
    size = np.dtype(kind).itemsize * width
    return np.fromfile(path, kind, count * width, offset=start * size)


class Sound:
    """An input as 48 kHz stereo: a WAV of ours is read where it lies, all else decoded to float32 in a scratch file."""

    def __init__(self, source: Path, scratch: Path, what: str) -> None:
        self._plain, self._path, self.samples = WavReader.of(source), scratch, 0
        if self._plain:
            self.samples = self._plain.samples
        else:
            self._keep(sound_blocks(source, what))
        if not self.samples:
            raise InputError(f"{what} holds no sound: give an audio file")

    @classmethod
    def kept(cls, blocks: Iterable[NDArray[np.floating]], scratch: Path) -> "Sound":
        """A sound that was worked out, shape (n, 2) a block, kept as float32."""
        sound = cls.__new__(cls)
        sound._plain, sound._path, sound.samples = None, scratch, 0
        sound._keep(blocks)
        return sound

    def _keep(self, blocks: Iterable[NDArray[np.floating]]) -> None:
        with writing(self._path), self._path.open("wb") as file:
            for block in blocks:
                file.write(np.ascontiguousarray(block, "<f4").data)
                self.samples += len(block)

    def read(self, start: int, count: int) -> Stereo:
        """Samples from `start`, zeros outside the sound. One channel sounds on both sides."""
        out = np.zeros((count, 2), np.float32)
        low, high = max(start, 0), min(start + count, self.samples)
        if low < high and self._plain:
            out[low - start : high - start] = self._plain.read(low, high - low)
            out *= np.float32(2.0**-31)
        elif low < high:
            out[low - start : high - start] = part_of(self._path, "<f4", low, high - low).reshape(-1, 2)
        return out

    def looped(self, offset: int, start: int, count: int) -> Stereo:
        """Samples of the endless repetition of what lies behind `offset`; each pass cross-fades at equal power into
        the next. Nothing before 0.
        """
        usable = self.samples - offset
        seam = min(SEAM, usable // 4)
        period = usable - seam
        out = np.zeros((count, 2), np.float32)
        at = max(start, 0)
        while at < start + count:
            turn, phase = divmod(at, period)
            piece = self.read(offset + phase, min(period - phase, start + count - at))
            if turn and phase < seam:
                joint = piece[: seam - phase]
                angle = (np.arange(phase, phase + len(joint))[:, None] + 0.5) / seam * (np.pi / 2)
                joint *= np.sin(angle)
                joint += self.read(offset + period + phase, len(joint)) * np.cos(angle)
            out[at - start : at - start + len(piece)] = piece
            at += len(piece)
        return out
