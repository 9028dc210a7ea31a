import numpy as np
import pytest

from functions.dialogue import timbre
from functions.dialogue.presets import PLAIN, Rendering
from tests.servers.job import LocalChildren

RATE = 22_050


def chirps() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Two seconds of tone bursts of unequal length and level, as speech has them."""
    t = np.arange(2 * RATE) / RATE
    gate = np.interp(t, [0, 0.2, 0.22, 0.5, 0.55, 0.8, 0.82, 1.3, 1.4, 1.9, 2.0], [0, 0, 1, 0.6, 0, 0, 0.7, 1, 0, 0, 0])
    return np.asarray(0.4 * gate * np.sin(2 * np.pi * 150 * t), np.float32)


@pytest.mark.parametrize("late", [0, 37, 140])
def test_a_delay_is_measured_to_two_milliseconds(late: int) -> None:
    wet = np.interp(np.arange(2 * 48_000) / 48_000, np.arange(2 * RATE) / RATE, chirps())
    wet = np.concatenate([np.zeros(late * 48), wet])
    assert timbre.delay(chirps(), np.asarray(wet, np.float32), RATE) == pytest.approx(late * 48, abs=96)


@pytest.mark.parametrize("tract", [850, 1000, 1165])
@pytest.mark.parametrize("tones", [-5.0, 0.0, 8.5])
def test_a_chain_moves_pitch_and_keeps_time(tract: int, tones: float) -> None:
    stretched = np.interp(np.arange(2 * RATE * tract // 1000) * 1000 / tract, np.arange(2 * RATE), chirps())
    chain = timbre.chain(Rendering(pitch=tones, tract=tract), PLAIN, 0, RATE)
    wet = timbre.filtered(np.asarray(stretched, np.float32), chain, RATE, LocalChildren())
    assert abs(timbre.delay(np.asarray(stretched, np.float32), wet, RATE * tract / 1000)) < 0.13 * 48_000
    spectrum = np.abs(np.fft.rfft(wet, 4 * len(wet)))
    found = np.argmax(spectrum) * 48_000 / (4 * len(wet))
    assert found == pytest.approx(150 * 2 ** (tones / 12) / (tract / 1000), rel=0.04)


def test_air_keeps_length_and_contour_and_loses_the_tone() -> None:
    dry = chirps()
    air = timbre.aired(dry, 1.0, seed=3)
    assert len(air) == len(dry)
    peak = np.abs(np.fft.rfft(dry))
    assert np.abs(np.fft.rfft(air)).max() < 0.2 * peak.max()
    loud = np.abs(dry) > 0.1
    assert np.sqrt(np.mean(air[loud] ** 2)) > 10 * np.sqrt(np.mean(air[: RATE // 10] ** 2))


def test_air_is_seeded() -> None:
    assert np.array_equal(timbre.aired(chirps(), 0.5, 3), timbre.aired(chirps(), 0.5, 3))
    assert not np.array_equal(timbre.aired(chirps(), 0.5, 3), timbre.aired(chirps(), 0.5, 4))
