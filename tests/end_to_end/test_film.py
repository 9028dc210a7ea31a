"""The example film, measured as delivered."""

import av
import numpy as np

from control.graph.model import Plan
from tests.end_to_end.conftest import Film
from tests.end_to_end.measure import (
    RATE,
    captions,
    decibels,
    frame_times,
    loudness,
    lumas,
    speech_probability,
    uniform,
    windows,
)
from tests.servers.speech import pitch

MAREN = ("Two hundred", "And who do", "Somebody late")
IVO = ("They said", "At midnight", "The satellites", "Then who")
BLACK = 16.0


def at(seconds: float) -> int:
    """Index of the speech detector's chunk at this time."""
    return int(seconds * 16_000 / 512)


def test_lasts_as_planned_at_a_constant_rate(film: Film) -> None:
    times, rate = frame_times(film.path)
    assert len(times) == 49 * 24
    assert rate == 24
    assert uniform(times)


def test_format(film: Film) -> None:
    with av.open(str(film.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.codec_context.pix_fmt) == (1280, 720, "yuv420p")
        assert (video.codec_context.colorspace, video.codec_context.color_range) == (1, 1)
        assert audio.rate == RATE
        assert audio.duration is not None
        assert audio.time_base is not None
        assert abs(float(audio.duration * audio.time_base) - 49) <= 1 / 24
    head = film.path.read_bytes()[:4096]
    assert b"moov" in head


def test_loudness_and_peak(film: Film) -> None:
    found = loudness(film.path)
    assert abs(found.integrated + 14) <= 0.5
    assert found.peak <= -1.5


def test_never_digitally_silent(film: Film) -> None:
    mix = film.stem("mix")
    quiet = [i * 0.1 for i, w in enumerate(windows(mix[: -RATE // 2], 0.1)) if decibels(w) < -80]
    assert quiet == []


def test_words_are_where_the_captions_say(film: Film) -> None:
    probability = speech_probability(film.stem("dx"))
    spoken = [c for c in captions(film.path.with_suffix(".srt")) if c.spoken]
    assert len(spoken) == 11
    for cue in spoken:
        heard = probability[at(cue.start) : at(cue.end) + 1]
        assert np.max(heard) > 0.6, cue
        first = next(i for i, p in enumerate(heard) if p > 0.4) * 512 / 16_000
        assert first <= 0.25, (cue, first)
    silent = np.ones(len(probability), bool)
    for cue in spoken:
        silent[max(at(cue.start) - 3, 0) : at(cue.end) + 4] = False
    assert np.mean(probability[silent] > 0.6) < 0.02


def test_music_is_ten_lu_under_words(film: Film) -> None:
    stems = film.path.with_suffix("") / "stems"
    checked = 0
    for cue in captions(film.path.with_suffix(".srt")):
        length = cue.end - cue.start
        if (
            not cue.spoken
            or length < 0.8
            or decibels(film.stem("mx")[int(cue.start * RATE) : int(cue.end * RATE)]) < -70
        ):
            continue
        words = loudness(stems / "dx.wav", cue.start, length).integrated
        music = loudness(stems / "mx.wav", cue.start, length).integrated
        assert music <= words - 10, (cue, words, music)
        checked += 1
    assert checked >= 4


def test_two_voices_are_told_apart(film: Film) -> None:
    dx = film.stem("dx")
    spoken = captions(film.path.with_suffix(".srt"))

    def voice(texts: tuple[str, ...]) -> tuple[float, float]:
        parts = [dx[int(c.start * RATE) : int(c.end * RATE)] for c in spoken if c.text.startswith(texts)]
        joined = np.concatenate(parts)
        spectrum = np.abs(np.fft.rfft(joined.mean(axis=1))) ** 2
        hertz = np.fft.rfftfreq(len(joined), 1 / RATE)
        band = (hertz > 80) & (hertz < 8000)
        return pitch(joined.mean(axis=1)), float(np.sum(hertz[band] * spectrum[band]) / np.sum(spectrum[band]))

    (maren, maren_centre), (ivo, ivo_centre) = voice(MAREN), voice(IVO)
    assert ivo > maren * 1.2
    assert ivo_centre > maren_centre * 1.1


def test_dark_is_dark_and_legal(film: Film, plan: Plan) -> None:
    dark = next(s for s in plan.shots if s.id == "dark")
    middle = dark.start + dark.frames // 2
    luma = lumas(film.path, {middle})[middle]
    assert np.percentile(luma, 1) >= BLACK - 1
    assert BLACK + 4 < luma.mean() < 90
    assert luma.std() > 4


def test_fades_begin_and_end_in_black(film: Film) -> None:
    last = 45 * 24 - 1
    found = lumas(film.path, {0, 18, 35, last - 30, last})
    assert found[0].mean() < BLACK + 2
    assert found[0].mean() < found[18].mean() < found[35].mean()
    assert found[last].mean() < BLACK + 3
    assert found[last - 30].mean() > found[last].mean() + 4


def test_every_shot_looks_different_and_moves(film: Film, plan: Plan) -> None:
    wanted = {s.start + s.frames // 2 for s in plan.shots} | {s.start + s.frames // 2 + 6 for s in plan.shots}
    found = lumas(film.path, wanted)
    for shot in plan.shots:
        middle = shot.start + shot.frames // 2
        assert np.abs(found[middle] - found[middle + 6]).mean() > 0.05, shot.label


def test_everything_lies_beside_the_film(film: Film) -> None:
    for suffix in (".srt", ".vtt", ".png", ".otio"):
        assert film.path.with_suffix(suffix).stat().st_size > 100
    stems = [film.stem(name) for name in ("dx", "fx", "amb", "mx", "nat")]
    assert {len(s) for s in stems} == {49 * RATE}


def test_command_reports_what_it_made(film: Film) -> None:
    last = film.run.last
    assert last["film"] == str(film.path)
    assert last["made"] > 40
    assert last["cost_usd"] == 0
