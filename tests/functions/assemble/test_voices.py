"""Lines before they are mixed: peaks held, loudness kept."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from functions.assemble.sounds import Sound
from functions.assemble.stems import Laid, lay
from functions.assemble.voices import CREST, MOST, held
from functions.contract.params import Placement
from functions.media.loudness import Loudness, Meter
from tests.servers.footage import voice, write_sound

SECOND = 48_000


def line(folder: Path, **changes: object) -> Laid:
    """A voice with a stressed syllable far above the rest, from a second of silence on."""
    spoken = voice(3.0) * 0.05
    spoken[SECOND : SECOND + 900] *= 3
    sound = Sound(write_sound(folder / "l.wav", np.concatenate([np.zeros(SECOND), spoken])), folder / "l.f32", "line")
    base = Placement(input="l", stem="dx", at=0, length=3 * SECOND, offset=SECOND, level=-160)
    found, _ = lay(base.model_copy(update=changes), sound)
    assert found
    return found


def measured(laid: Laid) -> Loudness:
    return Meter().feed_all([laid.at(0, laid.placement.length)]).result


@pytest.mark.parametrize("gain", [0, -30])
def test_peaks_are_held_and_the_loudness_stays(tmp_path: Path, gain: int) -> None:
    loose = line(tmp_path, gain=gain)
    tight = measured(held(loose, tmp_path / "h.f32"))
    level = -16 + gain / 10
    assert measured(loose).true_peak > level + CREST + 3
    assert tight.true_peak <= level + CREST + 0.3
    assert tight.integrated == pytest.approx(level, abs=0.05)


def test_the_stresses_of_a_deep_voice_are_left_some_height(tmp_path: Path) -> None:
    spoken = voice(6.0) * 0.02
    spoken[SECOND : SECOND + 900] *= 14
    found = laid(tmp_path, spoken)
    loose, tight = measured(found), measured(held(found, tmp_path / "h.f32"))
    assert loose.true_peak > -16 + CREST + MOST + 1
    assert tight.true_peak == pytest.approx(loose.true_peak - MOST, abs=0.8)
    assert tight.integrated == pytest.approx(-16, abs=0.05)


def test_an_even_voice_is_left_alone(tmp_path: Path) -> None:
    tone = np.sin(np.arange(3 * SECOND) * (2 * np.pi * 220 / SECOND)) * 0.1
    found = laid(tmp_path, tone)
    assert measured(found).true_peak < -16 + CREST
    assert held(found, tmp_path / "h.f32") is found


def test_a_line_that_loops_is_left_alone(tmp_path: Path) -> None:
    spoken = voice(3.0) * 0.05
    spoken[:900] *= 8
    found = laid(tmp_path, spoken, loop=True)
    assert measured(found).true_peak > -16 + CREST
    assert held(found, tmp_path / "h.f32") is found


def laid(folder: Path, spoken: NDArray[np.float64], *, loop: bool = False) -> Laid:
    sound = Sound(write_sound(folder / "v.wav", spoken), folder / "v.f32", "line")
    found, _ = lay(Placement(input="v", stem="dx", at=0, length=3 * SECOND, level=-160, loop=loop), sound)
    assert found
    return found
