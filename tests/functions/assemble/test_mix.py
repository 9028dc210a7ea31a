"""The mix, measured by ffmpeg and by plain arithmetic."""

from pathlib import Path

import numpy as np
import pytest

from functions.assemble.engine import Assemble
from functions.contract.errors import DiskFull, InputError
from functions.contract.params import Gain, Mix, Placement, Room
from functions.media.loudness import oversampled_peaks
from tests.servers.assembly import Made, Workshop
from tests.servers.footage import (
    Sound,
    codes_of,
    measured,
    moving_clip,
    noise,
    run,
    sound_of,
    tone,
    voice,
    write_sound,
)

STEMS = ("dx", "fx", "amb", "mx", "nat")
SECOND = 48_000


def decibels(sound: Sound) -> float:
    return float(10 * np.log10(np.mean(sound**2)))


def stem(made: Made, name: str) -> Sound:
    return codes_of(made / f"{name}.wav") / 2**23


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind of sound."""
    folder = tmp_path_factory.mktemp("sounds")
    hit = noise(0.5, 0.3, 4)[:, 0] * np.exp(-np.arange(24_000) / 3000)
    made = {"line": voice(2.0), "short": voice(0.3), "hit": hit, "music": noise(8, 0.05, 2), "bed": noise(3, 0.02, 3)}
    return {name: write_sound(folder / f"{name}.wav", sound * 0.5) for name, sound in made.items()}


def line(at: float, **changes: object) -> Placement:
    base = Placement(input="line", stem="dx", at=round(at * SECOND), length=2 * SECOND, level=-160, fade_in=480)
    return base.model_copy(update={"fade_out": 480, **changes})


FILM = Mix(
    samples=10 * SECOND,
    placements=(
        line(2.0),
        line(6.0, gain=-30),
        Placement(input="hit", stem="fx", at=5 * SECOND, length=24_000, level=-80),
        Placement(input="bed", stem="amb", at=0, length=10 * SECOND, loop=True, level=-260, fade_in=9600),
        Placement(input="music", stem="mx", at=SECOND, length=8 * SECOND, level=-200, fade_in=SECOND, fade_out=SECOND),
    ),
    speech=((2 * SECOND, 4 * SECOND), (6 * SECOND, 8 * SECOND)),
    tail_fade=SECOND,
)


@pytest.fixture(scope="module")
def film(sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A film of ten seconds with everything in it."""
    return Workshop(tmp_path_factory.mktemp("film"))(FILM, sources)


def test_the_delivery_reaches_its_level_under_its_ceiling(film: Made) -> None:
    heard = measured(film / "mix.m4a")
    assert heard["I"] == pytest.approx(-14, abs=0.5)
    assert heard["Peak"] <= -1.5
    assert film.note("loudness") == pytest.approx(heard["I"], abs=0.15)
    assert film.note("true_peak") == pytest.approx(heard["Peak"], abs=0.3)
    assert film.note("loudness_range") == pytest.approx(heard["LRA"], abs=1.0)


def test_broadcast_is_quieter(make: Workshop, sources: dict[str, Path]) -> None:
    made = make(FILM.model_copy(update={"preset": "broadcast"}), sources)
    assert measured(made / "mix.m4a")["I"] == pytest.approx(-23, abs=0.5)


def test_stems_have_the_films_length_in_24_bits(film: Made) -> None:
    for name in (*STEMS, "mix"):
        assert codes_of(film / f"{name}.wav").shape == (FILM.samples, 2)
    assert abs(len(sound_of(film / "mix.m4a")) - FILM.samples) < 2000


def reference_limiter(sound: Sound, gain: float, ceiling: float) -> Sound:
    """The limiter as its definition reads, one sample after another."""
    loud = sound * 10 ** (gain / 20)
    peaks = oversampled_peaks(np.pad(sound, ((8, 8), (0, 0)))).astype(np.float32) * np.float64(10 ** (gain / 20))
    over = 20 * np.log10(np.maximum(peaks / 10 ** (ceiling / 20), 1.0))
    held = np.zeros(len(sound) + 480)
    current = 0.0
    for n, needed in enumerate(over):
        current = max(float(needed), current * float(np.exp(-1 / 3840)))
        held[240 + n] = current
    held[240 + len(sound) :] = current * np.exp(-np.arange(1, 241) / 3840)
    longest = np.array([held[n : n + 240].max() for n in range(len(sound) + 240)])
    window = np.hanning(242)[1:-1]
    reduction = np.convolve(longest, window / window.sum(), "valid")[1 : len(sound) + 1]
    return loud / 10 ** (reduction[:, None] / 20)


def test_stems_gain_and_limiter_are_the_mix(film: Made) -> None:
    summed: Sound = np.stack([codes_of(film / f"{name}.wav") for name in STEMS]).sum(axis=0) / 2**23
    expected = reference_limiter(summed, film.note("master_gain"), film.note("limiter_ceiling"))
    difference = codes_of(film / "mix.wav") - np.rint(expected * 2**23)
    assert np.abs(difference).max() <= 2
    assert np.abs(summed).max() > 10 ** ((film.note("limiter_ceiling") - film.note("master_gain")) / 20)


def test_each_line_lies_at_its_level(film: Made) -> None:
    assert measured(film / "dx.wav", 2, 2)["I"] == pytest.approx(-16, abs=0.5)
    assert measured(film / "dx.wav", 6, 2)["I"] == pytest.approx(-19, abs=0.5)


def test_a_short_line_is_levelled_by_rms(make: Workshop, sources: dict[str, Path]) -> None:
    short = line(1.0, input="short", length=14_400, fade_in=0, fade_out=0)
    made = make(Mix(samples=2 * SECOND, placements=(short,)), sources)
    assert decibels(stem(made, "dx")[SECOND : SECOND + 14_400]) == pytest.approx(-16, abs=0.1)


def test_hits_peak_where_they_should(film: Made) -> None:
    assert 20 * np.log10(np.abs(stem(film, "fx")).max()) == pytest.approx(-8, abs=0.05)


def test_music_and_ambience_lie_under_the_words(film: Made) -> None:
    for start in (2, 6):
        words = measured(film / "dx.wav", start, 2)["I"]
        assert measured(film / "mx.wav", start, 2)["I"] <= words - 10
        assert measured(film / "amb.wav", start, 2)["I"] <= words - 15
    assert measured(film / "mx.wav", 4.7, 0.6)["I"] > measured(film / "mx.wav", 2, 2)["I"] + 3
    assert film.codes.count("lowered_under_words") == 2


def test_what_lies_low_enough_is_left_alone(make: Workshop, sources: dict[str, Path]) -> None:
    low = Placement(input="music", stem="mx", at=0, length=5 * SECOND, level=-300)
    made = make(Mix(samples=5 * SECOND, placements=(line(1), low), speech=((SECOND, 3 * SECOND),)), sources)
    assert "lowered_under_words" not in made.codes
    assert measured(made / "mx.wav")["I"] == pytest.approx(-30, abs=0.3)


def test_envelopes_are_raised_cosines_between_their_points(make: Workshop, tmp_path: Path) -> None:
    points = (Gain(at=SECOND, level=0), Gain(at=SECOND + 9600, level=-120), Gain(at=2 * SECOND, level=-120))
    steady = write_sound(tmp_path / "t.wav", tone(3, 1000))
    music = Placement(input="t", stem="mx", at=0, length=3 * SECOND, level=-200, envelope=points)
    made = make(Mix(samples=3 * SECOND, placements=(music,), head_fade=0), {"t": steady})
    heard = stem(made, "mx")[:, 0] / np.where(tone(3, 1000) == 0, np.inf, tone(3, 1000))
    full = np.median(heard[1000:40_000])
    at = [SECOND - 10, SECOND + 2400, SECOND + 4800, SECOND + 7200, SECOND + 9700, 2 * SECOND + 5000]
    level = [20 * np.log10(np.median(heard[n - 8 : n + 9][heard[n - 8 : n + 9] != 0]) / full) for n in at]
    ease = [-12 * (1 - np.cos(np.pi * x)) / 2 for x in (0, 0.25, 0.5, 0.75, 1, 1)]
    assert level == pytest.approx(ease, abs=0.15)


def test_no_stretch_of_the_film_is_digitally_silent(film: Made) -> None:
    for sound in (codes_of(film / "mix.wav")[:-40], codes_of(film / "amb.wav")[:-480]):
        windows = np.abs(sound[: len(sound) // 960 * 960]).max(axis=1).reshape(-1, 960).max(axis=1)
        assert windows[1:].min() > 0


def test_room_tone_has_its_level_band_and_width(make: Workshop) -> None:
    made = make(Mix(samples=12 * SECOND, room=(Room(at=0, length=12 * SECOND, seed=7),), head_fade=0))
    sound = stem(made, "amb")
    assert decibels(sound) == pytest.approx(-58, abs=0.7)
    assert abs(np.mean(sound[:, 0] * sound[:, 1]) / np.mean(sound**2)) < 0.1
    power = np.abs(np.fft.rfft(sound[:, 0])) ** 2
    octave = [power[round(f * 12 / 1.41) : round(f * 12 * 1.41)].mean() for f in (10, 100, 200, 400, 800, 1600, 15_000)]
    steps = np.diff(10 * np.log10(octave))
    assert steps[1:5] == pytest.approx([-4.5] * 4, abs=1.0)
    assert steps[0] > 0
    assert steps[5] < -25
    assert made.codes[-1] == "under_target"


def test_rooms_cross_at_equal_power_and_gaps_are_filled(make: Workshop) -> None:
    rooms = (Room(at=0, length=4 * SECOND, seed=1), Room(at=4 * SECOND, length=2 * SECOND, seed=2))
    made = make(Mix(samples=9 * SECOND, room=rooms, head_fade=0))
    sound = stem(made, "amb")
    levels = [decibels(sound[n : n + SECOND // 2]) for n in range(0, 9 * SECOND, SECOND // 2)]
    assert max(levels) - min(levels) < 6
    assert np.mean(levels[7:9]) == pytest.approx(np.mean(levels), abs=1.5)
    assert decibels(sound) == pytest.approx(-58, abs=0.7)


def test_the_ends_fade(film: Made) -> None:
    sound = stem(film, "amb")
    assert np.abs(sound[:2]).max() < 1e-4
    assert decibels(sound[-SECOND // 4 :]) < decibels(sound[5 * SECOND : 6 * SECOND]) - 12
    assert np.abs(sound[-1]).max() < 1e-6


def test_a_bed_loops_without_a_seam(make: Workshop, tmp_path: Path) -> None:
    bed = write_sound(tmp_path / "bed.wav", np.repeat(tone(1.0, 331.7)[:, None], 2, axis=1))
    loop = Placement(input="bed", stem="amb", at=0, length=6 * SECOND, loop=True, level=-300)
    made = make(Mix(samples=6 * SECOND, placements=(loop,), head_fade=0), {"bed": bed})
    sound = stem(made, "amb")
    steepest = np.abs(np.diff(sound[:20_000, 0])).max()
    assert np.abs(np.diff(sound[:, 0])).max() < 1.5 * steepest
    noisy = write_sound(tmp_path / "noise.wav", noise(2.0))
    made = make(Mix(samples=6 * SECOND, placements=(loop,), head_fade=0), {"bed": noisy})
    levels = [decibels(stem(made, "amb")[n : n + 4800]) for n in range(0, 6 * SECOND, 4800)]
    assert max(levels) - min(levels) < 1.0


def test_spaces_sound_like_themselves(make: Workshop, tmp_path: Path) -> None:
    hiss = write_sound(tmp_path / "hiss.wav", noise(1.0, 0.1))
    heard = {}
    for space in ("dry", "interior", "offscreen", "device"):
        one = line(0.5, input="hiss", length=SECOND, space=space, fade_in=0, fade_out=0)
        heard[space] = make(Mix(samples=3 * SECOND, placements=(one,), head_fade=0), {"hiss": hiss})
    assert measured(heard["dry"] / "dx.wav", 0.5, 1)["I"] == pytest.approx(-16, abs=0.3)
    assert measured(heard["device"] / "dx.wav", 0.5, 1)["I"] == pytest.approx(-16, abs=0.3)
    assert measured(heard["offscreen"] / "dx.wav", 0.5, 1)["I"] == pytest.approx(-20, abs=0.3)

    def band(space: str, low: float, high: float) -> float:
        power = np.abs(np.fft.rfft(stem(heard[space], "dx")[:, 0])) ** 2
        return float(10 * np.log10(power[round(low * 3) : round(high * 3)].mean()))

    assert band("offscreen", 300, 1000) - band("offscreen", 9000, 11_000) > 15
    assert band("device", 800, 2000) - band("device", 60, 120) > 30
    assert band("device", 800, 2000) - band("device", 8000, 10_000) > 20
    tail = stem(heard["interior"], "dx")[round(1.51 * SECOND) : round(1.8 * SECOND)]
    dry = stem(heard["dry"], "dx")[round(1.51 * SECOND) : round(1.8 * SECOND)]
    assert np.abs(dry).max() == 0
    within = (
        stem(heard["interior"], "dx")[SECOND : SECOND + 20_000] - stem(heard["dry"], "dx")[SECOND : SECOND + 20_000]
    )
    assert decibels(within) - decibels(stem(heard["dry"], "dx")[SECOND : SECOND + 20_000]) == pytest.approx(-18, abs=1)
    assert -55 > decibels(tail[-4800:]) < decibels(tail[:4800]) - 15


def test_pan_keeps_power(make: Workshop, sources: dict[str, Path]) -> None:
    left = stem(make(Mix(samples=3 * SECOND, placements=(line(0.5, pan=-1000),)), sources), "dx")
    centre = stem(make(Mix(samples=3 * SECOND, placements=(line(0.5),)), sources), "dx")
    assert decibels(left) == pytest.approx(decibels(centre), abs=0.05)
    assert np.abs(left[:, 1]).max() < 1e-6


def test_the_same_job_gives_the_same_bytes(make: Workshop, sources: dict[str, Path]) -> None:
    wanted = FILM.model_copy(update={"samples": 3 * SECOND, "placements": FILM.placements[3:], "speech": ()})
    one, other = make(wanted, sources), make(wanted, sources)
    for name in ("mix.m4a", "mix.wav", "amb.wav", "mx.wav"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_silence_is_left_out_and_said(make: Workshop, sources: dict[str, Path], tmp_path: Path) -> None:
    nothing = write_sound(tmp_path / "none.wav", np.zeros((SECOND, 2)))
    music = Placement(input="none", stem="mx", at=0, length=3 * SECOND, loop=True, level=-200)
    hit = Placement(input="none", stem="fx", at=0, length=SECOND, level=-80)
    made = make(Mix(samples=3 * SECOND, placements=(music, hit, line(0.5))), {**sources, "none": nothing})
    assert made.codes.count("silent_input") == 2
    assert "sound" not in [n.detail for n in made.outcome.notes]
    assert not codes_of(made / "mx.wav").any()
    assert measured(made / "mix.m4a")["I"] == pytest.approx(-14, abs=0.5)


def test_a_sound_that_ends_early_is_said(make: Workshop, sources: dict[str, Path]) -> None:
    made = make(Mix(samples=4 * SECOND, placements=(line(0.5, length=3 * SECOND),)), sources)
    note = next(n for n in made.outcome.notes if n.code == "short_input")
    assert note.detail == "line at 0.50 s ends 1000 ms early"


@pytest.mark.parametrize("form", ["mono8k.wav", "surround.wav", "mono.mp3", "clip.mp4"])
def test_any_sound_is_taken(make: Workshop, tmp_path: Path, form: str) -> None:
    path = tmp_path / form
    speech = write_sound(tmp_path / "voice.wav", voice(2.0) * 0.4)
    how = {
        "mono8k.wav": ["-ar", "8000"],
        "surround.wav": ["-af", "pan=7.1|FC=c0|FL=0.3*c0|FR=0.3*c0|BL=0*c0|BR=0*c0|SL=0*c0|SR=0*c0|LFE=0*c0"],
        "mono.mp3": ["-b:a", "64k"],
        "clip.mp4": ["-i", str(moving_clip(tmp_path / "c.mp4", 2)), "-map", "0:a", "-map", "1:v", "-c:v", "copy"],
    }
    run("-i", str(speech), *how[form], str(path))
    made = make(Mix(samples=3 * SECOND, placements=(line(0.5, length=round(1.9 * SECOND)),)), {"line": path})
    assert measured(made / "dx.wav", 0.5, 1.9)["I"] == pytest.approx(-16, abs=0.5)


@pytest.mark.parametrize("content", [b"<!doctype html><html></html>" * 50, b"", b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_what_is_no_sound_is_named(make: Workshop, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(InputError, match="sound line"):
        make(Mix(samples=SECOND, placements=(line(0),)), {"line": tmp_path / "bad.wav"})


def test_a_picture_is_no_sound(make: Workshop, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sound line holds no sound"):
        make(Mix(samples=SECOND, placements=(line(0),)), {"line": moving_clip(tmp_path / "c.mp4")})


def test_a_missing_sound_is_named(make: Workshop) -> None:
    with pytest.raises(InputError, match="sound line is missing"):
        make(Mix(samples=SECOND, placements=(line(0),)))


def test_a_full_disk_is_said(make: Workshop, sources: dict[str, Path]) -> None:
    job = make.job(FILM, sources)
    (job.outputs / "dx.wav").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=r"no space left while writing dx\.wav"):
        Assemble(job.manifest).run(job)


def test_what_the_codec_adds_to_peaks_is_taken_back(make: Workshop, tmp_path: Path) -> None:
    hit = write_sound(tmp_path / "hit.wav", noise(0.4, 0.25, 9) * np.exp(-np.arange(19_200) / 1500)[:, None])
    hits = [Placement(input="hit", stem="fx", at=n * 24_000, length=19_200, level=0) for n in range(8)]
    made = make(Mix(samples=4 * SECOND, placements=tuple(hits)), {"hit": hit})
    assert made.note("limiter_ceiling") < -1.95
    assert measured(made / "mix.m4a")["Peak"] <= -1.5
    assert {"heavy_limiting", "under_target"} <= set(made.codes)
