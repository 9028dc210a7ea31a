"""Sound of any length on disk: decoded once to 48 kHz, read at any place, written levelled."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import InputError
from functions.media import probe
from functions.media.decode import gathered, reading
from functions.media.disk import writing
from functions.media.fir import BLOCK
from functions.media.loudness import Meter, decibels
from functions.speech_enhance.hearing import Mono, probabilities

Block = NDArray[np.float32]
"""Sound of shape (samples, 1 or 2), nominally -1..1."""
FRAME = SAMPLE_RATE // 20
"""Samples whose power is one number: 50 ms."""
FLOOR_SHARE = 10
"""The noise floor is the level below which so many hundredths of the frames lie."""
FULL, RUN = 0.999, 4
"""A sample from this magnitude on, so many in a row, is clipped."""
SILENT = 1e-6


@dataclass(frozen=True)
class Levels:
    """Integrated LUFS (-inf where nothing is loud), true peak in dBTP, noise floor in dBFS, greatest magnitude, power
    of each 50 ms (mean of both channels), and how often it clips.
    """

    loudness: float
    peak_db: float
    floor_db: float
    peak: float
    powers: NDArray[np.float64]
    clipped: int


class Gauge:
    """Measures blocks as they pass. Memory: some bytes for every 50 ms."""

    def __init__(self, channels: int) -> None:
        self._meter, self._channels = Meter(), channels
        self._waiting = np.zeros((0, channels), np.float32)
        self._powers: list[float] = []
        self._peak, self._clipped, self._run = 0.0, 0, 0

    def feed(self, block: Block) -> None:
        """Measure the next samples; one channel counts as one (ITU-R BS.1770-5)."""
        self._meter.feed(block if self._channels == 2 else np.pad(block, ((0, 0), (0, 1))))
        waiting = np.concatenate([self._waiting, block])
        whole = len(waiting) // FRAME * FRAME
        frames = waiting[:whole].reshape(-1, FRAME * self._channels).astype(np.float64)
        self._powers += np.square(frames).mean(axis=1).tolist()
        self._waiting = waiting[whole:]
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        self._count_clipped(np.abs(block).max(axis=1) >= FULL)

    def _count_clipped(self, full: NDArray[np.bool_]) -> None:
        edges = np.diff(np.concatenate([[False], full, [False]]).astype(np.int8))
        starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        lengths = ends - starts
        if len(lengths) and starts[0] == 0:
            lengths[0] += self._run
        self._clipped += int((lengths >= RUN).sum())
        self._run = int(lengths[-1]) if len(full) and full[-1] else 0

    def read(self) -> Levels:
        """What was measured so far."""
        powers = np.array(self._powers)
        heard = powers[powers > SILENT**2]
        floor = float(np.percentile(heard, FLOOR_SHARE)) if len(heard) else 0.0
        found = self._meter.result
        return Levels(found.integrated, found.true_peak, decibels(floor), self._peak, powers, self._clipped)


class Scratch:
    """Samples in a file, float32, interleaved; written at its end, read anywhere."""

    def __init__(self, path: Path, channels: int) -> None:
        self.path, self.channels, self.samples = path, channels, 0
        with writing(path):
            self._file: IO[bytes] = path.open("w+b")

    def close(self) -> None:
        """Give the file's handle back."""
        self._file.close()

    def clear(self) -> None:
        """Forget what was written."""
        self._file.truncate(0)
        self.samples = 0

    def write(self, block: Block) -> None:
        """Append samples. Raises `DiskFull`."""
        with writing(self.path):
            self._file.seek(0, 2)
            self._file.write(np.ascontiguousarray(block, np.float32).data)
            self._file.flush()
        self.samples += len(block)

    def put(self, start: int, block: Block) -> None:
        """Write over samples that are there. Raises `DiskFull`."""
        with writing(self.path):
            self._file.seek(start * 4 * self.channels)
            self._file.write(np.ascontiguousarray(block, np.float32).data)
            self._file.flush()

    def read(self, start: int, count: int) -> Block:
        """Samples from `start`, zeros where there are none."""
        first, last = max(start, 0), min(start + count, self.samples)
        found = np.zeros((count, self.channels), np.float32)
        if last > first:
            width = 4 * self.channels
            self._file.seek(first * width)
            held = np.frombuffer(self._file.read((last - first) * width), np.float32)
            found[first - start : last - start] = held.reshape(-1, self.channels)
        return found

    def blocks(self) -> Iterator[Block]:
        """All of it in order."""
        for at in range(0, self.samples, BLOCK):
            yield self.read(at, min(BLOCK, self.samples - at))

    def mono(self) -> Iterator[Mono]:
        """The mean of the channels in order."""
        return (np.asarray(block.mean(axis=1), np.float32) for block in self.blocks())

    def speech(self, peak: float) -> NDArray[np.float32]:
        """Probability of speech for each 32 ms."""
        return probabilities(self.mono(), peak)


@dataclass(frozen=True)
class Recording:
    """A decoded input: its sound at 48 kHz, its levels, its own rate and channels."""

    sound: Scratch
    levels: Levels
    rate: int
    channels: int


def decoded(path: Path, target: Path) -> Recording:
    """The first sound stream at 48 kHz: one channel stays one, more become stereo. Its length is exactly the source's,
    as `functions.media.probe` measures it: what a codec added before or behind is cut off.

    Raises `InputError` for what cannot be decoded, `DiskFull`.
    """
    sound = Scratch(target, 1)
    try:
        return _decoded(path, sound)
    except BaseException:
        sound.close()
        raise


def _decoded(path: Path, sound: Scratch) -> Recording:
    with reading(path, path.name) as container:
        if not container.streams.audio:
            raise InputError(f"{path.name} holds no sound: give an audio file")
        stream = container.streams.audio[0]
        rate, channels = stream.rate, stream.channels
        kept = sound.channels = min(channels, 2)
        gauge, count = Gauge(kept), 0
        resampler = av.AudioResampler(format="flt", layout="mono" if kept == 1 else "stereo", rate=SAMPLE_RATE)

        def take(frame: av.AudioFrame | None) -> None:
            for made in resampler.resample(frame):
                block = np.asarray(made.to_ndarray().reshape(-1, kept), np.float32)
                if not np.isfinite(block).all():
                    raise InputError(f"{path.name} holds samples that are not numbers: export it again")
                sound.write(block)

        for frame in gathered(container.decode(stream)):
            count += frame.samples
            take(frame)
        take(None)
    wanted = round(Fraction(count * SAMPLE_RATE, rate))
    if path.suffix != ".wav":
        wanted = min(wanted, probe.measure(path).facts.samples or wanted)
    if not wanted:
        raise InputError(f"{path.name} holds no samples: give an audio file that can be played")
    sound.write(np.zeros((max(0, wanted - sound.samples), kept), np.float32))
    sound.samples = wanted
    for block in sound.blocks():
        gauge.feed(block)
    return Recording(sound, gauge.read(), rate, channels)
