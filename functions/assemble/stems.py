"""The five stems of a film, evaluated on any stretch of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from functions.assemble.gains import envelope, fades, pan_gains
from functions.assemble.roomtone import covered, tone
from functions.assemble.sounds import Sound
from functions.assemble.spaces import Treatment, treatment
from functions.contract.base import SAMPLE_RATE
from functions.contract.job import Note
from functions.contract.params import Gain, Mix, Placement
from functions.media.fir import BLOCK, Stereo
from functions.media.loudness import SILENCE, Meter, decibels, ratio

Stem = Literal["dx", "fx", "amb", "mx", "nat"]
STEMS: tuple[Stem, ...] = get_args(Stem)
CROSSING: frozenset[Stem] = frozenset({"amb", "nat"})
"""Stems whose sounds cross with their neighbours, so fade at equal power."""
SHORT = SAMPLE_RATE * 2 // 5
"""Under this many samples a sound is levelled by RMS: BS.1770 has no block that short."""
QUIETEST_PEAK = -80.0
"""A hit below this peak in dBFS is silence."""


@dataclass(frozen=True)
class Laid:
    """A placement with its decoded sound and the amplitude that brings it to its level."""

    placement: Placement
    sound: Sound
    treatment: Treatment
    amplitude: float

    @property
    def end(self) -> int:
        """The film sample where it is last heard, reverberation included."""
        tail = self.treatment.room.reach if self.treatment.room else 0
        return self.placement.at + self.placement.length + tail

    def at(self, start: int, count: int) -> Stereo:
        """The sound of film samples `start`.. as it goes into its stem."""
        p = self.placement
        out = self._dry(start, count)
        if self.treatment.room:
            out += self.treatment.room.at(self._dry, start, count)
        out *= np.reshape(envelope(p.envelope, start, count), (-1, 1))
        out *= np.array(pan_gains(p.pan), np.float32) * np.float32(self.amplitude)
        return out

    def _dry(self, start: int, count: int) -> Stereo:
        p = self.placement
        first = start - p.at
        gain = fades(p.length, p.fade_in, p.fade_out, first, count, equal_power=p.stem in CROSSING)
        out = used(p, self.sound, self.treatment, first, count)
        out *= np.reshape(gain, (-1, 1))
        out[: max(0, -first)] = 0
        out[max(0, p.length - first) :] = 0
        return out


def used(placement: Placement, sound: Sound, treatment: Treatment, start: int, count: int) -> Stereo:
    """The used part of a sound, filtered, at its own level; `start` counts from the placement's start."""

    def read(at: int, n: int) -> Stereo:
        return sound.looped(placement.offset, at, n) if placement.loop else sound.read(placement.offset + at, n)

    return treatment.tone.at(read, start, count) if treatment.tone else read(start, count)


def lay(placement: Placement, sound: Sound) -> tuple[Laid | None, list[Note]]:
    """Bring a sound to its level, measured on the part that is used. None where that part is silent."""
    where = f"{placement.input} at {placement.at / SAMPLE_RATE:.2f} s"
    usable = sound.samples - placement.offset
    if usable < placement.length and not placement.loop:
        notes = [
            Note(code="short_input", detail=f"{where} ends {(placement.length - max(0, usable)) / 48:.0f} ms early")
        ]
    else:
        notes = []
    space = treatment(placement.space)
    measured = loudness_used(placement, sound, space) if usable >= 4 else -math.inf
    if measured < (QUIETEST_PEAK if _hit(placement) else SILENCE):
        detail = f"{where} is silence and cannot be brought to a level; it is left out"
        return None, [*notes, Note(code="silent_input", detail=detail)]
    amplitude = ratio((placement.level + placement.gain) / 10 - measured + space.level)
    return Laid(placement, sound, space, amplitude), notes


def _hit(placement: Placement) -> bool:
    """Whether a sound is levelled by its peak: an effect, unless it loops and so is a bed."""
    return placement.stem == "fx" and not placement.loop


def loudness_used(placement: Placement, sound: Sound, space: Treatment) -> float:
    """LUFS of the used part, RMS under 0.4 s, or the peak of a hit in dBFS."""
    length = min(placement.length, sound.samples - placement.offset)
    blocks = (used(placement, sound, space, at, min(BLOCK, length - at)) for at in range(0, length, BLOCK))
    if _hit(placement):
        return decibels(max(float(np.abs(block).max()) for block in blocks) ** 2)
    meter = Meter(peaks=False).feed_all(blocks)
    return meter.rms if length < SHORT else meter.result.integrated


@dataclass
class Stems:
    """All that is heard, by stem. `corrections` lower a stem further, as envelopes over the film."""

    params: Mix
    laid: Sequence[Laid]
    corrections: Mapping[Stem, tuple[Gain, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rooms = covered(self.params.room, self.params.samples)

    def at(self, stem: Stem, start: int, count: int) -> Stereo:
        """One stem over film samples `start`.., zeros outside the film."""
        out = np.zeros((count, 2), np.float32)
        for laid in self.laid:
            if laid.placement.stem == stem:
                self._add(out, laid, start)
        if stem == "amb":
            out += tone(self._rooms, self.params.samples, start, count)
        out *= np.reshape(envelope(self.corrections.get(stem, ()), start, count), (-1, 1))
        out *= self._ends(start, count)
        return out

    def _add(self, out: Stereo, laid: Laid, start: int) -> None:
        low, high = max(start, laid.placement.at), min(start + len(out), laid.end, self.params.samples)
        if low < high:
            out[low - start : high - start] += laid.at(low, high - low)

    def _ends(self, start: int, count: int) -> NDArray[np.floating]:
        p = self.params
        return np.reshape(fades(p.samples, p.head_fade, p.tail_fade, start, count, equal_power=False), (-1, 1))
