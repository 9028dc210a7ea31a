from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from functions.sound.dsp import Array
from functions.sound.hall import BLOCK, halled
from functions.sound.instruments import SLOW, UP


def click(at: int) -> Iterator[Array]:
    """Blocks with one impulse at 16 kHz, without end."""
    start = 0
    while True:
        block = np.zeros((BLOCK, 2), np.float32)
        if start <= at < start + BLOCK:
            block[at - start] = 1
        yield block
        start += BLOCK


def heard(blocks: Iterator[Array], samples: int) -> Array:
    found: Sequence[Array] = list(halled(blocks, samples))
    return np.concatenate(found)


@pytest.mark.parametrize("at", [BLOCK - 1, BLOCK - 20, BLOCK, 2 * BLOCK - 5])
def test_a_sound_rings_the_same_across_the_blocks(at: int) -> None:
    length = 4 * 48_000
    first = heard(click(1000), 1000 * UP + length)[1000 * UP - 90 :]
    other = heard(click(at), at * UP + length)[at * UP - 90 :]
    assert np.abs(first - other).max() < 1e-5 * np.abs(first).max()


def test_a_tone_keeps_its_pitch_and_nothing_lies_above_8_khz() -> None:
    t = np.arange(BLOCK) / SLOW
    tone = np.repeat(np.sin(2 * np.pi * 1000 * t)[:, None], 2, axis=1).astype(np.float32)
    made = heard(iter([tone, tone]), 6 * 48_000)[48_000:, 0]
    power = np.abs(np.fft.rfft(made * np.hanning(len(made)))) ** 2
    f = np.fft.rfftfreq(len(made), 1 / 48_000)
    assert f[np.argmax(power)] == pytest.approx(1000, abs=0.5)
    assert power[f > 8200].sum() < 1e-8 * power.sum()


@pytest.mark.parametrize("samples", [1, 100, 3 * BLOCK * UP + 17])
def test_it_gives_the_length_asked_for(samples: int) -> None:
    assert len(heard(click(0), samples)) == samples
