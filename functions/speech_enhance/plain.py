"""What needs no network: a high-pass, a gentle equaliser, and less of a steady noise."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE
from functions.media.fir import BLOCK, Fir, linear_phase
from functions.speech_enhance.hearing import STEP, SURE
from functions.speech_enhance.sound import SILENT, Block, Scratch

TAPS = 4801
"""Of the equaliser: 50 ms on both sides, short enough for no echo to be heard before a word."""
RUMBLE_HZ, SPEECH_LOW_HZ = 20.0, 75.0
"""High-pass of sound without words, and of speech (below the lowest voices)."""
MUD, PRESENCE = (300.0, -1.5), (3800.0, 1.5)
"""Hz and dB of the two bells of a speech equaliser, an octave wide each."""
WINDOW, HOP = 2048, 512
LEAST_PAUSE_S = 0.3
"""Sound without words from which a noise can be learned."""
DEEPEST_DB = -18.0
"""Most by which noise is lowered: more makes it twitter."""
OVER = 2.0
"""By how much noise is overestimated, as its power varies (Berouti et al., 1979)."""
MEMORY = 0.9
"""Share of the former frame in the estimated signal to noise ratio (Ephraim and Malah, 1984)."""
LEARNED_FRAMES = 200
"""Frames that a noise is learned from at most, evenly spread."""
_WINDOW = np.sqrt(np.hanning(WINDOW + 1)[:-1])


def equaliser(*, speech: bool) -> Fir:
    """The filter of a file: for speech with a deeper high-pass and two bells, else the high-pass alone."""

    def response(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        low = SPEECH_LOW_HZ if speech else RUMBLE_HZ
        power = (hertz / low) ** 8
        magnitude = np.sqrt(power / (1 + power))
        for centre, decibels in (MUD, PRESENCE) if speech else ():
            octaves = np.log2(np.maximum(hertz, 1.0) / centre)
            magnitude = magnitude * 10 ** (decibels * np.exp(-0.5 * (octaves / 0.5) ** 2) / 20)
        return np.asarray(magnitude, np.float64)

    return linear_phase(response, TAPS)


class Equalised:
    """A sound through the equaliser, at any place."""

    def __init__(self, sound: Scratch, fir: Fir) -> None:
        self._sound, self._fir = sound, fir

    def read(self, start: int, count: int) -> Block:
        """Samples from `start`."""
        return self._fir.at(self._stereo, start, count)[:, : self._sound.channels]

    def _stereo(self, start: int, count: int) -> Block:
        block = self._sound.read(start, count)
        return block if block.shape[1] == 2 else np.repeat(block, 2, axis=1)


@dataclass(frozen=True)
class Noise:
    """Power of each bin of a steady noise."""

    powers: NDArray[np.float64]


def learned(sound: Scratch, probability: NDArray[np.float32]) -> Noise | None:
    """The noise between words: the median power of each bin there; None where the pauses are too short to know it, or
    digitally silent.
    """
    spectra = [
        np.square(np.abs(np.fft.rfft(frame * _WINDOW)))
        for start in _pauses(probability, sound.samples)
        if np.abs(frame := sound.read(start, WINDOW).mean(axis=1)).max() > SILENT
    ]
    if len(spectra) * HOP < LEAST_PAUSE_S * SAMPLE_RATE:
        return None
    return Noise(np.median(spectra, axis=0) / np.log(2))


def _pauses(probability: NDArray[np.float32], samples: int) -> list[int]:
    """Starts of windows that no speech touches."""
    quiet = probability < SURE / 2
    starts = [at for at in range(0, samples - WINDOW, HOP) if quiet[at // STEP : -(-(at + WINDOW) // STEP)].all()]
    return starts[:: max(1, len(starts) // LEARNED_FRAMES)]


def cleaned(source: Equalised, samples: int, noise: Noise | None, depth_db: float) -> Iterator[Block]:
    """A sound in blocks, its steady noise lowered by up to `depth_db` (Wiener's gain, the ratio of signal to noise by
    Ephraim and Malah's decision-directed estimate).
    """
    if noise is None:
        for at in range(0, samples, BLOCK):
            yield source.read(at, min(BLOCK, samples - at))
        return
    rest, gains = np.zeros((0, 1), np.float32), _Gains(noise, 10 ** (depth_db / 20))
    for at in range(HOP - WINDOW, samples, BLOCK):
        heard = source.read(at, BLOCK + WINDOW - HOP)
        made = np.zeros_like(heard)
        made[: len(rest)] = rest
        places = range(0, BLOCK, HOP)
        spectra = np.fft.rfft(np.stack([heard[p : p + WINDOW] * _WINDOW[:, None] for p in places]), axis=1)
        for place, spectrum in zip(places, spectra, strict=True):
            kept = np.fft.irfft(spectrum * gains.next(spectrum)[:, None], WINDOW, axis=0) * _WINDOW[:, None]
            made[place : place + WINDOW] += (2 * HOP / WINDOW * kept).astype(np.float32)
        rest = made[BLOCK:]
        yield made[max(0, -at) : min(BLOCK, samples - at)]


class _Gains:
    def __init__(self, noise: Noise, lowest: float) -> None:
        self._noise, self._lowest = np.maximum(noise.powers, 1e-20) * OVER, lowest
        self._before = np.zeros_like(self._noise)

    def next(self, spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
        """The gain of each bin (bins) of the next frame (bins, channels)."""
        power = np.square(np.abs(spectrum)).mean(axis=1)
        instant = np.maximum(power / self._noise - 1, 0)
        ratio = MEMORY * self._before + (1 - MEMORY) * instant
        gain = ratio / (1 + ratio)
        self._before = gain**2 * power / self._noise
        kept: NDArray[np.float64] = np.maximum(gain, self._lowest)
        return kept
