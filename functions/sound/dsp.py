"""Building blocks of synthesis, all on loops: a sound of n samples whose end meets its beginning.

Noise is shaped in the frequency domain over the whole loop, slow changes have whole periods in it and events wrap
around, so every bed made of these is seamless by construction. Times are seconds, frequencies Hz, 48 kHz throughout.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from functions.media.pcm import SAMPLE_RATE

Array = npt.NDArray[np.floating[Any]]
Response = Callable[[Array], Array]
"""Amplitude at each frequency."""
FRAME = 2048
RATE = SAMPLE_RATE


def frequencies(n: int, rate: int = RATE) -> Array:
    """Frequency of every bin of a loop of n samples."""
    return np.fft.rfftfreq(n, 1 / rate)


def seconds(n: int) -> Array:
    """Time of every sample."""
    return np.arange(n) / RATE


def band(low: float, high: float, order: int = 2, tilt: float = 0.0) -> Response:
    """A Butterworth-like band-pass magnitude; `tilt` is the exponent of 1/f on top (0.5 pink, 1 brown)."""

    def response(f: Array) -> Array:
        safe = np.maximum(f, 1e-3)
        shape = 1 / np.sqrt(1 + (low / safe) ** (2 * order)) / np.sqrt(1 + (safe / high) ** (2 * order))
        return np.asarray(shape * (100 / np.maximum(safe, 20)) ** tilt)

    return response


def peak(centre: float, q: float) -> Response:
    """A resonance, 1 at its centre."""
    return lambda f: 1 / np.sqrt(1 + (q * (f / centre - centre / np.maximum(f, 1e-3))) ** 2)


def filtered(x: Array, response: Response) -> Array:
    """A loop (or channels `(n, 2)`) through a zero-phase filter."""
    bins = np.fft.rfft(x.T)
    bins *= response(frequencies(len(x))).astype(x.dtype)
    return np.ascontiguousarray(np.fft.irfft(bins, len(x)).T)


def unit(x: Array) -> Array:
    """Scaled to an RMS of 1."""
    return np.asarray(x / max(float(np.sqrt(np.mean(x**2))), 1e-12))


def noise(draw: np.random.Generator, n: int, response: Response, channels: int = 2, rate: int = RATE) -> Array:
    """Seeded Gaussian noise through a filter, RMS 1, channels independent: `(n, channels)`, float32."""
    shape = response(frequencies(n, rate)).astype(np.float32)
    bins = draw.standard_normal((channels, 2 * len(shape)), np.float32).view(np.complex64)
    bins *= shape
    return unit(np.ascontiguousarray(np.fft.irfft(bins, n).T))


class Drift:
    """A slow random curve around a loop of `s` seconds, from `low` to `high`, changing in about `period` seconds.

    Drawn at a tenth of its period, straight between.
    """

    def __init__(self, draw: np.random.Generator, s: float, period: float, low: float = 0.0, high: float = 1.0) -> None:
        points = max(3, round(s / period))
        self.grid = 10 * points
        half = max(1, points // 2)
        spectrum = np.zeros(self.grid // 2 + 1, complex)
        weight = np.sqrt(1 + np.arange(half))
        spectrum[1 : half + 1] = (draw.standard_normal(half) + 1j * draw.standard_normal(half)) / weight
        curve = np.fft.irfft(spectrum, self.grid)
        scaled = low + (high - low) * (curve - curve.min()) / max(float(np.ptp(curve)), 1e-12)
        self.values = np.append(scaled, scaled[0])

    def at(self, share: Array) -> Array:
        """The curve at these shares of the loop, 0 to 1."""
        return np.asarray(np.interp(share * self.grid, np.arange(self.grid + 1), self.values))


def drift(draw: np.random.Generator, n: int, period: float, low: float = 0.0, high: float = 1.0) -> Array:
    """A `Drift` at each of a loop's n samples."""
    return Drift(draw, n / RATE, period, low, high).at(np.arange(n) / n)


def sculpted(x: Array, gains: Callable[[Array, Array], Array]) -> Array:
    """A loop with a filter that changes in time: `gains(t, f)` gives `(frames, bins)` from column and row vectors.

    Overlap-add around the loop: half-overlapping frames, the root of a Hann window before and after.
    """
    n = len(x)
    count = max(4, round(n / (FRAME / 2)))
    starts = np.round(np.arange(count) * n / count).astype(np.int64)
    places = (starts[:, None] + np.arange(FRAME)[None, :]) % n
    window = np.sqrt(np.hanning(FRAME + 1)[:-1])
    centre = (starts + FRAME / 2)[:, None] % n / RATE
    shape = gains(centre, np.fft.rfftfreq(FRAME, 1 / RATE)[None, :])
    weight = np.bincount(places.ravel(), np.tile(window**2, count), n)
    out = np.zeros_like(x)
    for c in range(x.shape[1]):
        frames = np.fft.irfft(np.fft.rfft(x[places, c] * window) * shape, FRAME) * window
        out[:, c] = np.bincount(places.ravel(), frames.ravel(), n) / weight
    return out


def at(curve: Array, times: Array) -> Array:
    """A loop's curve looked up at these times."""
    return np.asarray(curve[(times * RATE).astype(np.int64) % len(curve)])


def placed(n: int, events: Sequence[tuple[float, Array]]) -> Array:
    """Stereo events added into a loop at their times, wrapping around its end."""
    out = np.zeros((n, 2))
    for when, event in events:
        piece, start = event, round(when * RATE) % n
        while len(piece):
            room = min(n - start, len(piece))
            out[start : start + room] += piece[:room]
            piece, start = piece[room:], 0
    return out


def sparks(draw: np.random.Generator, n: int, rate: float, heavy: float = 1.0) -> Array:
    """Stereo impulses at random times, `rate` a second, of log-normal strength and random place: `(n, 2)`."""
    count = max(1, draw.poisson(rate * n / RATE))
    when = draw.integers(0, n, count)
    strength = np.minimum(np.exp(heavy * draw.standard_normal(count)), 5.0) * draw.choice([-1.0, 1.0], count)
    side = draw.uniform(0.1, 0.9, count)
    out = np.zeros((n, 2), np.float32)
    for channel, share in enumerate((1 - side, side)):
        out[:, channel] = np.bincount(when, strength * np.sqrt(share), n)
    return out


def envelope(n: int, attack: float, decay: float) -> Array:
    """Rises over `attack` seconds, then falls by 60 dB in `decay` seconds."""
    t = seconds(n)
    return np.asarray(np.minimum(t / max(attack, 1e-5), 1.0) * 10 ** (-3 * np.maximum(t - attack, 0) / decay))


def modes(n: int, partials: Sequence[tuple[float, float, float]], draw: np.random.Generator, rate: int = RATE) -> Array:
    """A struck body: `(frequency, strength, seconds to -60 dB)` a mode, phases drawn; mono `(n,)`."""
    told = [(f, strength * np.exp(1j * draw.uniform(0, 2 * np.pi)), decay) for f, strength, decay in partials]
    return np.asarray(ringing(n, told, rate) * np.minimum(np.arange(n) / (0.0006 * rate), 1))


def ringing(n: int, partials: Sequence[tuple[float, complex, float]], rate: int = RATE) -> Array:
    """Sines that die away: `(frequency, complex strength, seconds to -60 dB)` each; mono `(n,)`.

    A power of each partial's step is the product of one for the row and one for the place in it, so that the sum of all
    of them is one product of matrices.
    """
    width = 1 << max(1, n.bit_length() // 2)
    steps = np.array([2j * np.pi * f / rate - 3 * np.log(10) / (decay * rate) for f, _, decay in partials])
    rows = np.exp(np.arange(0, n, width)[:, None] * steps) * np.array([strength for _, strength, _ in partials])
    places = np.exp(steps[:, None] * np.arange(width))
    summed = rows.imag @ places.real + rows.real @ places.imag
    return np.asarray(summed.reshape(-1)[:n])


def swept(phase_rate: Array, harmonics: Sequence[float], rate: int = RATE) -> Array:
    """Harmonics of a frequency that changes in time (Hz at each sample); mono, nothing past 0.45 of the rate."""
    turn = np.exp(2j * np.pi * np.cumsum(phase_rate) / rate)
    wheel, out = turn.copy(), np.zeros(len(phase_rate))
    for k, strength in enumerate(harmonics, 1):
        out += strength * wheel.imag * (phase_rate * k < 0.45 * rate)
        wheel *= turn
    return out


def resampled(x: Array, n: int) -> Array:
    """A loop in n samples, no fewer than it has, its spectrum left as it is."""
    return np.ascontiguousarray(np.fft.irfft(np.fft.rfft(x.T), n).T) * (n / len(x))


def smooth(n: int) -> bool:
    """Whether n is made of small primes, so that its Fourier transform is quick."""
    for p in (2, 3, 5, 7):
        while n % p == 0:
            n //= p
    return n < 400


def stereo(x: Array, side: float = 0.0) -> Array:
    """Mono to stereo, constant power; `side` -1 left to 1 right."""
    angle = (side + 1) * math.pi / 4
    left, right = math.sqrt(2) * math.cos(angle), math.sqrt(2) * math.sin(angle)
    return np.asarray(np.stack([x * left, x * right], axis=1))


def softened(x: Array, crest: float) -> Array:
    """Peaks rounded so that none passes `crest` times the RMS."""
    ceiling = crest * max(float(np.sqrt(np.mean(x**2))), 1e-12)
    return np.asarray(ceiling * np.tanh(x / ceiling))


def padded(x: Array, n: int) -> Array:
    """Cut or silence added so that the length is n."""
    return x[:n] if len(x) >= n else np.concatenate([x, np.zeros((n - len(x), *x.shape[1:]))])


def room(x: Array, draw: np.random.Generator, decay: float, wet: float, bright: float = 5000.0) -> Array:
    """A stereo sound in a diffuse space: convolved with decaying noise whose treble dies first.

    `decay` seconds to -60 dB, `wet` the reverberation's share of white sound at 48 kHz. Around the loop; give silence
    behind what must not wrap.
    """
    tail = reverberation(draw, min(len(x), max(1, round(1.3 * decay * RATE))), decay, wet, bright)
    bins = np.fft.rfft(x.T.astype(np.float32), axis=1)
    bins *= np.fft.rfft(tail.T, len(x), axis=1)
    return np.ascontiguousarray(np.fft.irfft(bins, len(x), axis=1).T)


def reverberation(
    draw: np.random.Generator, n: int, decay: float, wet: float, bright: float, rate: int = RATE
) -> Array:
    """The first n samples of what `room` convolves with, the sound itself first: `(n, 2)`."""
    t = (np.arange(n) / rate).astype(np.float32)[:, None]
    dull = noise(draw, n, band(70, bright / 3, 1), 2, rate) * 10 ** (-3 / decay * t)
    clear = noise(draw, n, band(bright / 4, bright, 1), 2, rate) * 10 ** (-3 / (0.4 * decay) * t)
    tail = (dull + 0.4 * clear) * np.minimum(t / 0.006, 1)
    tail *= wet * np.sqrt(RATE / rate) / np.sqrt((tail**2).sum(axis=0))
    tail[0] += 1 - wet
    return np.asarray(tail)
