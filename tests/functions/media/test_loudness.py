"""Our meter against ffmpeg's, and against levels that follow from arithmetic."""

import math
from pathlib import Path

import numpy as np
import pytest

from functions.media.loudness import Meter
from functions.media.wav import WavWriter, quantise
from tests.servers.footage import Sound, measured, noise, tone, voice


def stereo(sound: Sound) -> Sound:
    return np.repeat(sound[:, None], 2, axis=1)


SOUNDS = {
    "voice": stereo(voice(6)),
    "noise": noise(6, 0.2),
    "swell": noise(12, 0.1) * np.linspace(0.02, 1, 12 * 48_000)[:, None],
    "gaps": np.concatenate([stereo(tone(2)), np.zeros((96_000, 2)), noise(3, 0.02)]),
}


@pytest.mark.parametrize("name", list(SOUNDS))
def test_agrees_with_ffmpeg(tmp_path: Path, name: str) -> None:
    with WavWriter(tmp_path / "s.wav") as wav:
        wav.write(quantise(SOUNDS[name]))
    theirs, ours = measured(tmp_path / "s.wav"), Meter().feed_all([SOUNDS[name]]).result
    assert ours.integrated == pytest.approx(theirs["I"], abs=0.1)
    assert ours.true_peak == pytest.approx(theirs["Peak"], abs=0.45)
    assert ours.range == pytest.approx(theirs["LRA"], abs=1.0)


def test_a_tone_of_minus_23_reads_minus_23() -> None:
    """EBU Tech 3341, case 1: 1 kHz in both channels at -23 dBFS is -23 LUFS."""
    assert Meter().feed_all([stereo(tone(20, 997, 10 ** (-23 / 20)))]).result.integrated == pytest.approx(-23, abs=0.05)


def test_quiet_passages_do_not_count() -> None:
    """EBU Tech 3341, case 3: -36, -23 and -36 dBFS for 10, 60 and 10 s read -23 LUFS."""
    parts = [stereo(tone(s / 4, 997, 10 ** (level / 20))) for s, level in ((10, -36), (60, -23), (10, -36))]
    assert Meter(peaks=False).feed_all(parts).result.integrated == pytest.approx(-23, abs=0.1)


def test_peaks_between_samples_are_seen() -> None:
    quarter = stereo(0.5 * np.sin(np.pi / 2 * np.arange(48_000) + np.pi / 4))
    result = Meter().feed_all([quarter]).result
    assert result.peak == pytest.approx(20 * math.log10(0.5 * math.sqrt(0.5)), abs=0.01)
    assert result.true_peak == pytest.approx(20 * math.log10(0.5), abs=0.25)


@pytest.mark.parametrize("length", [480, 4800, 5003, 48_001])
def test_block_length_makes_no_difference(length: int) -> None:
    sound = SOUNDS["voice"]
    whole = Meter().feed_all([sound]).result
    parts = Meter().feed_all(sound[n : n + length] for n in range(0, len(sound), length)).result
    assert parts.integrated == pytest.approx(whole.integrated, abs=1e-4)
    assert parts.range == pytest.approx(whole.range, abs=1e-4)
    assert parts.true_peak == pytest.approx(whole.true_peak, abs=1e-4)


def test_silence_is_minus_infinity() -> None:
    result = Meter().feed_all([np.zeros((96_000, 2))]).result
    assert (result.integrated, result.true_peak) == (-math.inf, -math.inf)
    assert Meter().result.integrated == -math.inf
