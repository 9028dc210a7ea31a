import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from functions.catalog import builtin
from functions.contract.errors import ContractError, EngineError, InputError
from functions.contract.params import Dialogue
from functions.sound.engine import SoundSynth
from functions.sound.prompt import VOCABULARY, Sound
from tests.functions.sound.conftest import Make, Stereo
from tests.servers.job import LocalJob

RATE = 48_000
BEDS = [sound for sound in VOCABULARY.sounds if sound.kind == "bed"]
HITS = [sound for sound in VOCABULARY.sounds if sound.kind == "hit"]


def decibels(value: float) -> float:
    return float(20 * np.log10(max(value, 1e-12)))


def rms(sound: Stereo) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def centroid(sound: Stereo) -> float:
    """Mean frequency in Hz, weighted by power."""
    power = (np.abs(np.fft.rfft(sound, axis=0)) ** 2).sum(axis=1)
    return float((power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum())


def strongest(sound: Stereo, low: float, high: float) -> float:
    """Frequency of the strongest bin between two, in Hz."""
    power = np.abs(np.fft.rfft(sound.mean(axis=1) * np.hanning(len(sound)), 4 * len(sound)))
    f = np.fft.rfftfreq(4 * len(sound), 1 / RATE)
    power[(f < low) | (f > high)] = 0
    return float(f[np.argmax(power)])


def seam(loop: Stereo) -> float:
    """How the loop's join stands out: the treble at the wrap over the loudest treble met elsewhere."""
    bend = np.abs(np.diff(np.concatenate([loop, loop[:2]]), 2, axis=0)).max(axis=1)
    return float(bend[-3:].max() / np.quantile(bend, 0.9999))


@pytest.mark.parametrize("sound", BEDS, ids=lambda s: s.name)
def test_beds_have_their_length_their_loudness_and_no_seam(make: Make, sound: Sound) -> None:
    outcome, made = make(sound.name, "bed", 4 * RATE)
    facts = outcome.facts["sound.wav"]
    assert made.shape == (4 * RATE, 2)
    assert facts.samples == len(made)
    assert facts.loudness == pytest.approx(-26, abs=1.5)
    assert decibels(np.abs(made).max()) < -3
    assert seam(made) < 1.5
    assert min(rms(part) for part in np.split(made, 20)) > 1e-4, "no digital silence"


@pytest.mark.parametrize("sound", HITS, ids=lambda s: s.name)
def test_hits_peak_at_minus_8_and_end_in_silence(make: Make, sound: Sound) -> None:
    _, made = make(sound.name, "hit", 8 * RATE)
    assert made.shape[1] == 2
    assert 0.05 * RATE < len(made) <= 8 * RATE
    assert decibels(np.abs(made).max()) == pytest.approx(-8, abs=0.1)
    assert np.abs(made[-20:]).max() < 1e-3
    assert np.isfinite(made).all()


@pytest.mark.parametrize("samples", [1, 7, 479, 4_801, 41 * RATE + 13])
def test_beds_of_any_length_meet_their_beginning(make: Make, samples: int) -> None:
    _, made = make("wind", "bed", samples)
    assert len(made) == samples
    if samples > RATE:
        assert seam(made) < 1.5


@pytest.mark.parametrize("samples", [1, 100, RATE // 2])
def test_a_hit_never_passes_the_length_asked_for(make: Make, samples: int) -> None:
    assert len(make("thunder", "hit", samples)[1]) <= samples


def test_a_bed_can_be_heard_once_and_a_hit_now_and_then(make: Make) -> None:
    _, once = make("rain", "hit", 2 * RATE)
    assert np.abs(once[:100]).max() < 0.05 * np.abs(once).max()
    _, often = make("bell", "bed", 10 * RATE)
    assert len(often) == 10 * RATE


def test_room_tone_is_dark_noise_with_unrelated_sides(make: Make) -> None:
    _, made = make("room tone", "bed", 8 * RATE)
    assert abs(float(np.corrcoef(made[:, 0], made[:, 1])[0, 1])) < 0.1
    power = np.abs(np.fft.rfft(made[:, 0])) ** 2
    f = np.fft.rfftfreq(len(made), 1 / RATE)
    octaves = [power[(f >= low) & (f < 2 * low)].mean() for low in (60, 120, 240, 480, 960, 1920)]
    slopes = np.diff(10 * np.log10(octaves))
    assert ((slopes > -6.5) & (slopes < -2.5)).all(), "between pink (-3 dB) and brown (-6 dB an octave)"
    assert power[f > 12_000].mean() < 1e-3 * power[(f > 500) & (f < 2000)].mean()


def test_the_sea_rises_and_falls(make: Make) -> None:
    _, made = make("sea on rock", "bed", 20 * RATE)
    levels = np.array([decibels(rms(part)) for part in np.split(made, 40)])
    assert np.ptp(levels) > 7
    assert np.abs(np.diff(levels)).max() > 2


def test_clockwork_ticks_evenly_and_slowly_when_told_so(make: Make) -> None:
    def period(prompt: str) -> float:
        _, made = make(prompt, "bed", 12 * RATE)
        pulse = np.abs(np.diff(made.mean(axis=1)))[: 12 * RATE // 480 * 480 - 480].reshape(-1, 480).max(axis=1)
        pulse = pulse - pulse.mean()
        shape = np.fft.irfft(np.abs(np.fft.rfft(pulse, 2 * len(pulse))) ** 2)[: len(pulse)]
        return float((30 + np.argmax(shape[30:150])) / 100)

    assert period("clockwork") == pytest.approx(0.85, abs=0.08)
    assert period("slow clockwork") == pytest.approx(1.21, abs=0.1)


def test_a_motor_winding_down_falls_in_pitch_and_level(make: Make) -> None:
    _, made = make("great motor winding down", "hit", 6 * RATE)
    heights = [strongest(made[round(at * RATE) : round((at + 0.3) * RATE)], 90, 900) for at in (0.1, 0.8, 1.6)]
    assert heights[0] > 1.25 * heights[1] > 1.5 * heights[2]
    assert rms(made[: RATE // 2]) > 3 * rms(made[3 * RATE : 3 * RATE + RATE // 2])
    assert len(made) > len(make("motor winding down", "hit", 6 * RATE)[1]), "a great one takes longer"


def test_distance_darkens_weakens_and_lengthens(make: Make) -> None:
    _, near = make("ship's horn", "hit", 9 * RATE)
    _, far = make("ship's horn, very far away", "hit", 9 * RATE)
    assert decibels(np.abs(far).max()) < decibels(np.abs(near).max()) - 6
    assert centroid(far) < 0.85 * centroid(near)
    assert len(far) > len(near) + RATE


def test_walls_and_low_words_darken_a_bed(make: Make) -> None:
    plain = centroid(make("wind", "bed", 6 * RATE)[1])
    assert centroid(make("wind outside", "bed", 6 * RATE)[1]) < 0.8 * plain
    assert centroid(make("wind only, very low", "bed", 6 * RATE)[1]) < 0.8 * plain


def test_the_same_seed_is_the_same_sound_in_another_process(make: Make, tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from functions.catalog import builtin
from functions.contract.params import Sound
from functions.sound.engine import SoundSynth
from tests.servers.job import LocalJob
engine = SoundSynth(builtin()["sound-synth"])
wanted = Sound(prompt="sea on rock, wind", role="bed", samples=96_000, seed=5)
engine.run(LocalJob(Path(sys.argv[1]), engine.manifest, wanted, ["sound.wav"]))
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "other")], check=True)
    _, here = make("sea on rock, wind", "bed", 96_000)
    there = (tmp_path / "other/outputs/sound.wav").read_bytes()
    assert hashlib.sha256(there).digest() == hashlib.sha256((tmp_path / "outputs/sound.wav").read_bytes()).digest()
    assert not np.array_equal(here, make("sea on rock, wind", "bed", 96_000, seed=6)[1])


def test_an_instrument_can_be_an_effect(make: Make) -> None:
    _, made = make("piano note", "hit", 8 * RATE)
    assert len(made) <= 4 * RATE


def test_what_it_cannot_make_is_said(make: Make) -> None:
    with pytest.raises(EngineError, match=r"'a thundr of zebras'.*thunder"):
        make("a thundr of zebras")
    outcome, _ = make("rain on a corrugated roof")
    assert [note.detail for note in outcome.notes] == ["Not synthesised: corrugated, roof."]


def test_no_length_is_refused(make: Make) -> None:
    with pytest.raises(InputError, match="no length"):
        make("wind", "bed", 0)
    with pytest.raises(InputError, match="no length"):
        make("cello", "score", 0)


def test_another_kind_of_step_is_refused(tmp_path: Path) -> None:
    engine = SoundSynth(builtin()["sound-synth"])
    with pytest.raises(ContractError, match="asked for dialogue"):
        engine.run(LocalJob(tmp_path, engine.manifest, Dialogue(text="Hello."), ["sound.wav"]))
