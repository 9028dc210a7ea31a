"""A sound of any length between being made and being written at its level: raw in the job's scratch."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from functions.contract.base import SAMPLE_RATE
from functions.contract.media import MediaFacts
from functions.media.disk import writing
from functions.media.fir import BLOCK, Stereo
from functions.media.loudness import Loudness, Meter, ratio
from functions.media.wav import WavWriter, quantise


@dataclass(frozen=True)
class Track:
    """Stereo float32 at 48 kHz in a file, and what was measured as it was made."""

    path: Path
    samples: int
    heard: Loudness

    @classmethod
    def kept(cls, blocks: Iterable[npt.NDArray[np.floating]], path: Path) -> "Track":
        """Keep a sound as it is made. Raises `DiskFull`."""
        meter = Meter()
        with writing(path), path.open("wb") as file:
            for block in blocks:
                file.write(np.ascontiguousarray(block, "<f4").data)
                meter.feed(block)
        return cls(path, meter.samples, meter.result)

    def blocks(self) -> Iterator[Stereo]:
        """The sound again, in order."""
        for at in range(0, self.samples, BLOCK):
            count = min(BLOCK, self.samples - at)
            yield np.fromfile(self.path, "<f4", 2 * count, offset=8 * at).reshape(-1, 2)

    def write(self, path: Path, gain: float) -> MediaFacts:
        """Write it `gain` dB louder as 48 kHz 24-bit WAV; its facts. Raises `DiskFull`."""
        with WavWriter(path) as file:
            for block in self.blocks():
                file.write(quantise(block * np.float32(ratio(gain))))
        loud, high = self.heard.integrated + gain, self.heard.true_peak + gain
        told = {"loudness": round(loud, 2), "peak": round(high, 2)} if math.isfinite(loud + high) else {}
        return MediaFacts(type="audio", samples=self.samples, sample_rate=SAMPLE_RATE, channels=2, audio=True, **told)
