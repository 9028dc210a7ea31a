import tracemalloc

import numpy as np
import pytest

from functions.sound import score
from tests.functions.sound.conftest import Make, Stereo

RATE = 48_000
D2, A2 = 73.416, 110.0
DRONE, ANSWER = "one low cello note, held, no melody", "the same low note, a second voice joins a fifth above"


def level(sound: Stereo, frequency: float) -> float:
    """Amplitude in dB of the strongest bin within a quarter tone."""
    mono = sound.mean(axis=1)
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 2 * len(mono)))
    f = np.fft.rfftfreq(2 * len(mono), 1 / RATE)
    near = (f > frequency * 0.985) & (f < frequency * 1.015)
    return float(20 * np.log10(power[near].max() + 1e-9))


@pytest.mark.parametrize("prompt", [DRONE, ANSWER])
def test_cues_of_a_film_share_their_note(make: Make, prompt: str) -> None:
    above, below = [], []
    for seed in range(1, 4):  # The bow may turn while one of them is heard.
        start = make(prompt, "score", 10 * RATE, seed=seed)[1][RATE : 3 * RATE]
        above.append(level(start, D2) - level(start, D2 * 1.06))
        below.append(level(start, D2) - level(start, D2 / 1.06))
    assert np.median(above) > 20
    assert np.median(below) > 20


def test_the_second_voice_joins_later_a_fifth_above(make: Make) -> None:
    _, made = make(ANSWER, "score", 12 * RATE)
    before, after = made[RATE : 3 * RATE], made[8 * RATE : 10 * RATE]
    assert level(after, A2) - level(after, D2) > level(before, A2) - level(before, D2) + 15


def test_a_held_note_is_no_test_tone(make: Make) -> None:
    _, made = make(DRONE, "score", 10 * RATE)
    parts = [made[k * RATE : (k + 1) * RATE] for k in range(2, 9)]
    partials = np.array([[level(part, D2 * k) for k in range(1, 13)] for part in parts])
    assert (partials.max(axis=0) > partials.max() - 45).sum() >= 10, "a bowed string has many partials"
    relative = partials - partials[:, :1]
    assert np.ptp(relative, axis=0)[1:].mean() > 2, "each lives by itself"
    assert abs(float(np.corrcoef(made[:, 0], made[:, 1])[0, 1])) < 0.98, "and it stands in a room"


def test_it_swells_instead_of_starting(make: Make) -> None:
    _, made = make(DRONE, "score", 8 * RATE)
    assert np.abs(made[: RATE // 10]).max() < 0.25 * np.abs(made).max()


def body(sound: Stereo) -> float:
    """Share of the power that lies between 300 and 1000 Hz, in dB."""
    power = np.abs(np.fft.rfft(sound.mean(axis=1) * np.hanning(len(sound)))) ** 2
    f = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(10 * np.log10(power[(f >= 300) & (f < 1000)].sum() / power.sum()))


def test_no_seed_loses_the_body_of_a_cello(make: Make) -> None:
    shares = [body(make(DRONE, "score", 6 * RATE, seed=seed)[1]) for seed in range(1, 7)]
    assert min(shares) > -12
    assert np.ptp(shares) < 2.5


def test_a_long_cue_takes_no_more_memory_than_a_short_one() -> None:
    def most(seconds: int) -> int:
        tracemalloc.start()
        cue = score.compose(score.read(DRONE), seconds * RATE, np.random.default_rng(1))
        assert sum(len(block) for block in cue) == seconds * RATE
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert most(60) < 1.1 * most(12)


@pytest.mark.parametrize(
    "prompt",
    ["sad piano, sparse", "tense pulse", "warm strings", "dark drone", "bright", "epic, drums", "tension riser"],
)
def test_cues_have_their_length_and_loudness(make: Make, prompt: str) -> None:
    outcome, made = make(prompt, "score", 6 * RATE + 77)
    facts = outcome.facts["music.wav"]
    assert made.shape == (6 * RATE + 77, 2)
    assert facts.loudness == pytest.approx(-20, abs=3)
    assert facts.peak is not None
    assert facts.peak < -0.5
    assert outcome.notes == []
    assert outcome.degraded == []


@pytest.mark.parametrize("samples", [1, 500, RATE])
def test_short_cues_are_made_too(make: Make, samples: int) -> None:
    assert len(make(DRONE, "score", samples)[1]) == samples


def test_the_same_seed_is_the_same_cue(make: Make) -> None:
    first, second = (make("sad piano", "score", 2 * RATE)[1] for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, make("sad piano", "score", 2 * RATE, seed=9)[1])


def test_a_cue_in_unknown_words_is_plain_and_says_so(make: Make) -> None:
    outcome, made = make("zydeco polka", "score", RATE)
    assert len(made) == RATE
    assert [note.code for note in outcome.degraded] == ["cue_plain"]
    assert [note.detail for note in outcome.notes] == ["Not synthesised: zydeco, polka."]


@pytest.mark.parametrize(
    ("prompt", "shape"),
    [
        (DRONE, "held"),
        (ANSWER, "held"),
        ("a sad melody on the violin", "melody"),
        ("sparse piano", "sparse"),
        ("warm", "chords"),
        ("tense", "pulse"),
        ("rising tension", "riser"),
        ("happy, no melody", "chords"),
    ],
)
def test_prompts_choose_a_shape(prompt: str, shape: str) -> None:
    assert score.form(score.read(prompt)) == shape


@pytest.mark.parametrize(
    ("prompt", "root"),
    [("a low cello", 0), ("in G minor", 5), ("piano in F sharp", 4), ("Bb major pad", -4), ("a note", 0)],
)
def test_a_key_can_be_asked_for(prompt: str, root: int) -> None:
    assert score.read(prompt).root == root
