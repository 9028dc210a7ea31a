"""The hall of a cue: dry sound at 16 kHz, block by block, to sound in a room at 48 kHz."""

import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from functions.sound import dsp
from functions.sound.dsp import RATE, Array
from functions.sound.instruments import SLOW, UP

BLOCK = 80_000
"""Samples at 16 kHz that are worked on together."""
SIZE = 1 << 17
DECAY_S, WET, BRIGHT = 2.4, 0.2, 4200.0
_SEED = 21
"""Of 128 halls the one that colours steady tones least (55 to 1760 Hz lie within 4 dB of their mean). All cues are
played in it, so that none loses its body where a hall of its own would cancel it.
"""
EDGE = 32
"""Samples at 16 kHz that the filter between the rates reaches to both sides."""
CUTOFF = 7350.0
"""Hz; flat to 6.7 kHz and 80 dB down at 8 kHz."""


def halled(dry: Iterator[Array], samples: int) -> Iterator[Array]:
    """Blocks of `BLOCK` dry stereo samples, as many as are needed for `samples` at 48 kHz, in the hall.

    Overlap-save: reverberation and the filter between the rates are one product of spectra.
    """
    response = _response()
    window = np.zeros((2, SIZE), np.float32)
    left, first = samples, UP * EDGE
    for block in dry:
        window[:, :-BLOCK] = window[:, BLOCK:].copy()
        window[:, -BLOCK:] = block.T
        heard = np.fft.irfft(np.fft.rfft(window) * response, UP * SIZE)
        whole = heard[:, UP * (SIZE - BLOCK - EDGE) + first : UP * (SIZE - EDGE)][:, :left]
        left, first = left - whole.shape[1], 0
        yield np.ascontiguousarray(whole.T)
        if not left:
            return


@functools.cache
def _response() -> npt.NDArray[np.complex64]:
    """Of the hall and the filter between the rates, at the bins of a block."""
    draw = np.random.default_rng(_SEED)
    tail = dsp.reverberation(draw, round(1.3 * DECAY_S * SLOW), DECAY_S, WET, BRIGHT, SLOW)
    return np.asarray(np.fft.rfft(tail.T, SIZE) * _between(), np.complex64)


def _between() -> npt.NDArray[np.float32]:
    """Response of the filter between the rates at the bins of a block: a Kaiser-windowed sinc, its delay taken out."""
    at = np.arange(-UP * EDGE, UP * EDGE + 1)
    kernel = np.sinc(at * (2 * CUTOFF / RATE)) * np.kaiser(len(at), 8.0)
    spectrum = np.fft.rfft(np.roll(np.pad(kernel / kernel.sum(), (0, UP * SIZE - len(at))), -UP * EDGE))
    return np.asarray(spectrum.real[: SIZE // 2 + 1] * UP, np.float32)
