"""The hall of a cue: dry sound at 16 kHz, block by block, to sound in a room at 48 kHz."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from functions.sound import dsp
from functions.sound.dsp import RATE, Array
from functions.sound.instruments import SLOW, UP

BLOCK = 80_000
"""Samples at 16 kHz that are worked on together."""
SIZE = 1 << 17
DECAY_S, WET, BRIGHT = 2.4, 0.3, 4200.0
EDGE = 32
"""Samples at 16 kHz that the filter between the rates reaches to both sides."""
CUTOFF = 7350.0
"""Hz; flat to 6.7 kHz and 80 dB down at 8 kHz."""


def halled(draw: np.random.Generator, dry: Iterator[Array], samples: int) -> Iterator[Array]:
    """Blocks of `BLOCK` dry stereo samples, as many as are needed for `samples` at 48 kHz, in the hall.

    Overlap-save: reverberation and the filter between the rates are one product of spectra.
    """
    tail = dsp.reverberation(draw, round(1.3 * DECAY_S * SLOW), DECAY_S, WET, BRIGHT, SLOW)
    response = np.fft.rfft(tail.T, SIZE) * _between()
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


def _between() -> npt.NDArray[np.float32]:
    """Response of the filter between the rates at the bins of a block: a Kaiser-windowed sinc, its delay taken out."""
    at = np.arange(-UP * EDGE, UP * EDGE + 1)
    kernel = np.sinc(at * (2 * CUTOFF / RATE)) * np.kaiser(len(at), 8.0)
    spectrum = np.fft.rfft(np.roll(np.pad(kernel / kernel.sum(), (0, UP * SIZE - len(at))), -UP * EDGE))
    return np.asarray(spectrum.real[: SIZE // 2 + 1] * UP, np.float32)
