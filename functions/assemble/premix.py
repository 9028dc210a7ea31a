"""The exact sum of the stems on disk: what every try of the master reads."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.assemble.sounds import part_of
from functions.media.disk import writing
from functions.media.fir import Stereo
from functions.media.loudness import Meter
from functions.media.wav import FULL_SCALE


class Premix:
    """Built from blocks of summed 24-bit code values; read as samples of full scale 1.0.

    Four bytes a sample and channel lie in `scratch`; memory holds one block.
    """

    def __init__(self, blocks: Iterable[NDArray[np.int32]], scratch: Path) -> None:
        meter, self._codes = Meter(peaks=False), scratch / "sum.i32"
        with writing(self._codes), self._codes.open("wb") as sums:
            for block in blocks:
                sums.write(np.ascontiguousarray(block, "<i4").data)
                meter.feed(block.astype(np.float32) * np.float32(1 / FULL_SCALE))
        self.samples, self.loudness = meter.samples, meter.result.integrated

    def read(self, start: int, count: int) -> Stereo:
        """Samples from `start`, zeros outside the film."""
        out = np.zeros((count, 2), np.float32)
        low, high = max(start, 0), min(start + count, self.samples)
        if low < high:
            codes = part_of(self._codes, "<i4", low, high - low).reshape(-1, 2)
            out[low - start : high - start] = codes
            out *= np.float32(1 / FULL_SCALE)
        return out
