"""From a voice's own sound to one character's: pitch and vocal tract, breath, roughness, colour."""

import imageio_ffmpeg
import numpy as np

from functions.dialogue.presets import Delivery, Rendering, ratio
from functions.media.pcm import SAMPLE_RATE, Samples
from functions.runtime.engine import Children

TAIL_S = 0.15
"""Silence fed behind the line, so that no filter keeps the last sound to itself."""
FRAME, HOP = 1024, 256
ENVELOPE_BINS = 28
"""Cepstral coefficients that draw the vocal tract and leave the pitch out, at 22.05 kHz."""


def _frames(samples: Samples) -> Samples:
    """Windowed frames `(n, FRAME)`, hop `HOP`, with the ends padded so that overlap-add returns every sample."""
    padded = np.pad(samples, (FRAME, FRAME + HOP))
    view = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    return np.asarray(view * np.hanning(FRAME + 1)[:-1], np.float32)


def _overlap_add(frames: Samples, length: int) -> Samples:
    """Frames back to `length` samples; the squared Hann windows at a quarter hop sum to 1.5."""
    total = np.zeros(len(frames) * HOP + FRAME, np.float64)
    window = np.hanning(FRAME + 1)[:-1]
    for index, frame in enumerate(frames):
        total[index * HOP : index * HOP + FRAME] += frame * window
    return np.asarray(total[FRAME : FRAME + length] / 1.5, np.float32)


def aired(samples: Samples, amount: float, seed: int) -> Samples:
    """The same speech with its tone replaced by air: seeded noise through each frame's spectral envelope.

    `amount` 0..1 mixes it in; at 1 nothing voiced is left, which is a whisper. Envelope by cepstral smoothing
    (Oppenheim and Schafer). The result keeps the loudness contour and the length.
    """
    spectra = np.fft.rfft(_frames(samples))
    level = np.log(np.abs(spectra) + 1e-5)
    cepstrum = np.fft.irfft(level)
    cepstrum[:, ENVELOPE_BINS : FRAME - ENVELOPE_BINS + 1] = 0.0
    envelope = np.exp(np.fft.rfft(cepstrum).real)
    noise = np.random.default_rng(seed).standard_normal(len(samples), dtype=np.float32)
    tilt = np.clip(np.fft.rfftfreq(FRAME, 1 / 22050) / 1800, 0.08, 1.0) ** 0.8
    breath = np.fft.irfft(np.fft.rfft(_frames(noise)) * envelope * tilt / np.sqrt(FRAME * 0.375))
    air = _overlap_add(np.asarray(breath, np.float32), len(samples)) * np.float32(1.6)
    return np.asarray(samples * np.float32(1.0 - amount) + air * np.float32(min(1.0, 1.25 * amount)), np.float32)


def chain(rendering: Rendering, delivery: Delivery, cents: int, rate: int) -> str:
    """The FFmpeg filter chain of a character.

    Playing `rate` faster by `tract` scales throat and pitch together (speech was made slower by as much, so its tempo
    stays); Rubber Band then corrects the pitch alone.
    """
    tract = rendering.tract / 1000
    pitch = ratio(rendering.pitch + delivery.pitch + cents / 100) / tract
    parts = [f"apad=pad_dur={TAIL_S}", f"asetrate={round(rate * tract)}", f"aresample={SAMPLE_RATE}:filter_size=64"]
    if abs(pitch - 1) > 0.004:
        parts.append(f"rubberband=pitch={pitch:.5f}:formant=preserved:pitchq=quality:transients=smooth:window=short")
    if rendering.rough:
        depth = rendering.rough / 1000
        parts += [f"tremolo=f=37:d={0.6 * depth:.3f}", f"tremolo=f=23.3:d={0.4 * depth:.3f}"]
    return ",".join([*parts, "highpass=f=60", *filter(None, (rendering.filters, delivery.filters))])


def filtered(samples: Samples, chain: str, rate: int, ffmpeg: Children) -> Samples:
    """Mono samples at `rate` through a chain to mono at 48 kHz."""
    source = ["-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0"]
    target = ["-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "pipe:1"]
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-v", "error", "-threads", "1"]
    raw = ffmpeg.run([*program, *source, "-af", chain, *target], stdin=samples.astype("<f4").tobytes())
    return np.frombuffer(raw, "<f4").astype(np.float32)


def _contour(samples: Samples, rate: float) -> Samples:
    """Loudness once a millisecond: the fourth root of power, which weighs quiet sounds too."""
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    edges = np.arange(int(len(samples) * 1000 / rate) + 1) * rate / 1000
    return np.asarray(np.diff(np.interp(edges, np.arange(len(total)), total)) ** 0.25, np.float32)


def delay(dry: Samples, wet: Samples, dry_rate: float) -> int:
    """Samples at 48 kHz by which a chain delayed the sound: the lag at which the loudness contours agree best,
    from -100 to 250 ms, to a millisecond. `dry_rate` is the rate at which `dry` plays.
    """
    first, second = _contour(dry, dry_rate), _contour(wet, SAMPLE_RATE)
    size = 1 << (len(first) + len(second) + 400).bit_length()
    shared = np.fft.irfft(np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size)), size)
    lags = np.arange(-100, 251)
    return int(lags[np.argmax(shared[lags])]) * SAMPLE_RATE // 1000
