"""The exact sum of the stems on disk, with its peaks: what every try of the master reads."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.assemble.sounds import part_of
from functions.media.disk import writing
from functions.media.fir import Stereo
from functions.media.loudness import CONTEXT, Meter, oversampled_peaks
from functions.media.wav import FULL_SCALE


class Premix:
    """Built from blocks of summed 24-bit code values; read as samples of full scale 1.0.

    Four bytes a sample and channel, and four for the peaks, lie in `scratch`; memory holds one block.
    """

    def __init__(self, blocks: Iterable[NDArray[np.int32]], scratch: Path) -> None:
        meter = Meter(peaks=False)
        codes, tops = scratch / "sum.i32", scratch / "peaks.f32"
        window = np.zeros((2 * CONTEXT, 2))
        with writing(codes), codes.open("wb") as sums, tops.open("wb") as peaks:
            for block in chain(blocks, [np.zeros((CONTEXT, 2), np.int32)]):
                window = np.concatenate([window[-2 * CONTEXT :], block / FULL_SCALE])
                peaks.write(oversampled_peaks(window).astype("<f4").tobytes())
                sums.write(block.astype("<i4").tobytes())
                meter.feed(window[2 * CONTEXT :])
        self.samples, self.loudness = meter.samples - CONTEXT, meter.result.integrated
        self._codes, self._tops = codes, tops

    def read(self, start: int, count: int) -> Stereo:
        """Samples from `start`, zeros outside the film."""
        out = np.zeros((count, 2))
        low, high = max(start, 0), min(start + count, self.samples)
        if low < high:
            out[low - start : high - start] = part_of(self._codes, "<i4", low, high - low).reshape(-1, 2) / FULL_SCALE
        return out

    def peaks(self, start: int, count: int) -> NDArray[np.float32]:
        """Oversampled peaks of samples from `start`, zeros outside the film."""
        out = np.zeros(count, np.float32)
        low, high = max(start, 0), min(start + count, self.samples)
        if low < high:
            out[low - start : high - start] = part_of(self._tops, "<f4", low + CONTEXT, high - low, width=1)
        return out
