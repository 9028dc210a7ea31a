"""FIR filters of stereo sound by FFT, evaluated on any stretch: no state passes from block to block."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from functions.contract.base import SAMPLE_RATE

Stereo = NDArray[np.float32]
"""Sound of shape (samples, 2), nominally -1..1."""
Read = Callable[[int, int], Stereo]
"""Sound of `count` samples from `start`, zeros where there is none: `read(start, count)`."""


class Fir:
    """A kernel of shape (taps, 2), one column a channel; `delay` samples of it are taken back."""

    def __init__(self, kernel: NDArray[np.floating], delay: int = 0) -> None:
        self.kernel, self.delay = kernel.astype(np.float32), delay

    @property
    def reach(self) -> int:
        """Samples after the last sound until the filter is silent."""
        return len(self.kernel) - 1 - self.delay

    def at(self, read: Read, start: int, count: int) -> Stereo:
        """The filtered sound of `count` samples from `start`."""
        taps = len(self.kernel)
        heard = read(start + self.delay - (taps - 1), count + taps - 1)
        size = _fast(count + taps - 1)
        spectrum = self._spectrum if size == self._usual else np.fft.rfft(self.kernel, size, axis=0)
        whole = np.fft.irfft(np.fft.rfft(heard, size, axis=0) * spectrum, size, axis=0)
        return np.asarray(whole[taps - 1 : taps - 1 + count], np.float32)

    @cached_property
    def _usual(self) -> int:
        return _fast(BLOCK + len(self.kernel) - 1)

    @cached_property
    def _spectrum(self) -> NDArray[np.complex64]:
        return np.asarray(np.fft.rfft(self.kernel, self._usual, axis=0), np.complex64)


BLOCK = 1 << 16
"""Samples that are worked on at a time, 1.4 s."""


def _fast(size: int) -> int:
    """The next length 2**a or 3 * 2**a."""
    power: int = 1 << (size - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= size else power


def linear_phase(response: Callable[[NDArray[np.float64]], NDArray[np.float64]], taps: int) -> Fir:
    """A kernel of odd `taps` with this magnitude over frequency in Hz, both channels alike, its delay taken back."""
    size = 1 << (4 * taps).bit_length()
    frequency = np.arange(size // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / size)
    impulse = np.fft.irfft(response(frequency), size)
    half = taps // 2
    kernel = np.roll(impulse, half)[:taps] * np.hanning(taps + 2)[1:-1]
    return Fir(np.repeat(kernel[:, None], 2, axis=1), delay=half)
