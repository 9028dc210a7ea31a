"""The spoken lines of a clip: decoded to disk, and who speaks in which frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.contract.errors import InputError
from functions.contract.params import At, Lipsync
from functions.media.decode import gathered, reading
from functions.media.disk import writing
from functions.runtime.engine import Job

RATE = 16_000
FLOOR_DB = -42.0
"""Below this, relative to the loudest 10 ms, nothing is heard of a voice."""
SILENT = 1e-4
AFTER_S = Fraction(6, 100)
"""Seconds that a mouth still closes after the last sound, and opens before the first."""
RAMP = 2
"""Frames over which a mouth passes from its own to the spoken one."""
HOP = RATE // 100


@dataclass(frozen=True)
class Spoken:
    """A line in a file of float32 samples at 16 kHz. Seconds of the clip: `start` of the file, `begins` and `ends` of
    what is heard in it (equal where it is silent). `powers` of each 10 ms.
    """

    path: Path
    figure: str
    at: At
    start: Fraction
    samples: int
    begins: Fraction
    ends: Fraction
    powers: NDArray[np.float64]

    def read(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples from `first`, fewer at the end."""
        return np.fromfile(self.path, np.float32, max(0, min(count, self.samples - first)), offset=4 * first)

    def weight(self, moment: Fraction, step: Fraction) -> float:
        """How far the mouth follows the line at a moment of the clip, 0..1."""
        if self.begins == self.ends:
            return 0.0
        inside = min(moment - self.begins, self.ends - moment) / step
        return float(min(max((inside + 1) / RAMP, Fraction(0)), Fraction(1)))

    def energy(self, moment: Fraction, step: Fraction) -> float:
        """Loudness of the line while a frame is shown: cube root of power."""
        first = int((moment - self.start) * 100)
        part = self.powers[max(0, first) : max(0, first) + max(1, round(step * 100))]
        return float(np.cbrt(part.mean())) if len(part) else 0.0


def lines(job: Job, params: Lipsync) -> list[Spoken]:
    """All lines, decoded. Raises `InputError` for one that is missing or cannot be decoded, `DiskFull`."""
    found = []
    for number, line in enumerate(params.lines):
        if line.input not in job.inputs:
            raise InputError(f"the line of {line.figure} needs input '{line.input}' and has none; give it its sound")
        path = job.scratch / f"line{number}.f32"
        samples, powers = _decoded(job.inputs[line.input], path, line.input)
        start = Fraction(line.start, SAMPLE_RATE)
        begins, ends = _heard(powers)
        around = AFTER_S if ends > begins else Fraction(0)
        heard = (max(start, start + begins - around), start + ends + around)
        found.append(Spoken(path, line.figure, line.at_position, start, samples, *heard, powers))
    if not found:
        raise InputError("no line is to be spoken: name at least one, or leave the step out")
    return found


def _decoded(source: Path, target: Path, what: str) -> tuple[int, NDArray[np.float64]]:
    resampler, count, rest = av.AudioResampler(format="flt", layout="mono", rate=RATE), 0, np.zeros(0, np.float32)
    powers: list[float] = []
    with reading(source, what) as container, writing(target), target.open("wb") as file:
        if not container.streams.audio:
            raise InputError(f"{what} holds no sound: give an audio file")
        frames = gathered(container.decode(container.streams.audio[0]))
        for block in (b for f in (*frames, None) for b in resampler.resample(f)):
            sound = block.to_ndarray().reshape(-1).astype(np.float32)
            if not np.isfinite(sound).all():
                raise InputError(f"{what} holds samples that are not numbers: export it again")
            file.write(sound.data)
            count += len(sound)
            rest = np.concatenate([rest, sound])
            whole = len(rest) // HOP * HOP
            powers += np.square(rest[:whole].reshape(-1, HOP).astype(np.float64)).mean(axis=1).tolist()
            rest = rest[whole:]
    return count, np.array(powers)


def _heard(powers: NDArray[np.float64]) -> tuple[Fraction, Fraction]:
    """Seconds of the first and behind the last sound, pauses between them or not; equal for silence."""
    if not len(powers) or powers.max() < SILENT**2:
        return Fraction(0), Fraction(0)
    loud = np.flatnonzero(powers > powers.max() * 10 ** (FLOOR_DB / 10))
    return Fraction(int(loud[0]), 100), Fraction(int(loud[-1]) + 1, 100)


def speaking(lines: Sequence[Spoken], moment: Fraction, step: Fraction) -> dict[str, tuple[Spoken, float]]:
    """Who speaks at a moment: the line of each figure with its weight, the one that weighs most where two meet."""
    found: dict[str, tuple[Spoken, float]] = {}
    for line in lines:
        weight = line.weight(moment, step)
        if weight > found.get(line.figure, (line, 0.0))[1]:
            found[line.figure] = (line, weight)
    return found
